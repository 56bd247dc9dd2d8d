/* SPDX-License-Identifier: MIT
 *
 * change: a body into its item, or gathered first; then the store's operation and the answer to it.
 */
#include "change.h"

#include <stdlib.h>

#include "answer.h"
#include "log/note.h"
#include "riposte/check.h"

enum { BUFFER_CAPACITY_MIN = 4096 };

/* Gives back item and buffer. */
static void change_release(struct http_change *change, struct http_worker *worker) {
    if (change->item != NULL) {
        store_item_discard(worker->store, change->item);
        change->item = NULL;
    }
    if (change->buffer != NULL) {
        /* relaxed, here and below: a sum that orders nothing. */
        atomic_fetch_sub_explicit(&worker->service->chunked_size, change->buffer_capacity,
                                  memory_order_relaxed);
        free(change->buffer);
        change->buffer = NULL;
    }
}

void http_change_drop(struct http_session *session, struct http_worker *worker) {
    change_release(session->change, worker);
    free(session->change);
    session->change = NULL;
}

/* --- room for the body -------------------------------------------------------------------------------------- */

/* NONE, or why there is no item of `size` bytes, of which `here_size` have come. */
static enum http_status item_make(struct http_call *call, struct http_change *change, size_t size,
                                  size_t here_size) {
    enum store_status status =
        store_item_create(call->worker->store, bytes_of(change->key, change->key_size), change->key_is_binary,
                          change->client_flags, change->expires_tick, size, &change->item);
    if (status == STORE_OK && here_size < size) {
        status = store_item_keep(call->worker->store, &change->item);
    }
    if (likely(status == STORE_OK)) {
        return HTTP_STATUS_NONE;
    }
    change->item = NULL;
    return status == STORE_TOO_LARGE ? HTTP_STATUS_CONTENT_TOO_LARGE : HTTP_STATUS_INSUFFICIENT_STORAGE;
}

/* NONE, or why the buffer cannot hold `size` more bytes. */
static enum http_status buffer_grow(struct http_call *call, struct http_change *change, size_t size) {
    struct http_service *service = call->worker->service;
    size_t capacity = change->buffer_capacity > 0 ? change->buffer_capacity : BUFFER_CAPACITY_MIN;
    if (size > service->config.item_size_max - change->buffer_size) {
        return HTTP_STATUS_CONTENT_TOO_LARGE;
    }
    while (capacity - change->buffer_size < size) {
        capacity *= 2;
    }
    size_t added = capacity - change->buffer_capacity;
    if (added == 0) {
        return HTTP_STATUS_NONE;
    }
    size_t before = atomic_fetch_add_explicit(&service->chunked_size, added, memory_order_relaxed);
    char *grown = before + added <= service->chunked_size_max ? realloc(change->buffer, capacity) : NULL;
    if (grown == NULL) {
        atomic_fetch_sub_explicit(&service->chunked_size, added, memory_order_relaxed);
        return HTTP_STATUS_UNAVAILABLE;
    }
    change->buffer = grown;
    change->buffer_capacity = capacity;
    return HTTP_STATUS_NONE;
}

/* --- the end of the body ------------------------------------------------------------------------------------ */

static bool key_exists(struct http_call *call, const struct http_change *change) {
    static const struct get_options unused = {.no_use = true};
    struct item_view view;
    return store_get_with(call->worker->store, bytes_of(change->key, change->key_size), &unused, &view) ==
           STORE_OK;
}

static void answer_stored(struct http_call *call, const struct http_change *change, enum http_status status,
                          uint64_t cas) {
    struct http_answer answer = {
        .status = status,
        .etag = call->worker->service->config.cas_enabled ? cas : 0,
    };
    counter_add(&call->worker->counters.cache_stores, 1);
    http_answer_send(call, &change->exchange, &answer, bytes_of(NULL, 0));
}

/* Append and prepend say NOT_STORED for what is missing and for what would be too large. */
static void answer_not_stored(struct http_call *call, const struct http_change *change) {
    bool joins = change->options.mode == PUT_APPEND || change->options.mode == PUT_PREPEND;
    if (!joins) {
        http_answer_page(call, &change->exchange, HTTP_STATUS_PRECONDITION_FAILED, "the value has changed",
                         "");
    } else if (key_exists(call, change)) {
        http_answer_page(call, &change->exchange, HTTP_STATUS_CONTENT_TOO_LARGE,
                         "the whole would be too large", "");
    } else {
        http_answer_page(call, &change->exchange, HTTP_STATUS_NOT_FOUND, "there is nothing to add to", "");
    }
}

static void answer_no_room(struct http_call *call, const struct http_exchange *exchange,
                           enum http_status status) {
    http_answer_page(call, exchange, status,
                     status == HTTP_STATUS_CONTENT_TOO_LARGE ? "the body is larger than a value may be"
                                                             : "there is no memory for the body",
                     "");
}

/* The body is in its item. */
static void item_store(struct http_call *call, struct http_change *change) {
    struct put_result result = {0};
    bool is_put = change->options.mode == PUT_SET;
    bool existed = !is_put || key_exists(call, change);
    struct item *item = change->item;
    change->item = NULL;
    switch (store_put(call->worker->store, item, &change->options, &result)) {
    case STORE_OK:
        existed = existed && change->options.mode != PUT_ADD;
        answer_stored(call, change, existed ? HTTP_STATUS_NO_CONTENT : HTTP_STATUS_CREATED, result.cas);
        return;
    case STORE_MISS:
    case STORE_EXISTS:
        http_answer_page(call, &change->exchange, HTTP_STATUS_PRECONDITION_FAILED, "the value has changed",
                         "");
        return;
    case STORE_NOT_STORED:
        answer_not_stored(call, change);
        return;
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        answer_no_room(call, &change->exchange, HTTP_STATUS_INSUFFICIENT_STORAGE);
        return;
    }
}

/* All of the body is there. */
static void change_finish(struct http_call *call, struct http_change *change) {
    if (!change->stores) {
        return;
    }
    if (change->body.kind == HTTP_BODY_CHUNKED) {
        enum http_status status = item_make(call, change, change->buffer_size, change->buffer_size);
        if (status != HTTP_STATUS_NONE) {
            answer_no_room(call, &change->exchange, status);
            return;
        }
        if (change->buffer_size > 0) {
            memcpy(store_item_value(change->item), change->buffer, change->buffer_size);
        }
    }
    item_store(call, change);
}

/* --- the body on its way ------------------------------------------------------------------------------------ */

/* NONE, or why the bytes cannot be taken: the connection ends with that. */
static enum http_status change_take(struct http_call *call, struct http_change *change, struct bytes data) {
    if (!change->stores) {
        bool too_much = change->body.size > call->worker->service->config.item_size_max;
        return too_much ? HTTP_STATUS_CONTENT_TOO_LARGE : HTTP_STATUS_NONE;
    }
    if (data.size == 0) {
        return HTTP_STATUS_NONE;
    }
    if (change->item != NULL) {
        memcpy(store_item_value(change->item) + change->body.size - data.size, data.data, data.size);
        return HTTP_STATUS_NONE;
    }
    enum http_status status = buffer_grow(call, change, data.size);
    if (status == HTTP_STATUS_NONE) {
        memcpy(change->buffer + change->buffer_size, data.data, data.size);
        change->buffer_size += data.size;
    }
    return status;
}

/* The connection ends in the middle of a body: with a page, unless the request has its answer. */
static void change_abort(struct http_call *call, struct http_change *change, enum http_status status) {
    if (!change->stores) {
        reply_close(call->reply);
        return;
    }
    change->exchange.keep_alive = false;
    if (status == HTTP_STATUS_BAD_REQUEST || status == HTTP_STATUS_HEAD_TOO_LARGE) {
        http_answer_refuse(call, status, "the body is not framed as it should be");
    } else {
        answer_no_room(call, &change->exchange, status);
    }
}

/* Takes what is there. True when the change is over, one way or the other. */
static bool change_read(struct http_call *call, struct http_change *change) {
    while (!http_body_complete(&change->body)) {
        struct bytes data;
        size_t consumed;
        enum http_status status = HTTP_STATUS_NONE;
        switch (http_body_next(&change->body, bytes_of(call->at, (size_t)(call->end - call->at)), &consumed,
                               &data)) {
        case HTTP_PARSE_MORE:
            return false;
        case HTTP_PARSE_BAD:
            status = change->body.chunk.status;
            break;
        case HTTP_PARSE_OK:
            call->at += consumed;
            status = change_take(call, change, data);
            break;
        }
        if (unlikely(status != HTTP_STATUS_NONE)) {
            change_abort(call, change, status);
            return true;
        }
    }
    change_finish(call, change);
    return true;
}

/* The rest will come later. */
static void change_keep(struct http_call *call, struct http_change *change) {
    struct http_change *kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        change_abort(call, change, HTTP_STATUS_UNAVAILABLE);
        change_release(change, call->worker);
        return;
    }
    *kept = *change;
    call->session->change = kept;
    if (change->stores) {
        http_note_keep(call);
    }
    call->session->began_ns = call->now_ns;
    counter_add(&call->worker->counters.bodies_in_pieces, 1);
}

void http_change_begin(struct http_call *call, const struct http_request *request,
                       struct http_change *change) {
    http_body_init(&change->body, &request->message);
    change->exchange = request->exchange;
    if (change->stores && request->message.body != HTTP_BODY_CHUNKED) {
        enum http_status status =
            item_make(call, change, request->message.body_size, (size_t)(call->end - call->at));
        if (unlikely(status != HTTP_STATUS_NONE)) {
            change->exchange.keep_alive &= !request->message.expect_continue;
            answer_no_room(call, &change->exchange, status);
            change->stores = false;
        }
    }
    if (change->stores && request->message.expect_continue && call->at == call->end) {
        http_answer_continue(call);
    }
    bool waits = !change_read(call, change) && !reply_closing(call->reply);
    if (waits) {
        change_keep(call, change);
    } else {
        change_release(change, call->worker);
    }
}

bool http_change_continue(struct http_call *call) {
    struct http_session *session = call->session;
    if (!change_read(call, session->change)) {
        return false;
    }
    session->began_ns = 0;
    http_change_drop(session, call->worker);
    return true;
}
