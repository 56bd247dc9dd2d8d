/* SPDX-License-Identifier: MIT
 *
 * change: what the body of a request is for, and the body on its way there.
 *
 *      http_change_begin --> all of the body here? --yes--> stored, answered
 *             |                            \--no--> session->change: http_change_continue until the last byte
 *             \--refused--> answered; the body is dropped as it comes
 *
 * A body whose size is known goes straight into its item. One that comes in chunks is gathered outside the
 * store first; all workers together hold a bounded amount of those.
 */
#ifndef HTTP_CHANGE_H
#define HTTP_CHANGE_H

#include "parse/body.h"
#include "call.h"

struct http_change {
    bool stores; /* false: the request is answered, its body is dropped */
    struct http_body body;
    struct http_exchange exchange;
    struct put_options options; /* what follows: of a change that stores */
    uint32_t client_flags;
    uint32_t expires_tick;
    struct item *item;      /* size known: what the bytes go to; owned */
    char *buffer;           /* chunks: what has come; owned, NULL while nothing has */
    size_t buffer_size;     /* bytes in use */
    size_t buffer_capacity; /* bytes; counted in service->chunked_size */
    bool key_is_binary;     /* not a key that a line of text could hold */
    uint8_t key_size;
    char key[STORE_KEY_SIZE_MAX];
};

/*
 * The head is consumed; `change` says what its body is for and lives on the caller's stack. Afterwards the
 * request is answered, or the session holds a copy of the change, or (no memory) the connection closes.
 */
void http_change_begin(struct http_call *call, const struct http_request *request,
                       struct http_change *change);

/* Goes on with session->change. False when it needs more input. */
bool http_change_continue(struct http_call *call);

/* Gives back what the session's change holds, and the change. */
void http_change_drop(struct http_session *session, struct http_worker *worker);

#endif
