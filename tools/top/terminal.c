/* SPDX-License-Identifier: MIT
 *
 * terminal: ncurses, and nothing but it. See terminal.h.
 */
#include "terminal.h"

#include <curses.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

bool terminal_begin(struct failure *failure) {
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
        return failure_set(failure, EX_USAGE, "this is no terminal; --once prints one screen");
    }
    /* newterm, since initscr would end the process by itself where TERM is unknown. */
    if (newterm(NULL, stdout, stdin) == NULL) {
        return failure_set(failure, EX_UNAVAILABLE,
                           "TERM names no terminal that is known here; --once prints one screen");
    }
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_RED, -1);
    }
    return true;
}

void terminal_end(void) {
    endwin();
}

static void line_show(void *user, unsigned row, enum paint_style style, const char *text) {
    static const attr_t attributes[] = {[PAINT_PLAIN] = A_NORMAL,
                                        [PAINT_TITLE] = A_BOLD,
                                        [PAINT_HEADING] = A_REVERSE,
                                        [PAINT_WARNING] = A_BOLD};
    (void)user;
    attrset((int)attributes[style]);
    if (style == PAINT_WARNING && has_colors()) {
        attron(COLOR_PAIR(1));
    }
    mvaddstr((int)row, 0, text);
    /* A heading is a bar across the screen. */
    for (int at = getcurx(stdscr); style == PAINT_HEADING && getcury(stdscr) == (int)row && at < COLS - 1;
         at++) {
        addch(' ');
    }
    attrset(A_NORMAL);
}

void terminal_show(const struct view *view, const struct paint_state *state) {
    const struct paint_target target = {
        .columns = (unsigned)COLS, .rows = (unsigned)LINES, .line = line_show};
    erase();
    paint_view(&target, view, state);
    refresh();
}

enum terminal_key terminal_key(unsigned wait_ms) {
    timeout((int)wait_ms);
    switch (getch()) {
    case 'q':
    case 'Q':
    case 3: /* ^C, where the terminal does not make a signal of it */
        return TERMINAL_QUIT;
    case 'p':
    case ' ':
        return TERMINAL_PAUSE;
    case 's':
        return TERMINAL_SORT;
    case KEY_RESIZE:
        return TERMINAL_RESIZED;
    default:
        return TERMINAL_NOTHING;
    }
}
