/* SPDX-License-Identifier: MIT
 *
 * paint: lays a view out as lines of a screen, for a terminal and for a pipe alike. Pure.
 */
#ifndef TOP_PAINT_H
#define TOP_PAINT_H

#include "view.h"

enum { PAINT_COLUMNS_MAX = 256 };

enum paint_style { PAINT_PLAIN, PAINT_TITLE, PAINT_HEADING, PAINT_WARNING };

/* Where lines go, from the top. */
struct paint_target {
    unsigned columns; /* of one line at most, up to PAINT_COLUMNS_MAX */
    unsigned rows;    /* at most so many lines */
    void (*line)(void *user, unsigned row, enum paint_style style, const char *text);
    void *user;
};

struct paint_state {
    const char *time; /* "12:34:56" */
    enum view_sort sort;
    bool paused;
    bool has_keys; /* the last line says which keys of the keyboard there are */
};

void paint_view(const struct paint_target *target, const struct view *view, const struct paint_state *state);

#endif
