/* SPDX-License-Identifier: MIT
 *
 * line_file: writes what a file takes, and begins with a line again behind what it did not.
 */
#include "line_file.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { ROOM_WAIT_MS = 500 };

/* What is left of them. What fits PIPE_BUF does not block once there is room: neither the server nor its stop is held up. */
static struct bytes file_take(struct line_file *file, struct bytes bytes) {
    while (bytes.size > 0) {
        struct pollfd room = {.fd = file->fd, .events = POLLOUT};
        size_t piece_size = bytes.size < PIPE_BUF ? bytes.size : PIPE_BUF;
        if (poll(&room, 1, ROOM_WAIT_MS) <= 0 || (room.revents & POLLOUT) == 0) {
            return bytes;
        }
        ssize_t taken = write(file->fd, bytes.data, piece_size);
        if (taken <= 0) {
            return bytes;
        }
        file->in_line = bytes.data[taken - 1] != '\n';
        bytes = bytes_after(bytes, (size_t)taken);
    }
    return bytes;
}

static uint64_t lines_count(struct bytes bytes) {
    uint64_t count = 0;
    const char *end;
    while (bytes.size > 0 && (end = memchr(bytes.data, '\n', bytes.size)) != NULL) {
        bytes = bytes_after(bytes, (size_t)(end - bytes.data) + 1);
        count++;
    }
    return count;
}

/* The bytes are lost. */
static uint64_t file_lose(struct line_file *file, struct bytes bytes) {
    if (bytes.size > 0) {
        file->skips = bytes.data[bytes.size - 1] != '\n';
    }
    return lines_count(bytes);
}

/* Behind lines that were lost: the half of one that was taken is ended. False: not even that is taken. */
static bool file_end_line(struct line_file *file) {
    return !file->in_line || file_take(file, bytes_of("\n", 1)).size == 0;
}

uint64_t line_file_write(struct line_file *file, struct bytes bytes) {
    uint64_t lost_count = 0;
    if (file->skips) {
        const char *end = bytes.size > 0 ? memchr(bytes.data, '\n', bytes.size) : NULL;
        size_t size = end != NULL ? (size_t)(end - bytes.data) + 1 : bytes.size;
        lost_count = file_lose(file, bytes_of(bytes.data, size));
        bytes = bytes_after(bytes, size);
    }
    if (file->lost && bytes.size > 0) {
        if (!file_end_line(file)) {
            return lost_count + file_lose(file, bytes);
        }
        file->lost = false;
    }
    struct bytes left = file_take(file, bytes);
    file->lost |= left.size > 0;
    return lost_count + file_lose(file, left);
}
