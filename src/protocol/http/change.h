/* SPDX-License-Identifier: MIT
 *
 * change: what the body of a request is for, and the body on its way there.
 *
 *      http_change_begin --> all of the body here? --yes--> stored, answered
 *             |                            \--no--> session->change: http_change_continue until the last byte
 *             \--refused--> answered; the body is dropped as it comes
 *
 * A body that is all there with its head goes straight into its item. Any other is gathered outside the store first
 * (protocol/common/upload): it takes memory as its bytes come, within the bound of all connections, pushes nothing out of
 * the store before it is whole, and must come at a pace.
 */
#ifndef HTTP_CHANGE_H
#define HTTP_CHANGE_H

#include "parse/body.h"
#include "call.h"
#include "pace.h"
#include "upload.h"

struct http_change {
    bool stores; /* false: the request is answered, its body is dropped */
    struct http_body body;
    struct http_exchange exchange;
    struct put_options options; /* what follows: of a change that stores */
    uint32_t client_flags;
    uint32_t expires_tick;
    struct item *item;    /* what the bytes go to, once all are there; owned */
    struct upload upload; /* what has come of a body that was not all there with its head */
    struct pace pace;     /* of the same */
    uint64_t whole_ns;    /* when the body was whole and found no room; 0: never */
    bool is_late;         /* it came too slowly */
    bool key_is_binary;   /* not a key that a line of text could hold */
    uint8_t key_size;
    char key[STORE_KEY_SIZE_MAX];
};

/* A change that stores nothing yet. Options, key and pace have no content before it does: they would cost every request. */
static inline void http_change_init(struct http_change *change) {
    change->stores = false;
    change->client_flags = 0;
    change->expires_tick = STORE_EXPIRES_NEVER;
    change->item = NULL;
    change->whole_ns = 0;
    change->is_late = false;
    upload_init(&change->upload, 0, bytes_of(NULL, 0));
}

/*
 * The head is consumed; `change` says what its body is for and lives on the caller's stack. Afterwards the
 * request is answered, or the session holds a copy of the change, or (no memory) the connection closes.
 */
void http_change_begin(struct http_call *call, const struct http_request *request,
                       struct http_change *change);

/* Goes on with session->change. False when it needs more input. */
bool http_change_continue(struct http_call *call);

/* Bytes of memory that the session's change holds. */
size_t http_change_memory_size(const struct http_change *change);

/* A change in a record; its key and what has come are borrowed from it. */
struct http_change_saved {
    struct http_change change; /* but for key, item, upload and ticks */
    struct bytes key;
    struct upload_saved upload;
    int64_t exptime; /* as store_expiry takes it, both */
    int64_t create_exptime;
};

/* Writes the session's change down. */
void http_change_save(const struct http_change *change, const struct store_worker *store,
                      struct record_writer *writer);

/* Reads what http_change_save has written; the record is bad where it cannot be. */
struct http_change_saved http_change_saved_read(struct record_reader *reader);

/* The session's change goes on where it was; NULL when memory ends. */
struct http_change *http_change_load(const struct http_change_saved *saved, const struct store_worker *store);

/* Gives back what the session's change holds, and the change. */
void http_change_drop(struct http_session *session, struct http_worker *worker);

#endif
