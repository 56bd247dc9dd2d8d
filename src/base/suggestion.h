/* SPDX-License-Identifier: MIT
 *
 * suggestion: the known word that somebody who mistyped may have meant. Keeps no state but its struct.
 */
#ifndef RIPOSTE_BASE_SUGGESTION_H
#define RIPOSTE_BASE_SUGGESTION_H

#include "riposte/bytes.h"

/* Longest word that is compared, in bytes; a longer one has no near neighbour. */
enum { SUGGESTION_WORD_SIZE_MAX = 40 };

/*
 * Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal
 * string alignment).
 */
unsigned suggestion_distance(struct bytes left, struct bytes right);

struct suggestion {
    struct bytes typed;
    const void *best; /* the candidate's tag; NULL while none is near enough */
    unsigned distance;
};

struct suggestion suggestion_begin(struct bytes typed);

/*
 * Takes the candidate when it is nearer than the best so far: at most a third of the typed word may be wrong,
 * or a candidate begins with it.
 */
void suggestion_consider(struct suggestion *suggestion, const char *candidate, const void *tag);

#endif
