/* SPDX-License-Identifier: MIT
 *
 * wrap: text for people, broken between words where the paper or the terminal ends.
 *
 *      <---- indent ----> words of a line that is too long
 *                         go on below, at the same column
 */
#ifndef RIPOSTE_BASE_WRAP_H
#define RIPOSTE_BASE_WRAP_H

#include <stdio.h>

#include "riposte/bytes.h"

/* Where the next word goes. One thread owns it. */
struct wrap {
    FILE *file;       /* borrowed */
    unsigned columns; /* most of one line; a longer word stands alone */
    unsigned indent;  /* of every line but the first */
    unsigned at;      /* column; columns are bytes: the text is ASCII */
};

/* Ends the line and begins one at the indent. */
void wrap_break(struct wrap *wrap);

/* Words of one line, each after a space if the line has begun. */
void wrap_words(struct wrap *wrap, struct bytes line);

#endif
