/* SPDX-License-Identifier: MIT
 *
 * http_talk: HTTP connections without sockets: the real protocol over the real store and the real reply, on
 * one thread. As talk.h, which does it for memcached.
 */
#ifndef TESTS_HTTP_TALK_H
#define TESTS_HTTP_TALK_H

#include "riposte/bytes.h"
#include "riposte/http.h"
#include "riposte/reply.h"
#include "riposte/store.h"

/* The server's side of all connections of a test. */
struct http_talk_server {
    struct http_config config; /* change it between http_talk_server_config and http_talk_server_init */
    struct store_config store_config;
    struct store *store; /* owned, like the rest */
    struct store_worker *store_worker;
    struct http_service *service;
    struct http_worker *worker;
    uint64_t now_ns; /* the time of every request; stands still but for http_talk_server_advance */
};

/* The defaults: 64 MiB, values up to 1 MiB, everything allowed. */
void http_talk_server_config(struct http_talk_server *server);
void http_talk_server_init(struct http_talk_server *server);
void http_talk_server_deinit(struct http_talk_server *server);

/* Moves the clocks and passes a quiescent state. */
void http_talk_server_advance(struct http_talk_server *server, uint32_t seconds);

/* One connection. */
struct http_talk {
    struct http_talk_server *server;  /* borrowed */
    enum http_endpoint_kind endpoint; /* OPEN unless changed */
    void *session;                    /* owned */
    struct reply reply;
    char *input; /* owned: input_size unread bytes, NULL when there are none */
    size_t input_size;
    char *output; /* owned: what was answered and not yet looked at, ended by a NUL */
    size_t output_size;
    unsigned requests_max;   /* of one on_input; 20 unless changed */
    unsigned requests;       /* completed so far */
    enum protocol_next next; /* what the last on_input waits for */
    bool hold;               /* the client takes no output */
    bool closed;             /* the server has said its last word */
};

void http_talk_open(struct http_talk *talk, struct http_talk_server *server);
void http_talk_close(struct http_talk *talk);

/* Gives the server `bytes` and lets it work until it waits for more. */
void http_talk_send(struct http_talk *talk, struct bytes bytes);

/* Lets the server work on what it left for another call, as when the client takes its output again. */
void http_talk_go_on(struct http_talk *talk);

/* on_input comes although nothing has come, as it asked for. */
void http_talk_look(struct http_talk *talk);

/*
 * What was answered since the last look, with "Date: ...\r\n" left out; valid until the next call on this
 * talk.
 */
struct bytes http_talk_output(struct http_talk *talk);

/* Sends a string and fails the test, showing both, unless the answer, as of http_talk_output, is `expected`. */
void http_talk_check(struct http_talk *talk, const char *request, const char *expected);

/* Sends a string and fails unless the answer begins with `status` behind "HTTP/1.1 ". */
void http_talk_check_status(struct http_talk *talk, const char *request, const char *status);

#endif
