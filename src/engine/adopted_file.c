/* SPDX-License-Identifier: MIT
 *
 * adopted_file: whether the next bytes are in memory, and what brings them there.
 */
#include "adopted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "riposte/protocol.h"

enum {
    SAMPLE_SIZE = 64 * 1024,
    AHEAD_SIZE = 2 * 1024 * 1024,
    /* For the same bytes, each PROTOCOL_LATER_MS after the one before: a file system may ignore the advice. */
    ASKS_MAX = 1000 / PROTOCOL_LATER_MS,
};

struct adopted_file {
    struct reply_file sent; /* the first: what the reply knows of it */
    uint64_t asked_offset;
    unsigned asks_count; /* for the bytes there */
};

/* False: it is on a disk. What cannot be read is found by who sends it; where a file system cannot say, it is taken for there. */
static bool sample_is_there(int fd, uint64_t offset) {
    char byte;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    return preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

static bool part_is_there(int fd, uint64_t offset, size_t size) {
    for (size_t at = 0; at < size; at += SAMPLE_SIZE) {
        if (!sample_is_there(fd, offset + at)) {
            return false;
        }
    }
    return size == 0 || sample_is_there(fd, offset + size - 1);
}

static bool adopted_file_ready(struct reply_file *sent, uint64_t offset, size_t size) {
    struct adopted_file *file = (struct adopted_file *)sent;
    if (part_is_there(sent->fd, offset, size)) {
        return true;
    }
    if (offset != file->asked_offset || file->asks_count == 0) {
        file->asked_offset = offset;
        file->asks_count = 0;
        int failed = posix_fadvise(sent->fd, (off_t)offset, AHEAD_SIZE, POSIX_FADV_WILLNEED);
        (void)failed; /* an advice */
    }
    return ++file->asks_count > ASKS_MAX;
}

static void adopted_file_release(struct reply_file *sent) {
    close(sent->fd);
    free(sent);
}

struct reply_file *adopted_file_create(int fd) {
    struct adopted_file *file = malloc(sizeof(*file));
    if (file == NULL) {
        return NULL;
    }
    *file = (struct adopted_file){
        .sent = {.fd = fd, .ready = adopted_file_ready, .release = adopted_file_release},
    };
    return &file->sent;
}
