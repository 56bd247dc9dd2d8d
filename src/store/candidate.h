/* SPDX-License-Identifier: MIT
 *
 * candidate: which segment is emptied next. In this order:
 *  1. one in which everything has expired or was flushed;
 *  2. one of which at least a quarter is dead, tail included: what lives is copied, nothing is pushed out
 *     (where nothing may be, a sixteenth, and no tail but of a segment that was closed early);
 *  3. the oldest of the small queue, if that holds more than its share (ghost.h), otherwise of main.
 * Segments that replies send from stay where they are: they would not come free.
 *
 * That is where room is short. A log is sparse before that, when more of it is dead than lives (of large items twice as much), and
 * more than the reserve. Keys that are written over and over fill segments that stay while one item in them lives: of n items to a
 * segment, written evenly, 1 + 1/2 + ... + 1/n times of what lives is kept, for 100 bytes ten times, up to the limit. Then 1, and 2
 * from a half on. How much is copied for that: of what a segment took in t of such turnovers ago e^-t lives, and where as much is dead as
 * lives in all, the segment that is worth most has x left with (1 - x) / ln(1 / x) = 1/2, x = 0.2: one byte is copied for four that
 * are won. Of large items few share a segment, and copying is most of what a set costs.
 */
#ifndef RIPOSTE_STORE_CANDIDATE_H
#define RIPOSTE_STORE_CANDIDATE_H

#include "state.h"

enum candidate_search {
    CANDIDATE_NONE,   /* nothing is looked for */
    CANDIDATE_OVER,   /* 1 alone */
    CANDIDATE_SPARSE, /* 1 and 2 where the log is sparse */
    CANDIDATE_ANY,    /* 1 to 3 */
};

/*
 * Its number, and how it is to be emptied; SEGMENT_NONE: there is none. 1 and 2 are looked for among the next few descriptors, another
 * time among those that follow. Under the arena's lock, which is let go meanwhile.
 */
uint32_t candidate_find(struct store_worker *worker, enum candidate_search search, enum evict_mode *mode);

#endif
