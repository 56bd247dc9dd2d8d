/* SPDX-License-Identifier: MIT
 *
 * The thread that writes lines, into a pipe that takes nothing until the test reads it: a disk that is slow.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_writer.h"
#include "riposte/log.h"

enum { LINES_MORE = 100, LINE_SIZE = 64 };

static int ends[2];

static size_t say_lost(char *line, unsigned count) {
    return (size_t)sprintf(line, "lost %u\n", count);
}

static void open_pipe(void) {
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(log_writer_start(ends[1], say_lost), 0);
}

static void close_pipe(void) {
    log_writer_stop();
    close(ends[0]);
    close(ends[1]);
}

TestSuite(log_writer, .init = open_pipe, .fini = close_pipe, .timeout = 60);

/* Lines "<number> ...\n" of LINE_SIZE bytes each. */
static void put(unsigned number) {
    char line[LINE_SIZE + 1];
    snprintf(line, sizeof(line), "%-*u", LINE_SIZE, number);
    line[LINE_SIZE - 1] = '\n';
    cr_assert(log_writer_put(line, LINE_SIZE));
}

/* The next line that was written, without its end. */
static const char *next_line(void) {
    static char line[LINE_SIZE + 1];
    size_t size = 0;
    while (size < LINE_SIZE && read(ends[0], line + size, 1) == 1 && line[size] != '\n') {
        size++;
    }
    line[size] = '\0';
    return line;
}

Test(log_writer, writes_lines_in_their_order) {
    for (unsigned i = 0; i < 100; i++) {
        put(i);
    }
    log_writer_flush();
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(strtoul(next_line(), NULL, 10), i);
    }
}

Test(log_writer, writes_what_is_left_at_the_stop_and_takes_nothing_behind_it) {
    put(7);
    log_writer_stop();
    cr_expect_eq(strtoul(next_line(), NULL, 10), 7);
    cr_expect_not(log_writer_put("x\n", 2));
}

/* More than both buffers and the pipe hold: whoever logs returns all the same, or this test would not come to its end. */
Test(log_writer, holds_nobody_while_the_file_takes_nothing_and_says_what_was_lost) {
    unsigned pipe_size = (unsigned)fcntl(ends[1], F_GETPIPE_SZ);
    unsigned count = (2 * LOG_WRITER_SIZE_MAX + pipe_size) / LINE_SIZE + LINES_MORE;
    for (unsigned i = 0; i < count; i++) {
        put(i);
    }
    /* Lines are lost more than once where the thread was late to take the first ones. */
    unsigned written = 0, lost = 0;
    while (written + lost < count) {
        const char *line = next_line();
        if (strncmp(line, "lost ", 5) == 0) {
            lost += (unsigned)strtoul(line + 5, NULL, 10);
        } else {
            cr_assert_eq(strtoul(line, NULL, 10), written + lost);
            written++;
        }
    }
    cr_expect_geq(lost, LINES_MORE);
    cr_expect_eq(written + lost, count);
}
