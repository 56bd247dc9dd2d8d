/* SPDX-License-Identifier: MIT
 *
 * Listening sockets that are inherited, handed over, limited each by itself, and removed only if still ours; on
 * both transports.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"

TestSuite(sockets, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(sockets, name)

static void echo(int fd) {
    dial_send(fd, "\0\1x", 3);
    dial_expect(fd, "\0\1x", 3);
}

/* Sockets on one port of 127.0.0.1, as a service manager would pass them. */
static uint16_t listen_on_one_port(int *fds, unsigned count) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int one = 1;
    for (unsigned i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
        cr_assert_eq(bind(fds[i], (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(getsockname(fds[i], (struct sockaddr *)&address, &size), 0);
        cr_assert_eq(listen(fds[i], 16), 0);
    }
    return ntohs(address.sin_port);
}

/* Enough for every socket of a SO_REUSEPORT group to get some. */
enum { CLIENTS = 40 };

static void serves_all(struct engine *engine) {
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial(engine);
    }
    for (int i = 0; i < CLIENTS; i++) {
        echo(clients[i]);
        close(clients[i]);
    }
}

static void inherits(enum engine_transport transport, unsigned count) {
    int fds[3];
    struct engine_listen listen = dial_listen(&frames_protocol);
    uint16_t port = listen_on_one_port(fds, count);
    listen.inherited_fds = fds;
    listen.inherited_count = count;
    struct engine_config config = dial_config(transport, &listen);
    struct engine *engine = dial_start(&config);
    cr_expect_eq(engine_port(engine, 0), port);
    cr_expect_eq(engine_listener_fds(engine, 0, NULL, 0), count);
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]); /* the engine has its own */
    }
    serves_all(engine);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(one_inherited_socket_serves_two_workers) {
    inherits(*transport, 1);
}

ON_BOTH_TRANSPORTS(a_worker_accepts_from_several_inherited_sockets) {
    inherits(*transport, 3);
}

/* What listen(2) was told: TCP_INFO of one that listens. */
static unsigned backlog_of(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof(info);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_sacked;
}

ON_BOTH_TRANSPORTS(an_inherited_socket_is_left_as_it_was_until_the_engine_serves) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_error error;
    struct engine *engine = NULL;
    int fd;
    listen_on_one_port(&fd, 1);
    listen.inherited_fds = &fd;
    listen.inherited_count = 1;
    struct engine_config config = dial_config(*transport, &listen);
    config.listen_backlog = 77;
    unsigned before = backlog_of(fd);
    cr_assert_neq(before, 77);
    cr_assert_eq(engine_create(&config, &engine, &error), 0);
    engine_stop(engine, ENGINE_STOP_PAUSE);
    cr_assert_eq(engine_start(engine, &error), 0);
    engine_await_pause(engine);
    cr_expect_eq(backlog_of(fd), before);
    cr_assert_eq(engine_resume(engine, &error), 0);
    cr_expect_eq(backlog_of(fd), 77);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(an_inherited_socket_outlives_every_stop) {
    int fd;
    struct engine_listen listen = dial_listen(&frames_protocol);
    listen_on_one_port(&fd, 1);
    listen.inherited_fds = &fd;
    listen.inherited_count = 1;
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *first = dial_start(&config);
    engine_stop(first, ENGINE_STOP_CLOSE);
    engine_join(first);
    int early = dial(first); /* waits in the queue of the caller's socket */
    engine_destroy(first);
    struct engine *second = dial_start(&config);
    echo(early);
    close(early);
    close(fd);
    dial_stop(second);
}

Test(sockets, refuses_to_inherit_what_does_not_listen) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct engine_listen listen = dial_listen(&frames_protocol);
    listen.inherited_fds = &fd;
    listen.inherited_count = 1;
    struct engine_config config = dial_config(ENGINE_EPOLL, &listen);
    struct engine *engine = NULL;
    struct engine_error error;
    cr_assert_eq(engine_create(&config, &engine, &error), -EINVAL);
    cr_assert_not_null(strstr(error.message, "no stream socket that listens"), "%s", error.message);
    cr_assert_geq(fcntl(fd, F_GETFD), 0, "the descriptor is still the caller's");
}

ON_BOTH_TRANSPORTS(handed_over_listeners_keep_the_clients_that_wait) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *first = dial_start(&config);
    int served = dial(first), fds[2];
    echo(served);
    cr_assert_eq(engine_listener_fds(first, 0, fds, 2), 2);
    for (int i = 0; i < 2; i++) {
        fds[i] = dup(fds[i]);
    }
    engine_stop(first, ENGINE_STOP_HAND_OVER);
    dial_expect_end(served);
    close(served);
    engine_join(first);
    int waiting[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) { /* nobody accepts now */
        waiting[i] = dial(first);
        dial_send(waiting[i], "\0\1x", 3);
    }
    listen.inherited_fds = fds;
    listen.inherited_count = 2;
    struct engine *second = dial_start(&config);
    engine_destroy(first);
    for (int i = 0; i < CLIENTS; i++) {
        dial_expect(waiting[i], "\0\1x", 3);
        close(waiting[i]);
    }
    close(fds[0]);
    close(fds[1]);
    dial_stop(second);
}

static void in_a_folder(char folder[32], char path[64]) {
    strcpy(folder, "/tmp/riposte-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, 64, "%s/socket", folder);
}

ON_BOTH_TRANSPORTS(a_handed_over_unix_socket_keeps_its_file) {
    char folder[32], path[64];
    in_a_folder(folder, path);
    struct engine_listen listen = dial_listen_unix(&frames_protocol, path);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    engine_stop(engine, ENGINE_STOP_HAND_OVER);
    engine_join(engine);
    engine_destroy(engine);
    cr_expect_eq(access(path, F_OK), 0);
    unlink(path);
    rmdir(folder);
}

ON_BOTH_TRANSPORTS(a_unix_socket_that_has_been_replaced_is_not_removed) {
    char folder[32], path[64];
    in_a_folder(folder, path);
    struct engine_listen listen = dial_listen_unix(&frames_protocol, path);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    cr_assert_eq(unlink(path), 0);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(other, (struct sockaddr *)&listen.address, sizeof(struct sockaddr_un)), 0);
    dial_stop(engine);
    cr_expect_eq(access(path, F_OK), 0, "somebody else's socket");
    close(other);
    unlink(path);
    rmdir(folder);
}

ON_BOTH_TRANSPORTS(a_listen_with_limits_of_its_own_is_open_while_the_others_are_full) {
    struct engine_limits own;
    engine_limits_init(&own);
    own.connections_max = 1;
    struct engine_listen listens[] = {dial_listen(&frames_protocol), dial_listen(&frames_protocol)};
    listens[1].limits = &own;
    struct engine_config config = dial_config(*transport, listens);
    config.listens_count = 2;
    config.limits.connections_max = 2;
    struct engine *engine = dial_start(&config);
    int taken[] = {dial(engine), dial(engine)};
    echo(taken[0]);
    echo(taken[1]);
    int turned_away = dial(engine);
    dial_expect(turned_away, "full\r\n", 6);
    dial_expect_end(turned_away);
    int admin = dial_port(engine, 1);
    echo(admin);
    int second_admin = dial_port(engine, 1);
    dial_expect(second_admin, "full\r\n", 6);
    dial_expect_end(second_admin);
    int all[] = {taken[0], taken[1], turned_away, admin, second_admin};
    for (int i = 0; i < 5; i++) {
        close(all[i]);
    }
    dial_stop(engine);
}

/* Its queue is answered and the file goes, as of one that this engine has made. */
ON_BOTH_TRANSPORTS(a_taken_socket_ends_with_the_engine) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct engine_listen where = dial_listen(&frames_protocol);
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/riposte-taken-%d", (int)getpid());
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    where.inherited_fds = &fd;
    where.inherited_count = 1;
    where.is_taken = true;
    struct engine_config config = dial_config(*transport, &where);
    struct engine *other = dial_start(&config), *engine;
    engine_stop(other, ENGINE_STOP_HAND_OVER);
    engine_join(other);
    engine_destroy(other);
    cr_assert_eq(access(address.sun_path, F_OK), 0, "handed over");
    engine = dial_start(&config);
    close(fd);
    dial_stop(engine);
    cr_assert_neq(access(address.sun_path, F_OK), 0, "removed");
}
