/* SPDX-License-Identifier: MIT
 *
 * terminal: the whole screen, and what is typed (ncurses).
 */
#ifndef TOP_TERMINAL_H
#define TOP_TERMINAL_H

#include "failure.h"
#include "paint.h"

enum terminal_key { TERMINAL_NOTHING, TERMINAL_QUIT, TERMINAL_PAUSE, TERMINAL_SORT, TERMINAL_RESIZED };

/* Takes the screen. False and *failure where TERM names none. */
bool terminal_begin(struct failure *failure);

/* Gives it back as it was. */
void terminal_end(void);

/* Shows the view in place of what is there. */
void terminal_show(const struct view *view, const struct paint_state *state);

/* What is typed within so many ms. */
enum terminal_key terminal_key(unsigned wait_ms);

#endif
