/* SPDX-License-Identifier: MIT
 *
 * idle: makes connections with blocking calls, keeps them, and counts those that the server ended.
 */
#include "idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "exit_code.h"
#include "riposte/clock.h"

/* A connected socket, or a negative errno. */
static int connect_one(const struct target *target, uint32_t source_index, uint64_t timeout_ns) {
    int fd = target_socket(target, source_index);
    if (fd < 0) {
        return fd;
    }
    /* Bounds connect() too (socket(7)). */
    struct timeval timeout = {
        .tv_sec = (time_t)(timeout_ns / CLOCK_NS_PER_S),
        .tv_usec = (suseconds_t)(timeout_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_US),
    };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_size) < 0) {
        int status = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
        close(fd);
        return status;
    }
    return fd;
}

bool idle_open(struct idle *idle, const struct target *target, uint32_t count, bool rotate_sources,
               uint64_t timeout_ns, struct failure *failure) {
    *idle = (struct idle){.max = count, .fds = calloc(count + 1, sizeof(int))};
    if (idle->fds == NULL) {
        failure_write(failure, EXIT_CODE_SYSTEM, "no memory for %u idle connections", count);
        return false;
    }
    while (idle->count < count) {
        int fd = connect_one(target, rotate_sources ? idle->count + 1 : 0, timeout_ns);
        if (fd < 0) {
            failure_write(failure, fd == -EMFILE ? EXIT_CODE_SYSTEM : EXIT_CODE_ENDED_EARLY,
                          "idle connection %u to %s cannot be made: %s", idle->count + 1, target->name,
                          strerror(-fd));
            return false;
        }
        idle->fds[idle->count++] = fd;
    }
    return true;
}

uint32_t idle_lost(const struct idle *idle) {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < idle->count; i++) {
        char byte;
        ssize_t got = recv(idle->fds[i], &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
        lost += got >= 0 || (errno != EAGAIN);
    }
    return lost;
}

void idle_close(struct idle *idle) {
    for (uint32_t i = 0; i < idle->count; i++) {
        close(idle->fds[i]);
    }
    free(idle->fds);
    *idle = (struct idle){0};
}
