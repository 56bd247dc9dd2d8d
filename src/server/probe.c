/* SPDX-License-Identifier: MIT
 *
 * probe: connects, asks, and reads the begin of the answer, never longer than it may.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "listen.h"
#include "riposte/clock.h"
#include "riposte/memcached.h"

enum {
    PROBE_PORT = 11211,
    ANSWER_SIZE = 128, /* bytes of an answer that are looked at */
};

struct probe {
    uint64_t deadline_ns;
    int fd;
    char answer[ANSWER_SIZE];
    size_t answer_size;
};

static bool speaks_memcached(const struct listen *listen) {
    return listen->protocol->protocol == &memcached_protocol;
}

/* 0 or a negative errno: -ETIMEDOUT where its time is over first. */
static int probe_wait(const struct probe *probe, short events) {
    struct pollfd wait = {.fd = probe->fd, .events = events};
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t left_ns = now_ns < probe->deadline_ns ? probe->deadline_ns - now_ns : 0;
        int count = poll(&wait, 1, (int)((left_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS));
        if (count > 0) {
            return 0;
        }
        if (count == 0 || errno != EINTR) {
            return count == 0 ? -ETIMEDOUT : -errno;
        }
    }
}

static int probe_connect(const struct probe *probe, const struct listen *listen) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (connect(probe->fd, (const struct sockaddr *)&listen->address, listen->address_size) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return -errno; /* of a Unix socket also EAGAIN: as many wait to be accepted as may */
    }
    int result = probe_wait(probe, POLLOUT);
    if (result == 0 && getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        return -errno;
    }
    return result < 0 ? result : -error;
}

/* A request fits into the queue of a new connection at once. */
static int probe_ask(const struct probe *probe, const struct listen *listen) {
    static const char memcached[] = "version\r\n";
    static const char http[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const char *request = speaks_memcached(listen) ? memcached : http;
    return send(probe->fd, request, strlen(request), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The first line, or as much of it as there is room for; without its end. */
static int probe_read_line(struct probe *probe) {
    probe->answer_size = 0;
    for (;;) {
        int result = probe_wait(probe, POLLIN);
        if (result < 0) {
            return result;
        }
        ssize_t got = recv(probe->fd, probe->answer + probe->answer_size,
                           sizeof(probe->answer) - probe->answer_size, 0);
        if (got <= 0) {
            return got < 0 ? -errno : -ECONNRESET;
        }
        probe->answer_size += (size_t)got;
        const char *end = memchr(probe->answer, '\r', probe->answer_size);
        if (end != NULL || probe->answer_size == sizeof(probe->answer)) {
            probe->answer_size = end != NULL ? (size_t)(end - probe->answer) : probe->answer_size;
            return 0;
        }
    }
}

static bool answer_begins_with(const struct probe *probe, const char *words) {
    size_t size = strlen(words);
    return probe->answer_size >= size && memcmp(probe->answer, words, size) == 0;
}

static bool answer_is_well(const struct probe *probe, const struct listen *listen) {
    return speaks_memcached(listen) ? answer_begins_with(probe, "VERSION ") ||
                                          answer_begins_with(probe, "CLIENT_ERROR unauthenticated")
                                    : answer_begins_with(probe, "HTTP/1.1 200 ");
}

/* Unprintable bytes are not for a terminal: whoever listens there may be anybody. */
static void answer_clean(struct probe *probe) {
    for (size_t i = 0; i < probe->answer_size; i++) {
        probe->answer[i] = probe->answer[i] >= ' ' && probe->answer[i] <= '~' ? probe->answer[i] : '?';
    }
}

static int probe_talk(struct probe *probe, const struct listen *listen) {
    int result = probe_connect(probe, listen);
    result = result == 0 ? probe_ask(probe, listen) : result;
    return result == 0 ? probe_read_line(probe) : result;
}

/* Whether this address serves; a line says so. */
static bool probe_address(struct probe *probe, const struct listen *listen, FILE *file) {
    char text[LISTEN_TEXT_SIZE_MAX];
    listen_text(listen, text);
    probe->fd = socket(listen->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int result = probe->fd < 0 ? -errno : probe_talk(probe, listen);
    bool is_well = result == 0 && answer_is_well(probe, listen);
    answer_clean(probe);
    if (result < 0) {
        fprintf(file, "%s: %s\n", text, strerror(-result));
    } else {
        fprintf(file, "%s: %s\n", text, is_well ? "serves" : "has another answer");
        if (!is_well) {
            fprintf(file, "    %.*s\n", (int)probe->answer_size, probe->answer);
        }
    }
    if (probe->fd >= 0) {
        close(probe->fd);
    }
    return is_well;
}

int probe_run(const char *text, unsigned timeout_ms, FILE *file) {
    static const struct listen_defaults defaults = {
        .flag = "--probe", .protocol = "memcached", .port = PROBE_PORT, .tls = LISTEN_TLS_OFF};
    struct listen_list list = {.count = 0};
    struct failure failure = {0};
    struct probe probe = {.deadline_ns = clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS};
    if (!listen_list_add(&list, &defaults, text, &failure)) {
        fprintf(file, "%s\n", failure.text);
        return failure.exit_status == EX_USAGE ? EX_USAGE : EXIT_FAILURE;
    }
    for (unsigned i = 0; i < list.count; i++) {
        if (list.listens[i].tls >= LISTEN_TLS_ON) {
            fprintf(file,
                    "--probe %s: it speaks no TLS; another address of the server, or a Unix socket, can be "
                    "asked\n",
                    text);
            return EX_USAGE;
        }
    }
    bool is_well = false;
    for (unsigned i = 0; i < list.count && !is_well; i++) {
        is_well = probe_address(&probe, &list.listens[i], file);
    }
    return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
