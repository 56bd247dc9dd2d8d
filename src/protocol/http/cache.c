/* SPDX-License-Identifier: MIT
 *
 * cache: GET and HEAD of a stored value; everything else at /cache/ goes to cache_write.
 */
#include "cache.h"

#include <stdio.h>

#include "answer.h"
#include "parse/condition.h"
#include "parse/range.h"
#include "riposte/check.h"
#include "value.h"

enum { FIELDS_SIZE_MAX = 256 };

/*
 * A typed value could be a page or a script of whoever stored it: browsers are told to take the type as it is
 * said, and to give the page no rights of this origin.
 */
#define TYPED "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox\r\n"

static const char *state_fields(const struct item_view *view) {
    bool typed = http_content_is_typed(view->client_flags);
    if (unlikely(view->won)) {
        return typed ? "X-Cache: won\r\n" TYPED : "X-Cache: won\r\n";
    }
    if (unlikely(view->stale)) {
        return typed ? "X-Cache: stale\r\n" TYPED : "X-Cache: stale\r\n";
    }
    return typed ? "X-Cache: hit\r\n" TYPED : "X-Cache: hit\r\n";
}

/* Head and value, or a part of it. */
static void answer_value(struct http_call *call, const struct http_request *request,
                         const struct item_view *view, struct http_answer *answer, struct bytes part) {
    const struct http_exchange *exchange = &request->exchange;
    const size_t inline_size_max = REPLY_RESERVE_SIZE_MAX - HTTP_ANSWER_HEAD_SIZE_MAX;
    bool is_inline = part.size <= inline_size_max && !exchange->head_only;
    size_t head_size;
    answer->size = part.size;
    char *begin = http_answer_head(call, exchange, answer, is_inline ? part.size : 0, &head_size);
    if (likely(is_inline)) {
        bytes_copy(begin + head_size, part);
        reply_commit(call->reply, head_size + part.size);
    } else {
        reply_commit(call->reply, head_size);
        if (!exchange->head_only) {
            value_reply(call->reply, view, part);
        }
    }
    http_answer_end(call, exchange, answer->status);
}

static void answer_unsatisfiable(struct http_call *call, const struct http_request *request,
                                 const struct item_view *view) {
    char fields[FIELDS_SIZE_MAX];
    snprintf(fields, sizeof(fields), "Content-Range: bytes */%zu\r\n", view->value.size);
    http_answer_page(call, &request->exchange, HTTP_STATUS_RANGE_NOT_SATISFIABLE,
                     "the value has no such bytes", fields);
}

/* A request with a Range. */
static void answer_range(struct http_call *call, const struct http_request *request,
                         const struct item_view *view, const struct http_answer *answer) {
    char fields[FIELDS_SIZE_MAX];
    struct http_answer partial = *answer;
    struct http_range range;
    switch (http_range_read(http_head_find(request->head, HTTP_RANGE), view->value.size, &range)) {
    case HTTP_RANGE_WHOLE:
        answer_value(call, request, view, &partial, view->value);
        return;
    case HTTP_RANGE_UNSATISFIABLE:
        answer_unsatisfiable(call, request, view);
        return;
    case HTTP_RANGE_PART:
        break;
    }
    int size = snprintf(fields, sizeof(fields), "Content-Range: bytes %llu-%llu/%zu\r\n%s",
                        (unsigned long long)range.first, (unsigned long long)(range.first + range.size - 1),
                        view->value.size, state_fields(view));
    partial.status = HTTP_STATUS_PARTIAL_CONTENT;
    partial.fields = bytes_of(fields, (size_t)size);
    answer_value(call, request, view, &partial, bytes_of(view->value.data + range.first, (size_t)range.size));
}

static void answer_miss(struct http_call *call, const struct http_request *request) {
    counter_add(&call->worker->counters.cache_misses, 1);
    http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND, "no such key", "X-Cache: miss\r\n");
}

/* True when the conditions have settled the answer. */
static bool answer_condition(struct http_call *call, const struct http_request *request,
                             const struct http_validator *validator, struct http_answer *answer) {
    switch (http_condition_check(request->head, validator)) {
    case HTTP_CONDITION_TRUE:
        return false;
    case HTTP_CONDITION_NOT_MODIFIED:
        answer->status = HTTP_STATUS_NOT_MODIFIED;
        answer->type.size = 0;
        http_answer_send(call, &request->exchange, answer, bytes_of(NULL, 0));
        return true;
    case HTTP_CONDITION_FALSE:
        break;
    }
    http_answer_page(call, &request->exchange, HTTP_STATUS_PRECONDITION_FAILED,
                     "the value is not what the condition asks for", "");
    return true;
}

static inline_always struct http_answer hit_answer(const struct http_worker *worker,
                                                   const struct item_view *view) {
    struct http_content content = http_content_of(&worker->service->contents, view->client_flags);
    return (struct http_answer){
        .status = HTTP_STATUS_OK,
        .type = content.type,
        .coding = content.coding,
        .etag = worker->service->config.cas_enabled ? view->cas : 0,
        .fields = bytes_from_string(state_fields(view)),
    };
}

/* A miss, a request with conditions, or one for a part. `view` is NULL for a miss. Out of line: what it has on its stack is not a plain hit's. */
static __attribute__((noinline)) void
get_otherwise(struct http_call *call, const struct http_request *request, const struct item_view *view) {
    struct http_worker *worker = call->worker;
    struct http_cache_tag tag;
    struct http_validator validator = http_cache_validator(call, view, &tag);
    if (http_condition_any(request->head)) {
        struct http_answer none = {.status = HTTP_STATUS_OK,
                                   .etag =
                                       view != NULL && worker->service->config.cas_enabled ? view->cas : 0,
                                   .fields = bytes_from_string(view != NULL ? state_fields(view) : "")};
        if (answer_condition(call, request, &validator, &none)) {
            counter_add(view != NULL ? &worker->counters.cache_hits : &worker->counters.cache_misses, 1);
            return;
        }
    }
    if (view == NULL) {
        answer_miss(call, request);
        return;
    }
    counter_add(&worker->counters.cache_hits, 1);
    struct http_answer answer = hit_answer(worker, view);
    if (http_head_has_one(request->head, HTTP_RANGE) && request->head->method == HTTP_GET &&
        http_condition_range(request->head, &validator)) {
        answer_range(call, request, view, &answer);
    } else {
        answer_value(call, request, view, &answer, view->value);
    }
}

static void cache_get(struct http_call *call, const struct http_request *request, struct bytes key) {
    struct http_worker *worker = call->worker;
    const struct get_options options = {.meta = true, .shows_number = worker->service->config.cas_enabled};
    struct item_view view;
    bool found = store_get_with(worker->store, key, &options, &view) == STORE_OK;
    http_worker_count_key(worker, key, false);
    if (unlikely(!found || http_condition_any(request->head) || http_head_has(request->head, HTTP_RANGE))) {
        get_otherwise(call, request, found ? &view : NULL);
        return;
    }
    counter_add(&worker->counters.cache_hits, 1);
    struct http_answer answer = hit_answer(worker, &view);
    answer_value(call, request, &view, &answer, view.value);
}

static enum latency_command latency_of(enum http_method method) {
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return LATENCY_HTTP_GET;
    case HTTP_PUT:
        return LATENCY_HTTP_PUT;
    case HTTP_POST:
        return LATENCY_HTTP_POST;
    case HTTP_DELETE:
        return LATENCY_HTTP_DELETE;
    case HTTP_OPTIONS:
    case HTTP_CONNECT:
    case HTTP_PATCH:
    case HTTP_TRACE:
    case HTTP_METHOD_UNKNOWN:
        break;
    }
    return LATENCY_HTTP_OTHER;
}

/*
 * The key that `name`, a part of the request's target, says: as it stands there, or decoded into `decoded`, which has room for
 * STORE_KEY_SIZE_MAX bytes. False where it is none.
 */
static bool key_read(const struct http_request *request, struct bytes name, char *decoded,
                     struct bytes *key) {
    *key = name;
    if (unlikely(!request->head->target_is_plain && !http_percent_is_plain(name))) {
        key->data = decoded;
        return http_percent_decode(name, decoded, STORE_KEY_SIZE_MAX, &key->size) && key->size > 0;
    }
    return name.size > 0 && name.size <= STORE_KEY_SIZE_MAX;
}

/* The key of a request that changes something. */
static void key_keep(struct bytes key, struct http_change *change) {
    memmove(change->key, key.data, key.size); /* it may be there already */
    change->key_size = (uint8_t)key.size;
}

void http_cache(struct http_call *call, struct http_request *request, struct bytes name,
                struct http_change *change) {
    struct bytes key;
    if (unlikely(name.size == 0) && request->head->method == HTTP_DELETE) {
        http_cache_flush(call, request);
        return;
    }
    if (!key_read(request, name, change->key, &key)) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_BAD_REQUEST,
                         "a key has 1 to 250 bytes, percent-encoded where they are not plain", "");
        return;
    }
    request->exchange.latency = (uint8_t)latency_of(request->head->method);
    switch (request->head->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        cache_get(call, request, key);
        return;
    case HTTP_PUT:
    case HTTP_POST:
    case HTTP_DELETE:
        key_keep(key, change);
        http_cache_write(call, request, change);
        return;
    case HTTP_OPTIONS:
    case HTTP_CONNECT:
    case HTTP_PATCH:
    case HTTP_TRACE:
    case HTTP_METHOD_UNKNOWN:
        break;
    }
    http_answer_page(call, &request->exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, "not for a value",
                     "Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n");
}
