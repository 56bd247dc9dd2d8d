/* SPDX-License-Identifier: MIT
 *
 * idle: makes connections one after the other, waiting for each. See idle.h.
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

enum { RECEIVE_SIZE = 16384 };

/* A connected socket, or a negative errno. */
static int connect_one(const struct target *target, uint32_t source_index, uint64_t timeout_ns) {
    int fd = target_socket(target, source_index);
    if (fd < 0) {
        return fd;
    }
    struct timeval timeout = {
        .tv_sec = (time_t)(timeout_ns / CLOCK_NS_PER_S),
        .tv_usec = (suseconds_t)(timeout_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_US),
    };
    /* The first bounds connect() too (socket(7)), the second what a handshake waits for. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_size) < 0) {
        int status = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
        close(fd);
        return status;
    }
    return fd;
}

/* 0 or a negative errno. */
static int output_send(int fd, struct tls *tls) {
    while (tls_has_output(tls)) {
        struct bytes output = tls_output_take(tls);
        ssize_t sent = send(fd, output.data, output.size, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
        tls_output_sent(tls, (size_t)sent);
    }
    return 0;
}

/* 0 or a negative errno; EPROTO: tls_reason says more. */
static int handshake(int fd, struct tls *tls) {
    char received[RECEIVE_SIZE];
    for (;;) {
        enum tls_status step = tls_handshake(tls);
        int status = output_send(fd, tls);
        if (step != TLS_MORE || status < 0) {
            return step == TLS_DONE ? status : -EPROTO;
        }
        ssize_t got = recv(fd, received, sizeof(received), 0);
        if (got <= 0) {
            return got == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
        tls_input(tls, bytes_of(received, (size_t)got));
    }
}

/* What TLS would need to go on is forgotten: nothing more will be said. */
static int handshake_one(int fd, struct tls *tls) {
    int status = tls_begin(tls) ? handshake(fd, tls) : -ENOMEM;
    if (status < 0) {
        close(fd);
        return status;
    }
    tls_end(tls);
    return fd;
}

static int idle_add(const struct idle *idle, const struct scenario *scenario, struct tls *tls) {
    uint32_t source_index = scenario->rotate_sources ? idle->count + 1 : 0;
    int fd = connect_one(&scenario->target, source_index, scenario->options->timeout_ns);
    return fd < 0 || tls == NULL ? fd : handshake_one(fd, tls);
}

static void fail(const struct idle *idle, const struct scenario *scenario, int status, const struct tls *tls,
                 struct failure *failure) {
    failure_write(failure, status == -EMFILE ? EXIT_CODE_SYSTEM : EXIT_CODE_ENDED_EARLY,
                  "idle connection %u to %s cannot be made: %s", idle->count + 1, scenario->target.name,
                  status == -EPROTO ? tls_reason(tls) : strerror(-status));
}

bool idle_open(struct idle *idle, const struct scenario *scenario, struct failure *failure) {
    uint32_t max = (uint32_t)scenario->options->idle_count;
    struct tls *tls = scenario->tls != NULL ? tls_create(scenario->tls) : NULL;
    *idle = (struct idle){.max = max, .fds = calloc(max + 1, sizeof(int)), .has_tls = scenario->tls != NULL};
    if (idle->fds == NULL || (idle->has_tls && tls == NULL)) {
        failure_write(failure, EXIT_CODE_SYSTEM, "no memory for %u idle connections", max);
    }
    while (!failure_happened(failure) && idle->count < max) {
        int fd = idle_add(idle, scenario, tls);
        if (fd < 0) {
            fail(idle, scenario, fd, tls, failure);
        } else {
            idle->fds[idle->count++] = fd;
        }
    }
    tls_destroy(tls);
    return !failure_happened(failure);
}

/* A server's offers to resume come behind the handshake: with TLS bytes are no fault, only the end is. */
static bool is_lost(int fd, bool has_tls) {
    char bytes[RECEIVE_SIZE];
    ssize_t got;
    do {
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    } while (has_tls && got > 0);
    return got >= 0 || errno != EAGAIN;
}

uint32_t idle_lost(const struct idle *idle) {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < idle->count; i++) {
        lost += is_lost(idle->fds[i], idle->has_tls);
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
