/* SPDX-License-Identifier: MIT
 *
 * run_delay: reads a line of three numbers.
 */
#include "run_delay.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 3 * 21 };

/* The number before the next `end`, which is taken off, too. */
static bool number_before(struct bytes *text, char end, uint64_t *number) {
    size_t size = bytes_before(*text, end);
    if (size == text->size || !bytes_parse_u64(bytes_of(text->data, size), number)) {
        return false;
    }
    *text = bytes_after(*text, size + 1);
    return true;
}

bool run_delay_parse(struct bytes text, struct run_delay *delay) {
    uint64_t ran_ns;
    struct run_delay read;
    if (!number_before(&text, ' ', &ran_ns) || !number_before(&text, ' ', &read.waited_ns) ||
        !number_before(&text, '\n', &read.runs_count)) {
        return false;
    }
    /* A kernel that could count and was told not to (delayacct) shows zeros. The thread that asks has run. */
    if (read.runs_count == 0) {
        return false;
    }
    *delay = read;
    return true;
}

bool run_delay_read(int fd, struct run_delay *delay) {
    char line[LINE_SIZE_MAX];
    ssize_t size = pread(fd, line, sizeof(line), 0);
    return size > 0 && run_delay_parse(bytes_of(line, (size_t)size), delay);
}

int run_delay_open(void) {
    struct run_delay delay;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (!run_delay_read(fd, &delay)) {
        close(fd);
        return -ENODATA;
    }
    return fd;
}
