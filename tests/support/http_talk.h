/* SPDX-License-Identifier: MIT
 *
 * http_talk: HTTP connections without sockets: the real protocol over the real store.
 */
#ifndef TESTS_HTTP_TALK_H
#define TESTS_HTTP_TALK_H

#include "riposte/http.h"
#include "talk.h"

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

/* One connection, at the endpoint that is open to all. */
void http_talk_open(struct talk *talk, struct http_talk_server *server);

/* From now on it came to this endpoint. */
void http_talk_move(struct talk *talk, struct http_talk_server *server, enum http_endpoint_kind endpoint);

/*
 * What was answered since the last look, with "Date: ...\r\n" left out; valid until the next call on this
 * talk.
 */
struct bytes http_talk_output(struct talk *talk);

/*
 * Sends a string and fails the test, showing both, unless the answer, as of http_talk_output, is `expected`, where
 * ETag: "*" is any number.
 */
void http_talk_check(struct talk *talk, const char *request, const char *expected);

/* Sends a string and fails unless the answer begins with `status` behind "HTTP/1.1 ". */
void http_talk_check_status(struct talk *talk, const char *request, const char *status);

#endif
