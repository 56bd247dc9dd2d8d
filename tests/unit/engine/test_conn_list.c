/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"

TestSuite(conn_list, .timeout = 120);

enum { CONNS = 150, WORKERS = 2 };

static void echo(int fd) {
    dial_send(fd, "\0\1x", 3);
    dial_expect(fd, "\0\1x", 3);
}

static struct engine_conn_list *ready_list(struct engine *engine) {
    struct engine_conn_list *list = engine_conn_list_begin(engine);
    cr_assert_not_null(list);
    struct deadline ready = deadline_of("all workers have answered");
    while (!engine_conn_list_ready(list)) {
        deadline_wait(&ready);
    }
    return list;
}

Test(conn_list, names_every_connection_and_listener_once) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_AUTO, &listen);
    struct engine *engine = dial_start(&config);
    int fds[CONNS];
    for (int i = 0; i < CONNS; i++) {
        fds[i] = dial(engine);
        echo(fds[i]);
    }
    for (int round = 0; round < 3; round++) {
        struct engine_conn_list *list = ready_list(engine);
        unsigned listeners = 0, conns = 0;
        bool seen[4096] = {false};
        const struct engine_conn *conn;
        while ((conn = engine_conn_list_next(list)) != NULL) {
            cr_assert(conn->fd >= 0 && conn->fd < 4096 && !seen[conn->fd]);
            seen[conn->fd] = true;
            listeners += conn->listening;
            conns += !conn->listening;
            cr_assert(conn->listening || conn->peer.any.sa_family == AF_INET);
            cr_assert_eq(conn->local->ss_family, AF_INET);
        }
        cr_assert_null(engine_conn_list_next(list), "the end stays the end");
        cr_assert_eq(listeners, WORKERS);
        cr_assert_eq(conns, CONNS);
        engine_conn_list_end(list);
    }
    for (int i = 0; i < CONNS; i++) {
        close(fds[i]);
    }
    dial_stop(engine);
}

Test(conn_list, names_a_unix_client_without_an_address) {
    char folder[] = "/tmp/riposte-test-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    struct engine_listen listen = dial_listen_unix(&frames_protocol, path);
    struct engine_config config = dial_config(ENGINE_AUTO, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial_address(&listen.address, listen.address_size, AF_UNIX);
    echo(fd);
    struct engine_conn_list *list = ready_list(engine);
    const struct engine_conn *listener = engine_conn_list_next(list);
    const struct engine_conn *client = engine_conn_list_next(list);
    cr_assert(listener != NULL && listener->listening, "shared, so named once");
    cr_assert(client != NULL && !client->listening);
    cr_expect_eq(client->peer.any.sa_family, AF_UNIX);
    cr_assert_null(engine_conn_list_next(list));
    engine_conn_list_end(list);
    close(fd);
    dial_stop(engine);
    rmdir(folder);
}

Test(conn_list, may_be_given_up_before_it_is_ready) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_AUTO, &listen);
    struct engine *engine = dial_start(&config);
    struct engine_conn_list *list = engine_conn_list_begin(engine);
    cr_assert_not_null(list);
    engine_conn_list_end(list);
    dial_stop(engine);
}
