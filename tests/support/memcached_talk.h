/* SPDX-License-Identifier: MIT
 *
 * memcached_talk: memcached connections without sockets: the real protocol over the real store.
 */
#ifndef TESTS_MEMCACHED_TALK_H
#define TESTS_MEMCACHED_TALK_H

#include "riposte/memcached.h"
#include "talk.h"

/* The server's side of all connections of a test. */
struct talk_server {
    struct memcached_config
        config; /* of the service; change it between talk_server_config and talk_server_init */
    struct store_config store_config;
    struct store *store; /* owned, like the rest */
    struct store_worker *store_worker;
    struct memcached_service *service;
    struct memcached_worker *worker;
    uint64_t now_ns; /* the time of every request; stands still but for talk_server_advance */
};

/* The defaults: 64 MiB, values up to 1 MiB, everything allowed. */
void talk_server_config(struct talk_server *server);
void talk_server_init(struct talk_server *server);
void talk_server_deinit(struct talk_server *server);

/* Moves the store's clock and passes a quiescent state. */
void talk_server_advance(struct talk_server *server, uint32_t seconds);

/* One connection. */
void talk_open(struct talk *talk, struct talk_server *server);

#endif
