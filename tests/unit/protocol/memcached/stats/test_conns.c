/* SPDX-License-Identifier: MIT
 *
 * stats conns: beside a real engine whose connections are listed, and beside one that never answers.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fixture.h"
#include "frames.h"
#include "riposte/engine.h"

enum { MANY_CONNS = 100 }; /* more than a piece */

/* A test that hangs has failed. */
TestSuite(conns, .init = open_all, .fini = close_all, .timeout = 120);

static struct engine *engine_made(sa_family_t family) {
    struct engine_listen listen = {.protocol = &frames_protocol, .address_size = sizeof(struct sockaddr_in6)};
    struct engine_config config;
    struct engine_error error;
    struct engine *engine;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&listen.address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&listen.address;
    listen.address.ss_family = family;
    if (family == AF_INET) {
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listen.address_size = sizeof(*v4);
    } else {
        v6->sin6_addr = in6addr_loopback;
    }
    engine_config_init(&config);
    config.workers_count = 1;
    config.pin = false;
    config.listens = &listen;
    config.listens_count = 1;
    cr_assert(engine_create(&config, &engine, &error) == 0, "%s", error.message);
    memcached_service_set_engine(server.service, engine);
    return engine;
}

static void engine_run(struct engine *engine) {
    struct engine_error error;
    cr_assert(engine_start(engine, &error) == 0, "%s", error.message);
}

static void engine_end(struct engine *engine) {
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    memcached_service_set_engine(server.service, NULL);
    engine_destroy(engine);
}

static int dial(const struct engine *engine) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(engine_port(engine, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    /* One round trip: the connection is accepted, and known to the engine. */
    char echo[3];
    cr_assert_eq(write(fd, "\0\1x", 3), 3);
    cr_assert_eq(recv(fd, echo, 3, MSG_WAITALL), 3);
    return fd;
}

static const char *listed(void) {
    talk_send(&talk, bytes_from_string("stats conns\r\n"));
    while (talk.later || talk.again) {
        sched_yield();
        talk_step(&talk, false);
    }
    return talk_output(&talk).data;
}

Test(conns, are_none_without_an_engine) {
    talk_check(&talk, "stats conns\r\n", "END\r\n");
    cr_assert_eq(talk.requests, 1);
}

Test(conns, are_listed_with_addresses_and_states) {
    struct engine *engine = engine_made(AF_INET);
    engine_run(engine);
    int fd = dial(engine);
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    getsockname(fd, (struct sockaddr *)&own, &size);
    char addr[64];
    char listen_addr[64];
    snprintf(addr, sizeof(addr), ":addr tcp:127.0.0.1:%u\r\n", ntohs(own.sin_port));
    snprintf(listen_addr, sizeof(listen_addr), "addr tcp:127.0.0.1:%u\r\n", engine_port(engine, 0));
    const char *text = listed();
    const char *listener = strstr(text, listen_addr);
    cr_assert(listener != NULL, "the listener: %s", text);
    cr_expect(strstr(text, ":state conn_listening\r\n") != NULL, "%s", text);
    const char *conn = strstr(text, addr);
    cr_assert(conn != NULL, "the connection: %s", text);
    cr_expect(strstr(conn, listen_addr) != NULL, "its listener: %s", text);
    cr_expect(strstr(conn, ":state conn_read\r\n") != NULL, "%s", text);
    cr_expect(strstr(conn, ":secs_since_last_cmd ") != NULL, "%s", text);
    cr_expect(strcmp(text + strlen(text) - 5, "END\r\n") == 0, "%s", text);
    cr_expect_eq(talk.requests, 1);
    close(fd);
    engine_end(engine);
}

Test(conns, of_ipv6_stand_in_brackets) {
    struct engine *engine = engine_made(AF_INET6);
    char addr[64];
    engine_run(engine);
    snprintf(addr, sizeof(addr), ":addr tcp6:[::1]:%u\r\n", engine_port(engine, 0));
    const char *text = listed();
    cr_expect(strstr(text, addr) != NULL, "%s", text);
    engine_end(engine);
}

Test(conns, come_in_pieces_and_all) {
    struct engine *engine = engine_made(AF_INET);
    int fds[MANY_CONNS];
    engine_run(engine);
    for (int i = 0; i < MANY_CONNS; i++) {
        fds[i] = dial(engine);
    }
    unsigned count = 0;
    for (const char *at = listed(); (at = strstr(at, ":listen_addr ")) != NULL; at++) {
        count++;
    }
    cr_expect_eq(count, MANY_CONNS);
    for (int i = 0; i < MANY_CONNS; i++) {
        close(fds[i]);
    }
    engine_end(engine);
}

Test(conns, are_waited_for_without_holding_anybody_up) {
    struct engine *engine = engine_made(AF_INET); /* not started: nobody answers */
    struct talk second;
    talk_open(&second, &server);
    talk_check(&talk, "stats conns\r\nversion\r\n", "");
    talk_check(&second, "stats conns\r\n", ""); /* behind the first one */
    talk_step(&talk, false);
    talk_step(&second, false);
    cr_expect(talk.later && !talk.again);
    cr_expect(second.later && !second.again);
    cr_expect_eq(talk_output(&talk).size + talk_output(&second).size, 0);
    /* Both leave; what they waited for is given up. */
    talk_close(&second);
    talk_close(&talk);
    talk_open(&talk, &server);
    engine_destroy(engine);
    memcached_service_set_engine(server.service, NULL);
}
