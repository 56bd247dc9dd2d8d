/* SPDX-License-Identifier: MIT
 *
 * What lies on a disk is fetched before it is sent; nobody is asked for ever.
 */
#include "adopted_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "riposte/protocol.h"

TestSuite(adopted_file, .timeout = 60);

enum { PART_SIZE = 512 * 1024, FILE_SIZE = 8 * PART_SIZE };

/* A file on a disk, where there is one. */
static int file_make(void) {
    static char bytes[FILE_SIZE];
    char path[] = "/var/tmp/riposte-adopted-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    memset(bytes, 'x', sizeof(bytes));
    cr_assert_eq(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    return fd;
}

/* None of it is in memory any more. False: the file system keeps it, or cannot say. */
static bool file_cool(int fd) {
    char byte;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    cr_assert_eq(fsync(fd), 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return preadv2(fd, &piece, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

Test(adopted_file, what_is_in_memory_is_sent_at_once) {
    struct reply_file *file = adopted_file_create(file_make());
    cr_assert(file->ready(file, 0, PART_SIZE));
    cr_assert(file->ready(file, FILE_SIZE - 1, 1));
    cr_assert(file->ready(file, FILE_SIZE, PART_SIZE), "who sends finds the end");
    cr_assert(file->ready(file, 0, 0));
    file->release(file);
}

Test(adopted_file, what_is_not_is_fetched_first) {
    struct reply_file *file = adopted_file_create(file_make());
    if (!file_cool(file->fd)) {
        cr_skip_test("the file system of /var/tmp does not say what is in memory");
    }
    cr_assert_not(file->ready(file, 0, PART_SIZE), "nobody waits for the disk");
    struct deadline deadline = deadline_of("the bytes");
    const struct timespec pause = {.tv_nsec = PROTOCOL_LATER_MS * 1000000L};
    for (uint64_t offset = 0; offset < FILE_SIZE; offset += PART_SIZE) {
        while (!file->ready(file, offset, PART_SIZE)) {
            nanosleep(&pause, NULL);
            deadline_wait(&deadline);
        }
    }
    file->release(file);
}
