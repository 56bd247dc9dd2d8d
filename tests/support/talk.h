/* SPDX-License-Identifier: MIT
 *
 * talk: memcached connections without sockets: the real protocol over the real store and the real reply, on
 * one thread.
 *
 *      talk_send(bytes) --> unread input --> protocol on_input --> reply --> output --> talk_output
 *
 * Does what the engine does for a connection and no more. Input is handed over in memory of exactly its size,
 * so that the sanitizers see every byte read beyond it.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "riposte/bytes.h"
#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "riposte/store.h"

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

/* The descriptor that the server is told; there is none. */
enum { TALK_FD = 999 };

/* One connection. */
struct talk {
    struct talk_server *server; /* borrowed */
    void *session;              /* owned */
    struct reply reply;
    char *input; /* owned: input_size unread bytes, NULL when there are none */
    size_t input_size;
    char *output; /* owned: what was answered and not yet looked at, ended by a NUL */
    size_t output_size;
    unsigned requests_max;  /* of one on_input; 20 unless changed */
    size_t memory_size_max; /* what the session may hold; no bound unless changed */
    size_t memory_size;     /* what it held after the last on_input */
    bool costly;            /* the last on_input said so */
    unsigned requests;      /* completed so far */
    bool again;             /* the last on_input had more to do */
    bool later;  /* the last on_input wants to be called again although nothing comes: talk_step does */
    bool closed; /* the server has said its last word */
};

void talk_open(struct talk *talk, struct talk_server *server);
void talk_close(struct talk *talk);

/* Gives the server `bytes` and lets it work until it waits for more. */
void talk_send(struct talk *talk, struct bytes bytes);

/* One on_input at most; what was answered is taken over unless `keep`, as when the client does not read. */
void talk_step(struct talk *talk, bool keep);

/* What was answered since the last look; valid until the next call on this talk. */
struct bytes talk_output(struct talk *talk);

/* Sends a string and fails the test, showing both, unless the answer is exactly `expected`. */
void talk_check(struct talk *talk, const char *request, const char *expected);

#endif
