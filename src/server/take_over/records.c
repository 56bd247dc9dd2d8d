/* SPDX-License-Identifier: MIT
 *
 * records: writes pieces of the memory that goes over, and reads them. See records.h.
 */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int records_write(int fd, const char *data, size_t size, uint64_t offset) {
    while (size > 0) {
        ssize_t done = pwrite(fd, data, size, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? -errno : -EIO;
        }
        data += done;
        size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

char *records_read(int fd, uint64_t offset, uint64_t size, int *result) {
    struct stat status;
    *result = -EPROTO;
    if (fstat(fd, &status) < 0 || size > (uint64_t)status.st_size ||
        offset > (uint64_t)status.st_size - size) {
        return NULL;
    }
    char *bytes = malloc(size + 1);
    *result = bytes == NULL ? -ENOMEM : 0;
    for (size_t at = 0; bytes != NULL && at < size;) {
        ssize_t done = pread(fd, bytes + at, size - at, (off_t)(offset + at));
        if (done == 0 || (done < 0 && errno != EINTR)) {
            *result = done < 0 ? -errno : -EPROTO;
            free(bytes);
            return NULL;
        }
        at += done > 0 ? (size_t)done : 0;
    }
    return bytes;
}
