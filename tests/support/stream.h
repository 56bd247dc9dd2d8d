/* SPDX-License-Identifier: MIT
 *
 * stream: requests of one connection, answered at once, and again cut at random, its session saved and loaded at each cut.
 */
#ifndef TESTS_STREAM_H
#define TESTS_STREAM_H

#include "talk.h"

/* How a test opens its server and connection, and closes them; and what was answered, without what may differ (a date). */
struct stream_side {
    void (*open)(void);
    void (*close)(void);
    struct talk *talk;
    struct bytes (*output)(struct talk *talk);
};

/*
 * Fails the test, with the seed, unless both are answered the same, in 200 rounds. The stream is `begin`, `filler_size` times 'v', `end`; the
 * side is open, before and afterwards. RIPOSTE_SEED repeats a run.
 */
void stream_check_moves(const struct stream_side *side, const char *begin, size_t filler_size,
                        const char *end);

#endif
