/* SPDX-License-Identifier: MIT
 *
 * line_file: writes lines into a file that may take nothing for a while (a full disk, a pipe nobody reads), so that what it takes is
 * whole lines again afterwards.
 *
 *      ... last line\n | half a li          the file takes no more: the rest of this line, and those behind it, are lost
 *                      | half a li\nnext    it does again: the half is ended, so that it does not run into the next
 *
 * One thread.
 */
#ifndef HTTP_LINE_FILE_H
#define HTTP_LINE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

/* All zero but for fd: a file whose last line is ended. */
struct line_file {
    int fd;       /* owned by whoever opened it */
    bool in_line; /* what it took last was not the end of a line */
    bool lost;    /* something was lost behind what it took last */
    bool skips;   /* the bytes that come belong to a line whose begin is lost */
};

/*
 * Writes bytes that go on where those of the last call ended; what the file does not take within half a second is lost.
 * Returns how many lines ended in that.
 */
uint64_t line_file_write(struct line_file *file, struct bytes bytes);

#endif
