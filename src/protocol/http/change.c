/* SPDX-License-Identifier: MIT
 *
 * change: a body into its item, or gathered first; then the store's operation and the answer to it.
 */
#include "change.h"

#include <stdlib.h>

#include "answer.h"
#include "log/note.h"
#include "parse/head.h"
#include "put_record.h"
#include "riposte/check.h"
#include "riposte/clock.h"

enum {
    COPY_SIZE_MAX = 1 << 20,      /* bytes of a body in pieces that one call copies into the store */
    COPY_SIZE_PER_WORK = 1 << 10, /* bytes whose copy is a small request's work: 256 KiB are costly */
    LINE_SIZE_PER_WORK = 128,     /* bytes of an unfinished line that are a small request's work */
};

/* Gives back item and blocks. */
static void change_release(struct http_change *change, struct http_worker *worker) {
    if (change->item != NULL) {
        store_item_discard(worker->store, change->item);
        change->item = NULL;
    }
    upload_discard(&change->upload);
}

size_t http_change_memory_size(const struct http_change *change) {
    return sizeof(*change) + change->upload.memory_size;
}

void http_change_drop(struct http_session *session, struct http_worker *worker) {
    change_release(session->change, worker);
    free(session->change);
    session->change = NULL;
}

/* --- room for the body -------------------------------------------------------------------------------------- */

static struct bytes change_key(const struct http_change *change) {
    return bytes_of(change->key, change->key_size);
}

/* NONE, or why there is no item of `size` bytes. */
static enum http_status item_make(struct http_call *call, struct http_change *change, size_t size) {
    enum store_status status =
        store_item_create(call->worker->store, change_key(change), change->key_is_binary,
                          change->client_flags, change->expires_tick, size, &change->item);
    if (likely(status == STORE_OK)) {
        return HTTP_STATUS_NONE;
    }
    change->item = NULL;
    return status == STORE_TOO_LARGE ? HTTP_STATUS_CONTENT_TOO_LARGE : HTTP_STATUS_INSUFFICIENT_STORAGE;
}

/* Where the body goes: into an item that is there, or into blocks. NONE, or why it can go nowhere. */
static enum http_status room_make(struct http_call *call, struct http_change *change) {
    bool is_chunked = change->body.kind == HTTP_BODY_CHUNKED;
    size_t size = is_chunked ? call->worker->service->config.item_size_max : (size_t)change->body.left;
    if (!is_chunked && (size_t)(call->end - call->at) >= size) {
        enum http_status status = item_make(call, change, size);
        if (likely(status != HTTP_STATUS_INSUFFICIENT_STORAGE) || !store_deferred(call->worker->store)) {
            return status;
        }
    }
    if (!is_chunked &&
        !store_item_fits(call->worker->store, change->key_size, size, change->client_flags != 0)) {
        return HTTP_STATUS_CONTENT_TOO_LARGE;
    }
    upload_init(&change->upload, size, bytes_of(NULL, 0));
    return HTTP_STATUS_NONE;
}

/* NONE, or why the blocks cannot hold `data`, too. */
static enum http_status upload_add(struct http_call *call, struct http_change *change, struct bytes data) {
    size_t taken_size;
    if (data.size > upload_missing_size(&change->upload)) {
        return HTTP_STATUS_CONTENT_TOO_LARGE;
    }
    size_t own_size = sizeof(*change);
    size_t size_max = call->memory_size_max > own_size ? call->memory_size_max - own_size : 0;
    if (unlikely(!upload_take(&change->upload, data, size_max, &taken_size))) {
        call->memory_wanted_size = change->upload.value_size;
        return HTTP_STATUS_UNAVAILABLE;
    }
    return HTTP_STATUS_NONE;
}

/* --- the end of the body ------------------------------------------------------------------------------------ */

static bool key_exists(struct http_call *call, const struct http_change *change) {
    static const struct get_options unused = {.no_use = true};
    struct item_view view;
    return store_get_with(call->worker->store, change_key(change), &unused, &view) == STORE_OK;
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

/* append and prepend copy what was there. */
static bool change_joins(const struct http_change *change) {
    return change->options.mode == PUT_APPEND || change->options.mode == PUT_PREPEND;
}

/* Append and prepend say NOT_STORED for what is missing and for what would be too large. */
static void answer_not_stored(struct http_call *call, const struct http_change *change) {
    if (!change_joins(change)) {
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

/* What has become of it; `existed`: there was a value of this key before. */
static void item_answer(struct http_call *call, const struct http_change *change, enum store_status status,
                        bool existed, uint64_t cas) {
    switch (status) {
    case STORE_OK:
        existed = existed && change->options.mode != PUT_ADD;
        answer_stored(call, change, existed ? HTTP_STATUS_NO_CONTENT : HTTP_STATUS_CREATED, cas);
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

/* There was no room. True when some is on its way, and the whole body waits for it until another turn. */
static bool item_waits(struct http_call *call, struct http_change *change) {
    change->whole_ns = change->whole_ns != 0 ? change->whole_ns : call->now_ns;
    bool is_late = call->now_ns - change->whole_ns >= HTTP_ROOM_WAIT_MS * CLOCK_NS_PER_MS;
    if (is_late || !store_deferred(call->worker->store)) {
        return false;
    }
    call->work += PROTOCOL_WORK_COSTLY;
    call->yielded = true;
    return true;
}

/* The body is in its item. False when it waits for room: an append needs more than its own. */
static bool item_store(struct http_call *call, struct http_change *change) {
    struct put_result result = {0};
    bool is_put = change->options.mode == PUT_SET;
    bool existed = !is_put || key_exists(call, change);
    enum store_status status = store_put(call->worker->store, &change->item, &change->options, &result);
    if (unlikely(status == STORE_NO_MEMORY) && item_waits(call, change)) {
        size_t size = (size_t)change->body.size; /* all of it was moved there, also where it came whole */
        change->upload.value_size = change->upload.received_size = change->upload.moved_size = size;
        return false;
    }
    if (change_joins(change)) {
        http_call_copied(call, result.value_size);
    }
    item_answer(call, change, status, existed, result.cas);
    return true;
}

/* The next piece goes from the blocks to the item. False when others come first. */
static bool upload_store(struct http_call *call, struct http_change *change) {
    char *value = store_item_value(change->item) + change->upload.moved_size;
    size_t size = upload_move(&change->upload, value, COPY_SIZE_MAX);
    call->work += (unsigned)(size / COPY_SIZE_PER_WORK);
    call->yielded = !upload_empty(&change->upload);
    return !call->yielded;
}

/* All of the body is there. False when it goes on with the next call. */
static bool change_finish(struct http_call *call, struct http_change *change) {
    if (!change->stores) {
        return true;
    }
    if (change->item == NULL) {
        change->upload.value_size = change->upload.received_size; /* of chunks it was not known before */
        enum http_status status = item_make(call, change, change->upload.value_size);
        if (status == HTTP_STATUS_INSUFFICIENT_STORAGE && item_waits(call, change)) {
            return false;
        }
        if (status != HTTP_STATUS_NONE) {
            answer_no_room(call, &change->exchange, status);
            return true;
        }
    }
    if (!upload_empty(&change->upload) && !upload_store(call, change)) {
        return false;
    }
    return item_store(call, change);
}

/* --- the body on its way ------------------------------------------------------------------------------------ */

/* With what its present chunk has announced. */
static bool change_is_too_large(const struct http_call *call, const struct http_change *change) {
    const struct http_body *body = &change->body;
    size_t size_max = call->worker->service->config.item_size_max;
    uint64_t announced = body->kind == HTTP_BODY_CHUNKED ? body->chunk.left : 0;
    return body->size > size_max || announced > size_max - body->size;
}

/* NONE, or why the bytes cannot be taken: the connection ends with that. */
static enum http_status change_take(struct http_call *call, struct http_change *change, struct bytes data) {
    if (change_is_too_large(call, change)) {
        return HTTP_STATUS_CONTENT_TOO_LARGE;
    }
    if (!change->stores || data.size == 0) {
        return HTTP_STATUS_NONE;
    }
    if (change->item != NULL) {
        bytes_copy_large(store_item_value(change->item) + change->body.size - data.size, data.data,
                         data.size);
        return HTTP_STATUS_NONE;
    }
    return upload_add(call, change, data);
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
        if (unlikely(call->work >= PROTOCOL_WORK_COSTLY)) { /* chunks of a byte each: 30 ns for six bytes */
            call->yielded = true;
            return false;
        }
        struct bytes data;
        size_t consumed;
        enum http_status status = HTTP_STATUS_NONE;
        switch (http_body_next(&change->body, bytes_of(call->at, (size_t)(call->end - call->at)), &consumed,
                               &data)) {
        case HTTP_PARSE_MORE:
            call->work += (unsigned)((size_t)(call->end - call->at) / LINE_SIZE_PER_WORK);
            return false;
        case HTTP_PARSE_BAD:
            status = change->body.chunk.status;
            break;
        case HTTP_PARSE_OK:
            call->at += consumed;
            call->work += 1 + (unsigned)(data.size / COPY_SIZE_PER_WORK);
            status = change_take(call, change, data);
            break;
        }
        if (unlikely(status != HTTP_STATUS_NONE)) {
            change_abort(call, change, status);
            return true;
        }
    }
    return change_finish(call, change);
}

/* The rest will come later. */
static void change_keep(struct http_call *call, struct http_change *change) {
    struct http_change *kept = sizeof(*kept) <= call->memory_size_max ? malloc(sizeof(*kept)) : NULL;
    if (kept == NULL) {
        call->memory_wanted_size = sizeof(*kept) + change->upload.value_size;
        change_abort(call, change, HTTP_STATUS_UNAVAILABLE);
        change_release(change, call->worker);
        return;
    }
    *kept = *change;
    /* Twice this passes before a body that began fast is late: sooner than the engine takes its connection for an idle one. */
    pace_begin(&kept->pace, call->now_ns, call->worker->service->config.timeout_ms / 2);
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
    if (change->stores) {
        enum http_status status = room_make(call, change);
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
    struct http_change *change = session->change;
    uint64_t before_size = change->body.size;
    if (!change_read(call, change)) {
        size_t held_size = http_change_memory_size(change);
        size_t room_size = call->memory_size_max > held_size ? call->memory_size_max - held_size : 0;
        uint32_t rate_min = pace_rate(call->worker->service->config.upload_rate_min,
                                      change->upload.value_size, held_size, room_size);
        /* Lines of chunks and trailers are no body: with 250 bytes for each byte a body would take days at the rate. */
        size_t size = (size_t)(change->body.size - before_size);
        bool kept = pace_kept(&change->pace, call->now_ns, size, rate_min);
        change->is_late = !call->yielded && !kept;
        return false;
    }
    session->began_ns = 0;
    http_change_drop(session, call->worker);
    return true;
}

/* --- in a record ------------------------------------------------------------------------------------------- */

static void body_save(const struct http_body *body, struct record_writer *writer) {
    record_put_u8(writer, (uint8_t)body->kind);
    record_put_u64(writer, body->left);
    record_put_u64(writer, body->size);
    record_put_u8(writer, (uint8_t)body->chunk.state);
    record_put_u64(writer, body->chunk.left);
    record_put_u32(writer, body->chunk.trailer_size);
    record_put_u32(writer, body->chunk.trailer_count);
}

static struct http_body body_read(struct record_reader *reader) {
    struct http_body body = {0};
    uint8_t kind = record_get_u8(reader);
    body.left = record_get_u64(reader);
    body.size = record_get_u64(reader);
    uint8_t state = record_get_u8(reader);
    body.chunk.left = record_get_u64(reader);
    body.chunk.trailer_size = record_get_u32(reader);
    body.chunk.trailer_count = record_get_u32(reader);
    reader->bad |= kind > HTTP_BODY_CHUNKED || state > HTTP_CHUNK_DONE ||
                   (state == HTTP_CHUNK_DATA) != (body.chunk.left > 0) ||
                   body.chunk.trailer_size > HTTP_HEAD_SIZE_MAX ||
                   body.chunk.trailer_count > HTTP_HEAD_FIELDS_MAX;
    if (!reader->bad) {
        body.kind = (enum http_body_kind)kind;
        body.chunk.state = (enum http_chunk_state)state;
    }
    return body;
}

static void exchange_save(const struct http_exchange *exchange, struct record_writer *writer) {
    record_put_u8(writer, exchange->keep_alive);
    record_put_u8(writer, exchange->is_old);
    record_put_u8(writer, exchange->head_only);
    record_put_u8(writer, exchange->cors);
    record_put_u8(writer, exchange->latency);
}

static struct http_exchange exchange_read(struct record_reader *reader) {
    struct http_exchange exchange = {.keep_alive = record_get_bool(reader)};
    exchange.is_old = record_get_bool(reader);
    exchange.head_only = record_get_bool(reader);
    exchange.cors = record_get_bool(reader);
    exchange.latency = record_get_u8(reader);
    reader->bad |= exchange.latency >= LATENCY_COMMANDS_COUNT;
    return exchange;
}

void http_change_save(const struct http_change *change, const struct store_worker *store,
                      struct record_writer *writer) {
    static const struct put_options none = {0};
    bool stores = change->stores; /* else what follows it was never filled in */
    size_t moved_size = change->upload.moved_size;
    record_put_u8(writer, stores);
    body_save(&change->body, writer);
    exchange_save(&change->exchange, writer);
    put_record_write(stores ? &change->options : &none, store, writer);
    record_put_u32(writer, stores ? change->client_flags : 0);
    record_put_u64(writer,
                   (uint64_t)put_record_expiry(store, stores ? change->expires_tick : STORE_EXPIRES_NEVER));
    pace_save(&change->pace, writer);
    record_put_u8(writer, change->is_late);
    record_put_u8(writer, stores && change->key_is_binary);
    record_put_bytes(writer, stores ? change_key(change) : bytes_of(NULL, 0));
    upload_save(&change->upload, bytes_of(moved_size > 0 ? store_item_value(change->item) : NULL, moved_size),
                writer);
}

struct http_change_saved http_change_saved_read(struct record_reader *reader) {
    struct http_change_saved saved = {.change.stores = record_get_bool(reader)};
    struct http_change *change = &saved.change;
    change->body = body_read(reader);
    change->exchange = exchange_read(reader);
    change->options = put_record_read(reader, &saved.create_exptime);
    change->client_flags = record_get_u32(reader);
    saved.exptime = (int64_t)record_get_u64(reader);
    change->pace = pace_read(reader);
    change->is_late = record_get_bool(reader);
    change->key_is_binary = record_get_bool(reader);
    saved.key = record_get_bytes(reader, STORE_KEY_SIZE_MAX);
    saved.upload = upload_read(reader, 0);
    const struct http_body *body = &change->body;
    bool is_known = body->kind != HTTP_BODY_CHUNKED;
    uint64_t missing = saved.upload.value_size - saved.upload.received_size;
    reader->bad |= change->stores && (saved.key.size == 0 || body->size != saved.upload.received_size ||
                                      (is_known && body->left != missing));
    return saved;
}

struct http_change *http_change_load(const struct http_change_saved *saved,
                                     const struct store_worker *store) {
    struct http_change *change = malloc(sizeof(*change));
    if (change == NULL) {
        return NULL;
    }
    *change = saved->change;
    change->expires_tick = store_expiry(store, saved->exptime);
    change->options.create_expires_tick = store_expiry(store, saved->create_exptime);
    change->key_size = (uint8_t)saved->key.size;
    bytes_copy(change->key, saved->key);
    if (!upload_load(&change->upload, &saved->upload, bytes_of(NULL, 0))) {
        upload_discard(&change->upload);
        free(change);
        return NULL;
    }
    return change;
}
