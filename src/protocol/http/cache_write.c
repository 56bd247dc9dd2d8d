/* SPDX-License-Identifier: MIT
 *
 * cache_write: reads what a write asks for out of path, query and fields, then hands the body to change.
 *
 * Conditions are checked against the value that there is when the head has come, and bound to it: the change
 * is made only if that value, or its absence, is still what there is (cas and add of the store). So nothing
 * comes between a condition and its change, however long the body takes.
 */
#include "cache.h"

#include "answer.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "parse/text.h"

struct http_validator http_cache_validator(const struct http_call *call, const struct item_view *view,
                                           struct http_cache_tag *tag) {
    struct http_validator validator = {.exists = view != NULL, .now_unix_s = call->worker->unix_s};
    if (view != NULL && call->worker->service->config.cas_enabled) {
        size_t digits = bytes_format_u64(tag->text + 1, view->cas);
        tag->text[0] = '"';
        tag->text[digits + 1] = '"';
        validator.etag = bytes_of(tag->text, digits + 2);
    }
    return validator;
}

static struct bytes key_of(const struct http_change *change) {
    return bytes_of(change->key, change->key_size);
}

static void answer_bad(struct http_call *call, const struct http_request *request, const char *sentence) {
    http_answer_page(call, &request->exchange, HTTP_STATUS_BAD_REQUEST, sentence, "");
}

static void answer_changed(struct http_call *call, const struct http_request *request) {
    http_answer_page(call, &request->exchange, HTTP_STATUS_PRECONDITION_FAILED,
                     "the value is not what the condition asks for", "");
}

/*
 * False, and answered, when the query says anything but `names`, or something twice: a ttl that is misspelt would let a value stay,
 * and of two that contradict each other one would be passed over.
 */
static bool query_is_understood(struct http_call *call, const struct http_request *request,
                                const char *const *names) {
    if (likely(request->target.query.size == 0) || http_query_is_only(request->target.query, names)) {
        return true;
    }
    answer_bad(call, request, "the query has a parameter that is not known here, or one twice");
    return false;
}

/* What a condition has bound the change to. */
struct bound {
    bool any;     /* there are conditions, and they hold */
    bool exists;  /* for a value that is there */
    uint64_t cas; /* its CAS, or 0, which is no value's: what has come since differs from it */
};

/* False when the conditions do not hold: answered. */
static bool conditions_bind(struct http_call *call, const struct http_request *request,
                            const struct http_change *change, struct bound *bound) {
    static const struct get_options unused = {.no_use = true, .shows_number = true};
    struct item_view view;
    struct http_cache_tag tag;
    /* A value has no date: conditions on one are passed over (RFC 9110 sections 13.1.3 and 13.1.4). */
    *bound = (struct bound){.any = http_head_has(request->head, HTTP_IF_MATCH) ||
                                   http_head_has(request->head, HTTP_IF_NONE_MATCH)};
    if (likely(!bound->any)) {
        return true;
    }
    bound->exists = store_get_with(call->worker->store, key_of(change), &unused, &view) == STORE_OK;
    bound->cas = bound->exists ? view.cas : 0;
    struct http_validator validator = http_cache_validator(call, bound->exists ? &view : NULL, &tag);
    if (http_condition_check(request->head, &validator) == HTTP_CONDITION_TRUE) {
        return true;
    }
    answer_changed(call, request);
    return false;
}

/* --- expiry ------------------------------------------------------------------------------------------------- */

/* The tick at which a value expires that lives for `ttl_s` more seconds. */
static uint32_t expiry_of(const struct http_worker *worker, uint32_t ttl_s) {
    if (ttl_s == 0) {
        return STORE_EXPIRED;
    }
    if (ttl_s <= STORE_TTL_RELATIVE_MAX) {
        return store_expiry(worker->store, ttl_s);
    }
    uint64_t now_s = store_tick_unix_s(worker->store, store_now_tick(worker->store));
    return store_expiry(worker->store, (int64_t)(now_s + ttl_s));
}

/* Digits, also in quotes (RFC 9111 section 5.2); numbers too large for 32 bits mean the largest (section 1.2.2). */
static bool seconds_read(struct bytes text, uint32_t *seconds) {
    uint64_t number = 0;
    if (text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"') {
        text = bytes_of(text.data + 1, text.size - 2);
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!http_text_is_digit(text.data[i])) {
            return false;
        }
    }
    bool fits = bytes_parse_u64(text, &number) && number < UINT32_MAX;
    *seconds = fits ? (uint32_t)number : UINT32_MAX;
    return text.size > 0;
}

/* The first `max-age=` in any Cache-Control. False where it is no number. */
static bool max_age_read(const struct http_head *head, uint32_t *ttl_s, bool *given) {
    enum { NAME_SIZE = 8 };
    unsigned position = 0;
    struct bytes list;
    struct bytes directive = bytes_of(NULL, 0);
    *given = false;
    while (!*given && http_head_next(head, HTTP_CACHE_CONTROL, &position, &list)) {
        while (!*given && http_text_list_next(&list, &directive)) {
            *given = directive.size >= NAME_SIZE &&
                     http_text_equal(bytes_of(directive.data, NAME_SIZE), "max-age=");
        }
    }
    return !*given || seconds_read(bytes_after(directive, NAME_SIZE), ttl_s);
}

/*
 * `ttl` of the query, or max-age; without either the value does not expire. False for one that is none: a value must not stay because its
 * end is misspelt.
 */
static bool expiry_read(const struct http_call *call, const struct http_request *request,
                        uint32_t *expires_tick) {
    struct bytes text;
    uint32_t ttl_s = 0;
    *expires_tick = STORE_EXPIRES_NEVER;
    if (http_query_find(request->target.query, "ttl", &text)) {
        if (!bytes_parse_u32(text, &ttl_s) || ttl_s == 0) {
            return false;
        }
        *expires_tick = expiry_of(call->worker, ttl_s);
        return true;
    }
    bool given;
    if (!max_age_read(request->head, &ttl_s, &given)) {
        return false;
    }
    if (given) {
        *expires_tick = expiry_of(call->worker, ttl_s);
    }
    return true;
}

/* --- PUT, append, prepend ----------------------------------------------------------------------------------- */

/* A key that memcached's lines cannot hold: listings show it in base64. */
static bool key_is_binary(struct bytes key) {
    for (size_t i = 0; i < key.size; i++) {
        if ((unsigned char)key.data[i] <= ' ' || key.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The body is wanted: *change is complete. */
static void change_accept(struct http_request *request, struct http_change *change) {
    change->stores = true;
    change->key_is_binary = key_is_binary(key_of(change));
    request->exchange.keep_alive = request->message.keep_alive;
}

/* Two lines are a list of two (RFC 9110 section 5.3): with the first alone the value would be told for what it is not. */
static enum http_content_outcome content_flags(struct http_call *call, const struct http_head *head,
                                               uint32_t *client_flags) {
    if (unlikely((head->doubled &
                  (UINT32_C(1) << HTTP_CONTENT_TYPE | UINT32_C(1) << HTTP_CONTENT_ENCODING)) != 0)) {
        return HTTP_CONTENT_BAD;
    }
    return http_content_flags(&call->worker->service->contents, http_head_find(head, HTTP_CONTENT_TYPE),
                              http_head_find(head, HTTP_CONTENT_ENCODING), client_flags);
}

static bool content_read(struct http_call *call, const struct http_request *request,
                         struct http_change *change) {
    switch (content_flags(call, request->head, &change->client_flags)) {
    case HTTP_CONTENT_OK:
        return true;
    case HTTP_CONTENT_BAD:
        http_answer_page(call, &request->exchange, HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                         "Content-Type or Content-Encoding cannot be kept", "");
        return false;
    case HTTP_CONTENT_FULL:
        http_answer_page(call, &request->exchange, HTTP_STATUS_INSUFFICIENT_STORAGE,
                         "too many different content types are stored", "");
        return false;
    }
    return false;
}

static void cache_put(struct http_call *call, struct http_request *request, struct http_change *change) {
    struct bound bound;
    if (unlikely(http_head_has(request->head, HTTP_CONTENT_RANGE))) {
        /* A part must not become the whole value (RFC 9110 section 14.5): a client that resumes an upload sends it. */
        answer_bad(call, request, "a value is written whole, without Content-Range");
        return;
    }
    static const char *const parameters[] = {"ttl", NULL};
    if (!query_is_understood(call, request, parameters)) {
        return;
    }
    if (!expiry_read(call, request, &change->expires_tick)) {
        answer_bad(call, request, "ttl is a number of seconds, 1 to 4294967295, max-age one from 0");
        return;
    }
    if (!content_read(call, request, change) || !conditions_bind(call, request, change, &bound)) {
        return;
    }
    change->options = (struct put_options){
        .mode = bound.any && !bound.exists ? PUT_ADD : PUT_SET,
        .compare = bound.any && bound.exists,
        .cas_expected = bound.cas,
    };
    change_accept(request, change);
}

static void cache_join(struct http_call *call, struct http_request *request, struct http_change *change,
                       enum put_mode mode) {
    static const char *const parameters[] = {"op", NULL};
    struct bound bound;
    if (!query_is_understood(call, request, parameters) || !conditions_bind(call, request, change, &bound)) {
        return;
    }
    change->options = (struct put_options){.mode = mode, .compare = bound.any, .cas_expected = bound.cas};
    change_accept(request, change);
}

/* --- incr, decr --------------------------------------------------------------------------------------------- */

/* A number of the query; false when it is there and none. */
static bool number_read(const struct http_request *request, const char *name, uint64_t *number, bool *given) {
    struct bytes text;
    *given = http_query_find(request->target.query, name, &text);
    return !*given || bytes_parse_u64(text, number);
}

static void answer_number(struct http_call *call, const struct http_request *request,
                          const struct number_result *result) {
    char text[BYTES_U64_DIGITS_MAX];
    size_t size = bytes_format_u64(text, result->number);
    struct http_answer answer = {
        .status = HTTP_STATUS_OK,
        .type = bytes_from_string("text/plain"),
        .size = size,
        .etag = call->worker->service->config.cas_enabled ? result->cas : 0,
    };
    counter_add(&call->worker->counters.cache_stores, 1);
    http_answer_send(call, &request->exchange, &answer, bytes_of(text, size));
}

/* There was no memory. True when some is on its way: the request comes again in a later call, nothing of it was done. */
static bool number_waits(struct http_call *call) {
    struct http_session *session = call->session;
    uint64_t since_ns = session->waits_ns != 0 ? session->waits_ns : call->now_ns;
    bool is_late = call->now_ns - since_ns >= HTTP_ROOM_WAIT_MS * CLOCK_NS_PER_MS;
    if (is_late || !store_deferred(call->worker->store)) {
        return false;
    }
    session->waits_ns = since_ns;
    call->work += PROTOCOL_WORK_COSTLY;
    call->waits = true;
    return true;
}

static void cache_count(struct http_call *call, struct http_request *request, struct http_change *change,
                        bool decrement) {
    static const char *const parameters[] = {"op", "by", "initial", "ttl", NULL};
    struct number_options options = {.decrement = decrement, .delta = 1};
    struct number_result result = {0};
    struct bound bound;
    bool given;
    if (!query_is_understood(call, request, parameters)) {
        return;
    }
    if (!number_read(request, "by", &options.delta, &given) ||
        !number_read(request, "initial", &options.initial, &options.create) ||
        !expiry_read(call, request, &options.create_expires_tick)) {
        answer_bad(call, request,
                   "by and initial are numbers from 0 to 2^64 - 1, ttl and max-age are some of seconds");
        return;
    }
    if (!conditions_bind(call, request, change, &bound)) {
        return;
    }
    options.compare = bound.any;
    options.cas_expected = bound.cas;
    options.key_is_binary = key_is_binary(key_of(change));
    enum store_status status = store_add_number(call->worker->store, key_of(change), &options, &result);
    if (unlikely(status == STORE_NO_MEMORY) && number_waits(call)) {
        return;
    }
    http_call_copied(call, result.value_size);
    switch (status) {
    case STORE_OK:
        answer_number(call, request, &result);
        return;
    case STORE_MISS:
        http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND, "no such key", "X-Cache: miss\r\n");
        return;
    case STORE_EXISTS:
    case STORE_NOT_STORED:
        answer_changed(call, request);
        return;
    case STORE_NOT_NUMBER:
        http_answer_page(call, &request->exchange, HTTP_STATUS_CONFLICT, "the value is not a number", "");
        return;
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        http_answer_page(call, &request->exchange, HTTP_STATUS_INSUFFICIENT_STORAGE,
                         "there is no memory for the number", "");
        return;
    }
}

static void cache_post(struct http_call *call, struct http_request *request, struct http_change *change) {
    struct bytes op = bytes_of(NULL, 0);
    http_query_find(request->target.query, "op", &op);
    if (bytes_equal_string(op, "incr") || bytes_equal_string(op, "decr")) {
        cache_count(call, request, change, op.data[0] == 'd');
    } else if (bytes_equal_string(op, "append")) {
        cache_join(call, request, change, PUT_APPEND);
    } else if (bytes_equal_string(op, "prepend")) {
        cache_join(call, request, change, PUT_PREPEND);
    } else {
        answer_bad(call, request, "op is incr, decr, append or prepend");
    }
}

/* --- DELETE --------------------------------------------------------------------------------------------------- */

static void cache_delete(struct http_call *call, struct http_request *request, struct http_change *change) {
    static const char *const parameters[] = {NULL};
    struct bound bound;
    if (!query_is_understood(call, request, parameters) || !conditions_bind(call, request, change, &bound)) {
        return;
    }
    struct delete_options options = {.compare = bound.any, .cas_expected = bound.cas};
    enum store_status status = store_delete(call->worker->store, key_of(change), &options, NULL);
    if (status == STORE_EXISTS) {
        answer_changed(call, request);
    } else if (status == STORE_OK) {
        const struct http_answer answer = {.status = HTTP_STATUS_NO_CONTENT};
        counter_add(&call->worker->counters.cache_deletes, 1);
        http_answer_send(call, &request->exchange, &answer, bytes_of(NULL, 0));
    } else {
        http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND, "no such key", "X-Cache: miss\r\n");
    }
}

/* True when it is answered. */
static bool refused_readonly(struct http_call *call, const struct http_request *request) {
    if (likely(!call->worker->service->config.readonly)) {
        return false;
    }
    http_answer_page(call, &request->exchange, HTTP_STATUS_FORBIDDEN, "this server is read-only over HTTP",
                     "");
    return true;
}

static void flush_prefix(struct http_call *call, const struct http_request *request, struct bytes prefix) {
    const struct http_answer answer = {.status = HTTP_STATUS_NO_CONTENT};
    call->work += PROTOCOL_WORK_COSTLY; /* as `flush_prefix` of the memcached port */
    switch (store_flush_prefix(call->worker->store, prefix)) {
    case STORE_FLUSHED:
        http_answer_send(call, &request->exchange, &answer, bytes_of(NULL, 0));
        return;
    case STORE_FLUSH_TOO_MANY:
        http_answer_page(call, &request->exchange, HTTP_STATUS_INSUFFICIENT_STORAGE,
                         "too many flushed prefixes are remembered", "");
        return;
    case STORE_FLUSH_NO_MEMORY:
        http_answer_page(call, &request->exchange, HTTP_STATUS_INSUFFICIENT_STORAGE,
                         "there is no memory for the prefix", "");
        return;
    }
}

void http_cache_flush(struct http_call *call, const struct http_request *request) {
    static const char *const parameters[] = {"prefix", NULL};
    struct bytes text = bytes_of(NULL, 0);
    char prefix[STORE_KEY_SIZE_MAX];
    size_t size = 0;
    if (refused_readonly(call, request)) {
        return;
    }
    if (!call->worker->service->config.flush_enabled) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_FORBIDDEN, "this server flushes nothing", "");
    } else if (http_condition_any(request->head)) {
        answer_bad(call, request, "a prefix has no entity tag");
    } else if (!query_is_understood(call, request, parameters)) {
        return;
    } else if (!http_query_find(request->target.query, "prefix", &text) ||
               !http_percent_decode(text, prefix, sizeof(prefix), &size) || size == 0) {
        answer_bad(call, request, "a prefix has 1 to 250 bytes, percent-encoded where they are not plain");
    } else {
        flush_prefix(call, request, bytes_of(prefix, size));
    }
}

void http_cache_write(struct http_call *call, struct http_request *request, struct http_change *change) {
    if (refused_readonly(call, request)) {
        return;
    }
    http_worker_count_key(call->worker, key_of(change), true);
    if (request->head->method == HTTP_PUT) {
        cache_put(call, request, change);
    } else if (request->head->method == HTTP_POST) {
        cache_post(call, request, change);
    } else {
        cache_delete(call, request, change);
    }
}
