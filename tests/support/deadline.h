/* SPDX-License-Identifier: MIT
 *
 * deadline: waiting for what another thread does, with an end.
 *
 *      struct deadline deadline = deadline_of("a send that waits for the client");
 *      while (dial_counter(engine, sends_short) == 0) {
 *          deadline_wait(&deadline);
 *      }
 *
 * Any thread may wait, with a deadline of its own.
 */
#ifndef TESTS_DEADLINE_H
#define TESTS_DEADLINE_H

#include <stdint.h>

struct deadline {
    const char *what; /* is waited for; borrowed */
    uint64_t end_ns;  /* of the monotonic clock */
};

/* 20 s from now. */
struct deadline deadline_of(const char *what);

/* Sleeps for a moment; ends the program, and says what did not happen, when the time is over. */
void deadline_wait(const struct deadline *deadline);

#endif
