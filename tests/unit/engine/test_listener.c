/* SPDX-License-Identifier: MIT
 *
 * Listening sockets of the running kernel: what is free is taken, what somebody else uses is left alone, and each
 * refusal says so.
 */
#include "listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "dial.h"

enum { BACKLOG = 16, SHARED = 3, EAGER_CONNECTIONS = 8 };

TestSuite(listener, .timeout = 60);

static struct sockaddr_storage loopback(uint16_t port) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(port);
    return address;
}

static void open_tcp(struct sockaddr_storage *address, int *fds, unsigned count) {
    struct engine_error error;
    int result = listener_open_tcp(address, sizeof(struct sockaddr_in), BACKLOG, fds, count, &error);
    cr_assert_eq(result, 0, "%s", error.message);
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    cr_assert_eq(getsockopt(fd, level, name, &value, &size), 0, "%s", strerror(errno));
    return value;
}

/* What listen(2) was told: TCP_INFO of one that listens (tcp_get_info, Linux 2.6.28 and later). */
static unsigned backlog_of(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof(info);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_sacked;
}

static int connect_tcp(const struct sockaddr_storage *address) {
    return dial_address(address, sizeof(struct sockaddr_in), AF_INET);
}

/* Waits until a connection is in the queue of one of these, and accepts it. */
static int accept_from(const int *fds, unsigned count) {
    struct pollfd waiting[SHARED];
    for (unsigned i = 0; i < count; i++) {
        waiting[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    cr_assert_geq(poll(waiting, count, 20000), 1, "nobody waits");
    for (unsigned i = 0; i < count; i++) {
        if (waiting[i].revents != 0) {
            return listener_accept_now(fds[i], false);
        }
    }
    return -EAGAIN;
}

Test(listener, takes_a_free_port_for_port_0_and_says_which) {
    struct sockaddr_storage address = loopback(0);
    int fds[SHARED];
    open_tcp(&address, fds, SHARED);
    cr_assert_neq(address_port(&address), 0);
    for (int i = 0; i < SHARED; i++) {
        struct sockaddr_storage bound;
        socklen_t size = sizeof(bound);
        cr_assert_eq(getsockname(fds[i], (struct sockaddr *)&bound, &size), 0);
        cr_expect_eq(backlog_of(fds[i]), BACKLOG);
        cr_assert_eq(address_port(&bound), address_port(&address));
        close(fds[i]);
    }
}

Test(listener, every_client_reaches_one_of_the_sockets) {
    enum { CLIENTS = 12 };
    struct sockaddr_storage address = loopback(0);
    int fds[SHARED], clients[CLIENTS];
    open_tcp(&address, fds, SHARED);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = connect_tcp(&address);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int accepted = accept_from(fds, SHARED);
        cr_assert_geq(accepted, 0, "%s", strerror(-accepted));
        close(accepted);
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    for (int i = 0; i < SHARED; i++) {
        close(fds[i]);
    }
}

Test(listener, its_connections_send_at_once_and_notice_a_peer_that_is_gone) {
    struct sockaddr_storage address = loopback(0);
    int fd;
    open_tcp(&address, &fd, 1);
    int client = connect_tcp(&address), accepted = accept_from(&fd, 1);
    cr_expect_neq(option(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_expect_neq(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_expect_neq(fcntl(accepted, F_GETFD) & FD_CLOEXEC, 0);
    cr_expect_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    close(client);
    close(accepted);
    close(fd);
}

Test(listener, a_port_in_use_is_refused_and_nothing_stays_open) {
    struct sockaddr_storage address = loopback(0);
    int first[SHARED], second[SHARED];
    struct engine_error error;
    open_tcp(&address, first, SHARED);
    int next = dup(STDIN_FILENO);
    close(next);
    cr_assert_eq(listener_open_tcp(&address, sizeof(struct sockaddr_in), BACKLOG, second, SHARED, &error),
                 -EADDRINUSE);
    cr_assert_eq(error.error, -EADDRINUSE);
    char text[ADDRESS_TEXT_SIZE_MAX];
    address_text(&address, text);
    cr_assert_not_null(strstr(error.message, text), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "in use"), "%s", error.message);
    int after = dup(STDIN_FILENO);
    cr_assert_eq(after, next, "a descriptor is left open");
    close(after);
    for (int i = 0; i < SHARED; i++) {
        close(first[i]);
    }
}

/* A client that tries to connect again and again, and what became of the connections it got. */
struct eager {
    struct sockaddr_storage address;
    atomic_bool ends;
    unsigned connected; /* read when the thread has ended */
    int fds[EAGER_CONNECTIONS];
};

static void *connect_eagerly(void *argument) {
    struct eager *eager = argument;
    /* relaxed: nothing but the end is told by it */
    while (!atomic_load_explicit(&eager->ends, memory_order_relaxed) &&
           eager->connected < EAGER_CONNECTIONS) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&eager->address, sizeof(struct sockaddr_in)) == 0) {
            eager->fds[eager->connected++] = fd;
        } else {
            close(fd);
        }
    }
    return NULL;
}

/* How many of its connections came through an opening of the address; none of them is reset. */
static unsigned open_beside(struct eager *eager) {
    int fds[SHARED];
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, connect_eagerly, eager), 0);
    open_tcp(&eager->address, fds, SHARED);
    atomic_store_explicit(&eager->ends, true, memory_order_relaxed);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < eager->connected; i++) {
        char byte;
        ssize_t received = recv(eager->fds[i], &byte, 1, MSG_DONTWAIT);
        cr_assert(received < 0 && errno == EAGAIN, "connection %u: %s", i,
                  received < 0 ? strerror(errno) : "it has ended");
        close(eager->fds[i]);
    }
    for (int i = 0; i < SHARED; i++) {
        close(fds[i]);
    }
    return eager->connected;
}

Test(listener, who_connects_as_soon_as_he_can_is_not_reset) {
    enum { OPENINGS_MAX = 20000, CONNECTED_MIN = 50 };
    struct sockaddr_storage address = loopback(0);
    int fd;
    open_tcp(&address, &fd, 1);
    close(fd);
    unsigned connected = 0;
    for (unsigned opening = 0; opening < OPENINGS_MAX && connected < CONNECTED_MIN; opening++) {
        struct eager eager = {.address = address};
        connected += open_beside(&eager);
    }
    cr_assert_gt(connected, 0, "no client was in time");
}

static bool options_come_too_late;

/* The library's, but that a socket which listens may be told to stay alone whatever it asks for: a kernel that looks at the bind only. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
    int listens = 0;
    socklen_t listens_size = sizeof(listens);
    if (options_come_too_late && level == SOL_SOCKET && name == SO_REUSEPORT) {
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size);
    }
    return listens != 0 ? 0 : (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

Test(listener, sockets_share_an_address_where_the_first_has_to_be_bound_anew) {
    struct sockaddr_storage address = loopback(0);
    int fds[SHARED];
    options_come_too_late = true;
    open_tcp(&address, fds, SHARED);
    int client = connect_tcp(&address), accepted = accept_from(fds, SHARED);
    cr_assert_geq(accepted, 0, "%s", strerror(-accepted));
    close(accepted);
    close(client);
    for (int i = 0; i < SHARED; i++) {
        cr_expect_eq(backlog_of(fds[i]), BACKLOG);
        close(fds[i]);
    }
}

/* Lets go of the address a little later, as a killed server does. */
static void *close_later(void *fd) {
    const struct timespec pause = {.tv_nsec = 30000000};
    nanosleep(&pause, NULL);
    close(*(int *)fd);
    return NULL;
}

Test(listener, waits_for_an_address_that_is_let_go_of_soon) {
    struct engine_error error;
    int result = -EADDRINUSE;
    /* A busy machine may wake the other thread too late; not ten times. */
    for (int attempt = 0; attempt < 10 && result == -EADDRINUSE; attempt++) {
        struct sockaddr_storage address = loopback(0);
        int first, second;
        open_tcp(&address, &first, 1);
        pthread_t thread;
        cr_assert_eq(pthread_create(&thread, NULL, close_later, &first), 0);
        result = listener_open_tcp(&address, sizeof(struct sockaddr_in), BACKLOG, &second, 1, &error);
        pthread_join(thread, NULL);
        if (result == 0) {
            close(second);
        }
    }
    cr_assert_eq(result, 0, "%s", error.message);
}

Test(listener, connections_that_ended_do_not_hold_the_port) {
    struct sockaddr_storage address = loopback(0);
    int fd;
    open_tcp(&address, &fd, 1);
    int client = connect_tcp(&address), accepted = accept_from(&fd, 1);
    close(accepted); /* first: this side keeps TIME_WAIT */
    dial_expect_end(client);
    close(client);
    close(fd);
    open_tcp(&address, &fd, 1);
    close(fd);
}

Test(listener, an_address_of_another_machine_is_an_error_with_a_hint) {
    struct sockaddr_storage address = loopback(0);
    ((struct sockaddr_in *)(void *)&address)->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, RFC 5737 */
    struct engine_error error;
    int fd;
    cr_assert_eq(listener_open_tcp(&address, sizeof(struct sockaddr_in), BACKLOG, &fd, 1, &error),
                 -EADDRNOTAVAIL);
    cr_assert_not_null(strstr(error.message, "no such address"), "%s", error.message);
}

Test(listener, ipv4_and_ipv6_of_one_port_are_two_addresses) {
    struct sockaddr_storage four = loopback(0), six = {0};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&six;
    struct engine_error error;
    int fd, fd6;
    ((struct sockaddr_in *)(void *)&four)->sin_addr.s_addr = htonl(INADDR_ANY);
    open_tcp(&four, &fd, 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_addr = in6addr_any;
    in6->sin6_port = htons(address_port(&four));
    int result = listener_open_tcp(&six, sizeof(*in6), BACKLOG, &fd6, 1, &error);
    if (result == -EAFNOSUPPORT) {
        cr_skip_test("no IPv6 here");
    }
    cr_assert_eq(result, 0, "%s", error.message);
    close(fd);
    close(fd6);
}

/* --- accepting ------------------------------------------------------------------------------------------ */

Test(listener, accepting_when_nobody_waits_does_not_wait) {
    struct sockaddr_storage address = loopback(0);
    int fd;
    open_tcp(&address, &fd, 1);
    cr_assert_eq(listener_accept_now(fd, true), -EAGAIN);
    close(fd);
}

Test(listener, an_accepted_socket_waits_or_not_as_asked_for) {
    struct sockaddr_storage address = loopback(0);
    int fd;
    open_tcp(&address, &fd, 1);
    listener_set_nonblocking(fd);
    for (int nonblocking = 0; nonblocking <= 1; nonblocking++) {
        int client = connect_tcp(&address);
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&waiting, 1, 20000), 1);
        int accepted = listener_accept_now(fd, nonblocking);
        cr_assert_geq(accepted, 0, "%s", strerror(-accepted));
        cr_assert_eq((fcntl(accepted, F_GETFL) & O_NONBLOCK) != 0, nonblocking);
        close(accepted);
        close(client);
    }
    cr_assert_eq(accept(fd, NULL, NULL), -1);
    cr_assert_eq(errno, EAGAIN, "the listener itself does not wait any more");
    close(fd);
}

/* --- inheriting ------------------------------------------------------------------------------------------ */

/* A socket on a free port of the loopback that listens, as a service manager passes it: it does not wait. */
static int foreign_listener(void) {
    struct sockaddr_storage address = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

Test(listener, an_inherited_socket_becomes_like_one_of_its_own) {
    struct sockaddr_storage address;
    socklen_t size;
    struct engine_error error;
    int fd = foreign_listener();
    cr_assert_eq(listener_inherit(fd, &address, &size, &error), 0, "%s", error.message);
    cr_assert_eq(size, sizeof(struct sockaddr_in));
    cr_assert_neq(address_port(&address), 0);
    cr_expect_neq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0, "another may still accept from it");
    cr_expect_eq(backlog_of(fd), 1, "and has its own backlog");
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    listener_set_blocking(fd);
    listener_adopt(fd, false, BACKLOG);
    cr_expect_eq(backlog_of(fd), BACKLOG);
    cr_expect_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0, "a ring's accept waits");
    int client = connect_tcp(&address), accepted = accept_from(&fd, 1);
    cr_expect_neq(option(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_expect_neq(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
    close(accepted);
    close(client);
    close(fd);
}

static void expect_not_inherited(int fd) {
    struct sockaddr_storage address;
    socklen_t size;
    struct engine_error error = {0};
    char name[32];
    snprintf(name, sizeof(name), "descriptor %d ", fd);
    cr_assert_lt(listener_inherit(fd, &address, &size, &error), 0);
    cr_assert_lt(error.error, 0);
    cr_assert_not_null(strstr(error.message, name), "%s", error.message);
    cr_assert_geq(fcntl(fd, F_GETFD), 0, "it stays the caller's");
    close(fd);
}

Test(listener, what_is_no_listening_stream_is_not_inherited) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[1]);
    expect_not_inherited(ends[0]);
    expect_not_inherited(socket(AF_INET, SOCK_DGRAM, 0));
    expect_not_inherited(socket(AF_INET, SOCK_STREAM, 0)); /* bound to nothing, does not listen */
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int fd = foreign_listener();
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    expect_not_inherited(connect_tcp(&address));
    close(fd);
}
