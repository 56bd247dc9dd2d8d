/* SPDX-License-Identifier: MIT
 *
 * cmd_store: set, add, replace, append, prepend, cas, and the data block that they and ms bring.
 */
#include "cmd_store.h"

#include <stdlib.h>

#include "log/events.h"
#include "riposte/check.h"
#include "upload.h"

/* --- the data block ------------------------------------------------------------------------------------- */

/* Allocated when a block is not all there with its line, so that connections without one stay small. */
struct store_upload {
    struct upload upload;
    struct store_block block; /* its slices point into `text` */
    struct item *item;        /* owned until it is stored or discarded */
    char text[];              /* what block.key_text to block.flags was in the line */
};

static void block_count(struct mc_counters *counters, const struct store_block *block,
                        enum store_status status) {
    counter_add(&counters->cmd_set, 1);
    if (unlikely(block->is_cas)) {
        counter_add(status == STORE_OK       ? &counters->cas_hits
                    : status == STORE_EXISTS ? &counters->cas_badval
                                             : &counters->cas_misses,
                    1);
    }
}

/* The block is complete: stores the item, or gives it back when the block did not end as announced. */
static void block_finish(struct mc_call *call, const struct store_block *block, struct item *item,
                         bool end_is_wrong) {
    struct memcached_worker *worker = call->worker;
    call->requests++;
    if (unlikely(end_is_wrong)) {
        store_item_discard(worker->store, item);
        counter_add(&worker->counters.cmd_set, 1);
        call_fail(call, block->noreply, MC_ERROR_DATA_CHUNK);
        return;
    }
    struct put_result result = {0};
    enum store_status status = store_put(worker->store, item, &block->options, &result);
    block_count(&worker->counters, block, status);
    block->answer(call, block, status, &result);
    if (unlikely(call->observed)) {
        events_stored(call, block, status, &result);
    }
}

/* No room: the client is told at once and its block is skipped. */
static void block_refuse(struct mc_call *call, const struct store_block *block, struct bytes key,
                         enum store_status status, enum mc_error error) {
    if (unlikely(call->observed)) {
        events_stored(call, block, status, NULL);
    }
    if (block->replaces) {
        store_delete(call->worker->store, key, NULL, NULL);
    }
    call_fail(call, block->noreply, error);
    call->requests++;
    call_swallow(call, block->value_size + PARSE_LINE_END_SIZE);
}

/* Copies the part of the line that the answer needs and points the slices to the copy. */
static void text_keep(struct store_upload *upload, size_t text_size) {
    struct store_block *block = &upload->block;
    if (text_size == 0) {
        return;
    }
    memcpy(upload->text, block->key_text.data, text_size);
    block->flags.data = upload->text + (block->flags.data - block->key_text.data);
    block->key_text.data = upload->text;
}

/* NULL when memory ends; the item stays the caller's then. */
static struct store_upload *upload_create(const struct store_block *block, struct item *item) {
    size_t text_size =
        block->key_text.size > 0 ? (size_t)(block->flags.data + block->flags.size - block->key_text.data) : 0;
    struct store_upload *upload = malloc(sizeof(*upload) + text_size);
    if (upload == NULL) {
        return NULL;
    }
    *upload = (struct store_upload){.block = *block, .item = item};
    upload_init(&upload->upload, store_item_value(item), block->value_size, bytes_from_string("\r\n"));
    text_keep(upload, text_size);
    return upload;
}

/* The block comes in pieces. */
static void block_wait(struct mc_call *call, const struct store_block *block, struct bytes key,
                       struct item *item) {
    struct store_upload *upload = upload_create(block, item);
    if (upload == NULL) {
        store_item_discard(call->worker->store, item);
        block_refuse(call, block, key, STORE_NO_MEMORY, MC_ERROR_NO_MEMORY_READ);
        return;
    }
    counter_add(&call->worker->counters.values_in_pieces, 1);
    call->session->upload = upload;
    call->session->state = MC_SESSION_VALUE;
}

void cmd_store_begin(struct mc_call *call, const struct store_block *block, struct bytes key) {
    service_count_key(call->worker, key, true);
    struct item *item;
    size_t value_size = block->value_size;
    enum store_status status = store_item_create(call->worker->store, key, block->key_is_binary,
                                                 block->client_flags, block->expires_tick, value_size, &item);
    if (unlikely(status != STORE_OK)) {
        block_refuse(call, block, key, status,
                     status == STORE_TOO_LARGE ? MC_ERROR_TOO_LARGE : MC_ERROR_NO_MEMORY_STORE);
        return;
    }
    if (unlikely((size_t)(call->end - call->at) < value_size + PARSE_LINE_END_SIZE)) {
        block_wait(call, block, key, item);
        return;
    }
    memcpy(store_item_value(item), call->at, value_size);
    bool end_is_wrong = memcmp(call->at + value_size, "\r\n", PARSE_LINE_END_SIZE) != 0;
    call->at += value_size + PARSE_LINE_END_SIZE;
    block_finish(call, block, item, end_is_wrong);
}

bool cmd_store_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    struct store_upload *upload = session->upload;
    call->at += upload_take(&upload->upload, call_unread(call));
    if (!upload_complete(&upload->upload)) {
        return false;
    }
    session->upload = NULL;
    session->state = MC_SESSION_LINE;
    block_finish(call, &upload->block, upload->item, upload->upload.end_is_wrong);
    free(upload);
    return true;
}

void cmd_store_discard(struct memcached_worker *worker, struct store_upload *upload) {
    store_item_discard(worker->store, upload->item);
    free(upload);
}

/* --- the classic commands ------------------------------------------------------------------------------- */

static struct bytes put_line(enum store_status status) {
    switch (status) {
    case STORE_OK:
        return CALL_LINE("STORED");
    case STORE_MISS:
        return CALL_LINE("NOT_FOUND");
    case STORE_EXISTS:
        return CALL_LINE("EXISTS");
    case STORE_NOT_STORED:
        return CALL_LINE("NOT_STORED");
    case STORE_TOO_LARGE:
        return answer_error(MC_ERROR_TOO_LARGE);
    case STORE_NO_MEMORY:
    case STORE_NOT_NUMBER:
        break;
    }
    return answer_error(MC_ERROR_NO_MEMORY_STORE);
}

static void block_answer(const struct mc_call *call, const struct store_block *block,
                         enum store_status status, const struct put_result *result) {
    (void)result;
    call_answer(call, block->noreply, put_line(status));
}

static void store_begin(struct mc_call *call, const struct mc_request *request,
                        const struct put_options *options) {
    struct store_block block = {
        .options = *options,
        .noreply = request->noreply,
        .is_cas = options->compare,
        .replaces = options->mode == PUT_SET && !options->compare,
        .answer = block_answer,
        .key_text = request->key,
        .flags = bytes_of(request->key.data + request->key.size, 0),
        .client_flags = request->client_flags,
        .expires_tick = store_expiry(call->worker->store, request->exptime),
        .value_size = request->value_size,
    };
    if (unlikely(call->observed)) {
        events_set(call, request->key);
    }
    cmd_store_begin(call, &block, request->key);
}

void cmd_set(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_SET};
    store_begin(call, request, &options);
}

void cmd_add(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_ADD};
    store_begin(call, request, &options);
}

void cmd_replace(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_REPLACE};
    store_begin(call, request, &options);
}

void cmd_append(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_APPEND};
    store_begin(call, request, &options);
}

void cmd_prepend(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_PREPEND};
    store_begin(call, request, &options);
}

void cmd_cas(struct mc_call *call, const struct mc_request *request) {
    struct put_options options = {.mode = PUT_SET, .compare = true, .cas_expected = request->number};
    store_begin(call, request, &options);
}
