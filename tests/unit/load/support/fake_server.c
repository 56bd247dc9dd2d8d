/* SPDX-License-Identifier: MIT
 *
 * fake_server: one thread that polls its sockets, answers as memcached does, and commits one fault.
 */
#include "fake_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 65536 + 256, DRIP_MS = 20 };

/* One connection: what it sent and was not yet executed. */
struct peer {
    int fd; /* -1: free */
    char input[FAKE_INPUT_MAX];
    size_t input_size;
    unsigned replies; /* of HTTP */
};

struct session {
    struct fake_server *server;
    struct peer peers[FAKE_CONNECTIONS_MAX];
};

static void sleep_ms(unsigned time_ms) {
    struct timespec left = {.tv_sec = time_ms / 1000, .tv_nsec = (long)(time_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {
    }
}

static void peer_close(struct peer *peer) {
    close(peer->fd);
    peer->fd = -1;
    peer->input_size = 0;
    peer->replies = 0;
}

static void send_all(struct peer *peer, const char *data, size_t size) {
    while (size > 0 && peer->fd >= 0) {
        ssize_t sent = send(peer->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) {
            peer_close(peer);
            return;
        }
        data += sent;
        size -= (size_t)sent;
    }
}

/* The right reply to a get of `key`; returns its size. */
static size_t value_reply(struct fake_server *server, uint32_t key, char *reply) {
    char name[KEY_SIZE_MAX + 1] = {0};
    struct value value = value_of(&server->workload.values, key);
    key_write(&server->workload.keys, key, name);
    size_t size = (size_t)snprintf(reply, REPLY_MAX, "VALUE %s 0 %zu\r\n", name, value.size);
    value_copy(&value, reply + size);
    size += value.size;
    memcpy(reply + size, "\r\nEND\r\n", 7);
    return size + 7;
}

/* Sends the reply to a get in the way the fault demands. */
static void reply_with_fault(struct fake_server *server, struct peer *peer, uint32_t key) {
    char reply[REPLY_MAX];
    size_t size = value_reply(server, key, reply);
    switch (server->fault) {
    case FAKE_NONE:
    case FAKE_SILENT:
        return;
    case FAKE_STALL:
        sleep_ms(server->stall_ms);
        break;
    case FAKE_DRIP:
        for (size_t i = 0; i < size && peer->fd >= 0; i++) {
            send_all(peer, reply + i, 1);
            sleep_ms(DRIP_MS);
        }
        return;
    case FAKE_CLOSE:
        peer_close(peer);
        return;
    case FAKE_CLOSE_MIDDLE:
        send_all(peer, reply, size / 2);
        peer_close(peer);
        return;
    case FAKE_ERROR:
        size = (size_t)snprintf(reply, sizeof(reply), "SERVER_ERROR out of order\r\n");
        break;
    case FAKE_MISS:
        size = (size_t)snprintf(reply, sizeof(reply), "END\r\n");
        break;
    case FAKE_WRONG_KEY:
        size = value_reply(server, key ^ 1, reply);
        break;
    case FAKE_WRONG_VALUE:
        reply[size - 8] ^= 1;
        break;
    case FAKE_WRONG_LENGTH:
        size = (size_t)snprintf(reply, sizeof(reply), "VALUE key:%012u 0 3\r\nabc\r\nEND\r\n", key);
        break;
    case FAKE_SHORT:
        size = (size_t)snprintf(reply, sizeof(reply), "VALUE key:%012u 0 32\r\ntoo short\r\nEND\r\n", key);
        break;
    case FAKE_GARBAGE:
        size = (size_t)snprintf(reply, sizeof(reply), "I am a teapot\r\n");
        break;
    case FAKE_EXTRA:
        send_all(peer, reply, size);
        break;
    case FAKE_INTERRUPT:
        kill(getpid(), SIGINT);
        break;
    }
    send_all(peer, reply, size);
}

static bool fault_applies(const struct fake_server *server, uint64_t request) {
    bool goes_on = server->fault == FAKE_SILENT || server->fault == FAKE_DRIP;
    return server->fault != FAKE_NONE &&
           (goes_on ? request >= server->at_request : request == server->at_request);
}

static void execute_get(struct fake_server *server, struct peer *peer, uint32_t key) {
    char reply[REPLY_MAX];
    if (fault_applies(server, atomic_fetch_add(&server->requests, 1) + 1)) {
        reply_with_fault(server, peer, key);
    } else {
        send_all(peer, reply, value_reply(server, key, reply));
    }
}

static void execute_noop(struct fake_server *server, struct peer *peer) {
    atomic_fetch_add(&server->noops, 1);
    if (fault_applies(server, atomic_fetch_add(&server->requests, 1) + 1)) {
        reply_with_fault(server, peer, 0);
    } else {
        send_all(peer, "MN\r\n", 4);
    }
}

/*
 * One page; closes the connection when its replies are used up. Returns the bytes of the request, 0 when it
 * is not complete.
 */
static size_t execute_http(struct fake_server *server, struct peer *peer) {
    const char *end = memmem(peer->input, peer->input_size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    char reply[256];
    bool is_last = ++peer->replies == server->close_every;
    atomic_fetch_add(&server->requests, 1);
    size_t size =
        (size_t)snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n%s\r\nhello",
                         is_last ? "Connection: close\r\n" : "");
    send_all(peer, reply, size);
    if (is_last) {
        /*
         * The client's other requests are unread: a plain close would reset the connection and lose the
         * reply.
         */
        shutdown(peer->fd, SHUT_WR);
        char rest[4096];
        while (recv(peer->fd, rest, sizeof(rest), 0) > 0) {
        }
        peer_close(peer);
    }
    return (size_t)(end - peer->input) + 4;
}

/* Executes the first request of the input; returns the bytes it took, 0 when it is not complete. */
static size_t execute_first(struct fake_server *server, struct peer *peer) {
    if (peer->input_size >= 4 && memcmp(peer->input, "GET ", 4) == 0) {
        return execute_http(server, peer);
    }
    const char *feed = memchr(peer->input, '\n', peer->input_size);
    if (feed == NULL) {
        return 0;
    }
    size_t line_size = (size_t)(feed - peer->input) + 1;
    unsigned key;
    size_t value_size;
    char line[256] = {0};
    memcpy(line, peer->input, line_size < sizeof(line) ? line_size : sizeof(line) - 1);
    if (strcmp(line, "mn\r\n") == 0) {
        execute_noop(server, peer);
        return line_size;
    }
    if (sscanf(line, "get key:%u", &key) == 1) {
        execute_get(server, peer, key);
        return line_size;
    }
    cr_assert_eq(sscanf(line, "set key:%u 0 0 %zu", &key, &value_size), 2, "%s", line);
    if (peer->input_size < line_size + value_size + 2) {
        return 0;
    }
    struct value value = value_of(&server->workload.values, key);
    cr_assert_eq(value.size, value_size);
    cr_assert(value_size == 0 || value_matches(&value, 0, bytes_of(feed + 1, value_size)),
              "a set with a wrong value");
    send_all(peer, "STORED\r\n", 8);
    return line_size + value_size + 2;
}

static void serve(struct fake_server *server, struct peer *peer) {
    ssize_t got = recv(peer->fd, peer->input + peer->input_size, sizeof(peer->input) - peer->input_size, 0);
    if (got <= 0) {
        peer_close(peer);
        return;
    }
    peer->input_size += (size_t)got;
    size_t done = 0;
    size_t taken;
    do {
        taken = peer->input_size > 0 ? execute_first(server, peer) : 0;
        if (peer->fd < 0) {
            return;
        }
        memmove(peer->input, peer->input + taken, peer->input_size - taken);
        peer->input_size -= taken;
        done += taken;
    } while (taken > 0);
    cr_assert(peer->input_size < sizeof(peer->input));
}

static void accept_one(struct session *session) {
    int fd = accept(session->server->listener, NULL, NULL);
    int on = 1;
    /* Replies are sent one by one: with Nagle's delay a batch would take 40 ms. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    atomic_fetch_add(&session->server->accepted, 1);
    for (unsigned i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        if (session->peers[i].fd < 0) {
            session->peers[i].fd = fd;
            return;
        }
    }
    close(fd);
}

static void *server_main(void *argument) {
    struct session *session = calloc(1, sizeof(*session));
    session->server = argument;
    for (unsigned i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        session->peers[i].fd = -1;
    }
    for (;;) {
        struct pollfd events[2 + FAKE_CONNECTIONS_MAX];
        events[0] = (struct pollfd){.fd = session->server->stop_event, .events = POLLIN};
        events[1] = (struct pollfd){.fd = session->server->listener, .events = POLLIN};
        for (unsigned i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
            events[2 + i] = (struct pollfd){.fd = session->peers[i].fd, .events = POLLIN};
        }
        poll(events, 2 + FAKE_CONNECTIONS_MAX, -1);
        if (events[0].revents != 0) {
            break;
        }
        for (unsigned i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
            if (events[2 + i].revents != 0 && session->peers[i].fd >= 0) {
                serve(session->server, &session->peers[i]);
            }
        }
        if (events[1].revents != 0) {
            accept_one(session);
        }
    }
    for (unsigned i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        if (session->peers[i].fd >= 0) {
            peer_close(&session->peers[i]);
        }
    }
    free(session);
    return NULL;
}

/* A listening socket on a free port. */
static int listen_anywhere(int backlog, uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void fake_server_start(struct fake_server *server, const char *value_sizes) {
    struct value_sizes sizes;
    cr_assert(value_sizes_parse(bytes_from_string(value_sizes), &sizes));
    cr_assert(values_init(&server->workload.values, &sizes));
    cr_assert_eq(keys_init(&server->workload.keys, bytes_from_string("key:"), 16, UINT32_MAX), KEYS_OK);
    server->listener = listen_anywhere(128, &server->port);
    server->stop_event = eventfd(0, EFD_CLOEXEC);
    cr_assert(server->stop_event >= 0);
    cr_assert_eq(pthread_create(&server->thread, NULL, server_main, server), 0);
}

void fake_server_stop(struct fake_server *server) {
    uint64_t one = 1;
    cr_assert_eq(write(server->stop_event, &one, sizeof(one)), (ssize_t)sizeof(one));
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->stop_event);
    values_deinit(&server->workload.values);
}

uint16_t fake_full_listener(int *fds) {
    uint16_t port;
    fds[0] = listen_anywhere(0, &port);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* A backlog of 0 holds one connection; the second one's handshake is not answered any more. */
    for (unsigned i = 1; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int status = connect(fds[i], (struct sockaddr *)&address, sizeof(address));
        cr_assert(status == 0 || errno == EINPROGRESS);
    }
    return port;
}

uint16_t fake_dead_port(void) {
    uint16_t port;
    close(listen_anywhere(1, &port));
    return port;
}
