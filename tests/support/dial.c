/* SPDX-License-Identifier: MIT
 *
 * dial: starts and stops engines, connects to them, sends and reads with time limits.
 */
#include "dial.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

enum { PATIENCE_S = 20 };

struct engine_listen dial_listen(const struct protocol *protocol) {
    struct engine_listen listen = {.protocol = protocol, .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&listen.address;
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return listen;
}

struct engine_listen dial_listen_unix(const struct protocol *protocol, const char *path) {
    struct engine_listen listen = {
        .protocol = protocol, .address_size = sizeof(struct sockaddr_un), .unix_mode = 0700};
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&listen.address;
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
    return listen;
}

struct engine_config dial_config(enum engine_transport transport, const struct engine_listen *listen) {
    struct engine_config config;
    engine_config_init(&config);
    config.transport = transport;
    config.workers_count = 2;
    config.pin = false;
    config.listens = listen;
    config.listens_count = 1;
    return config;
}

struct engine *dial_start(const struct engine_config *config) {
    struct engine *engine = NULL;
    struct engine_error error;
    cr_assert(engine_create(config, &engine, &error) == 0, "%s", error.message);
    cr_assert(engine_start(engine, &error) == 0, "%s", error.message);
    return engine;
}

void dial_stop(struct engine *engine) {
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    cr_expect_eq(dial_counter(engine, connections_current), 0);
    engine_destroy(engine);
}

struct engine_counters dial_counters(const struct engine *engine) {
    struct engine_counters sum;
    engine_counters_sum(engine, &sum);
    return sum;
}

int dial_address(const void *address, socklen_t size, int family) {
    int fd = socket(family, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    int failed = connect(fd, address, size);
    if (failed < 0 && errno == EINTR) {
        /*
         * The kernel tidies up the ring that engine_create tried the kernel with; the connection goes on
         * being made (connect(2)).
         */
        struct pollfd made = {.fd = fd, .events = POLLOUT};
        socklen_t length = sizeof(errno);
        while (poll(&made, 1, PATIENCE_S * 1000) < 0 && errno == EINTR) {
        }
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &length);
        failed = errno;
    }
    cr_assert(failed == 0, "connect: %s", strerror(errno));
    return fd;
}

int dial_port(const struct engine *engine, unsigned listen_index) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(engine_port(engine, listen_index)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = dial_address(&address, sizeof(address), AF_INET);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int dial(const struct engine *engine) {
    return dial_port(engine, 0);
}

void dial_send(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        cr_assert(sent > 0, "send: %s", strerror(errno));
        at += sent;
        size -= (size_t)sent;
    }
}

/* As recv(2), again after EINTR: the kernel tidies up the ring that engine_create tried the kernel with. */
static ssize_t dial_recv(int fd, void *data, size_t size) {
    ssize_t received;
    do {
        received = recv(fd, data, size, 0);
    } while (received < 0 && errno == EINTR);
    return received;
}

void dial_expect(int fd, const void *data, size_t size) {
    char *got = malloc(size + 1);
    size_t count = 0;
    while (count < size) {
        ssize_t received = dial_recv(fd, got + count, size - count);
        cr_assert(received > 0, "after %zu of %zu bytes: %s", count, size,
                  received == 0 ? "end" : strerror(errno));
        count += (size_t)received;
    }
    cr_assert(memcmp(got, data, size) == 0);
    free(got);
}

void dial_expect_end(int fd) {
    char byte;
    ssize_t received = dial_recv(fd, &byte, 1);
    cr_assert_eq(received, 0, "%s instead of an end", received > 0 ? "a byte" : strerror(errno));
}

void dial_expect_open(int fd, int quiet_ms) {
    struct pollfd quiet = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&quiet, 1, quiet_ms), 0, "the connection has ended, or something came");
}
