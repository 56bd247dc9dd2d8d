/* SPDX-License-Identifier: MIT
 *
 * fixture: one server and one connection for each test.
 */
#ifndef TESTS_MEMCACHED_FIXTURE_H
#define TESTS_MEMCACHED_FIXTURE_H

#include <criterion/criterion.h>

#include "memcached_talk.h"

static struct talk_server server;
static struct talk talk;

static void open_all(void) {
    talk_server_config(&server);
    talk_server_init(&server);
    talk_open(&talk, &server);
}

static void close_all(void) {
    talk_close(&talk);
    talk_server_deinit(&server);
}

/* A server with another configuration: change server.config or server.store_config in `change`. */
static inline void reopen_with(void (*change)(struct talk_server *server)) {
    close_all();
    talk_server_config(&server);
    change(&server);
    talk_server_init(&server);
    talk_open(&talk, &server);
}

#define KEY_10  "0123456789"
#define KEY_50  KEY_10 KEY_10 KEY_10 KEY_10 KEY_10
#define KEY_250 KEY_50 KEY_50 KEY_50 KEY_50 KEY_50
#define KEY_251 KEY_250 "x"

#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"

#endif
