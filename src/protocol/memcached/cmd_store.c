/* SPDX-License-Identifier: MIT
 *
 * cmd_store: the data block that set, add, replace, append, prepend, cas (cmd_set.c) and ms bring.
 */
#include "cmd_store.h"

#include <stdlib.h>

#include "log/events.h"
#include "put_record.h"
#include "riposte/check.h"

enum {
    UPLOAD_ROOM_WAIT_MS =
        3000, /* so long a block waits for room; who holds it and is quiet has gone after 2 s */
    COPY_SIZE_MAX = 1 << 20,      /* bytes of a block in pieces that one call copies into the store */
    COPY_SIZE_PER_WORK = 1 << 10, /* bytes whose copy is a small request's work: 256 KiB are costly */
};

/* --- the data block ------------------------------------------------------------------------------------- */

/*
 * Allocated when a block is not all there with its line, so that connections without one stay small.
 *
 *      received, memory is taken as bytes come --> whole: item made, block ended well --> copied, a piece a call
 *        |   ^
 *        v   | others have given some back
 *      no room: nothing is read
 */
struct store_upload {
    struct upload upload;
    struct pace pace;
    uint64_t no_room_ns;      /* since when there is no room for what has come; 0: there is */
    uint64_t whole_ns;        /* when the block was; 0: it is not */
    struct store_block block; /* its slices point into `text` */
    struct item *item;        /* NULL until the block is whole; owned until it is stored or discarded */
    size_t memory_size;       /* bytes of this struct with its text */
    size_t key_size;
    char text[]; /* the key, then what block.key_text to block.flags was in the line */
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

/* The block is complete and did not end as announced. */
static void block_refuse_end(struct mc_call *call, const struct store_block *block) {
    call->requests++;
    counter_add(&call->worker->counters.cmd_set, 1);
    call_fail(call, block->noreply, MC_ERROR_DATA_CHUNK);
}

/* append and prepend copy what was there. */
static bool block_grows(const struct store_block *block) {
    return block->options.mode == PUT_APPEND || block->options.mode == PUT_PREPEND;
}

/* The block was stored, or was not. */
static void block_finish(struct mc_call *call, const struct store_block *block, enum store_status status,
                         const struct put_result *result) {
    call->requests++;
    block_count(&call->worker->counters, block, status);
    if (block_grows(block)) {
        call_copied(call, result->value_size);
    }
    block->answer(call, block, status, result);
    if (unlikely(call->observed)) {
        events_stored(call, block, status, result);
    }
}

/* No room: the client is told at once, and what is still to come of its block is skipped. */
static void block_refuse(struct mc_call *call, const struct store_block *block, struct bytes key,
                         enum store_status status, size_t missing_size) {
    if (unlikely(call->observed)) {
        events_stored(call, block, status, NULL);
    }
    if (block->replaces) {
        store_delete(call->worker->store, key, NULL, NULL);
    }
    call_fail(call, block->noreply,
              status == STORE_TOO_LARGE ? MC_ERROR_TOO_LARGE : MC_ERROR_NO_MEMORY_STORE);
    call->requests++;
    if (missing_size > 0) {
        call_swallow(call, (uint32_t)missing_size);
    }
}

void cmd_store_refuse(struct mc_call *call, struct bytes key, bool noreply, enum store_status status) {
    const struct store_block block = {.noreply = noreply, .replaces = true};
    block_refuse(call, &block, key, status, 0);
}

/* --- a block in pieces ---------------------------------------------------------------------------------- */

/* Copies the key, and the part of the line that the answer needs, and points the slices to the copy. */
static void text_keep(struct store_upload *upload, struct bytes key, size_t text_size) {
    struct store_block *block = &upload->block;
    char *text = upload->text + key.size;
    upload->key_size = key.size;
    memcpy(upload->text, key.data, key.size);
    memcpy(text, block->key_text.data, text_size);
    block->flags.data = text + (block->flags.data - block->key_text.data);
    block->key_text.data = text;
}

struct bytes cmd_store_key(const struct store_upload *upload) {
    return bytes_of(upload->text, upload->key_size);
}

/* NULL when there is no memory for it. */
static struct store_upload *upload_create(const struct mc_call *call, const struct store_block *block,
                                          struct bytes key) {
    size_t text_size = (size_t)(block->flags.data + block->flags.size - block->key_text.data);
    size_t memory_size = sizeof(struct store_upload) + key.size + text_size;
    struct store_upload *upload = memory_size <= call->memory_size_max ? malloc(memory_size) : NULL;
    if (upload == NULL) {
        return NULL;
    }
    *upload = (struct store_upload){.block = *block, .memory_size = memory_size};
    upload_init(&upload->upload, block->value_size, bytes_from_string("\r\n"));
    pace_begin(&upload->pace, call->now_ns, PACE_WINDOW_MS);
    text_keep(upload, key, text_size);
    return upload;
}

void cmd_store_discard(struct memcached_worker *worker, struct store_upload *upload) {
    if (upload->item != NULL) {
        store_item_discard(worker->store, upload->item);
    }
    upload_discard(&upload->upload);
    free(upload);
}

size_t cmd_store_memory_size(const struct store_upload *upload) {
    return upload->memory_size + upload->upload.memory_size;
}

/* Connections hold too much for the block, which is refused: said here, and to the engine. */
static void upload_lacks_room(struct mc_call *call, const struct store_block *block) {
    counter_add(&call->worker->counters.values_refused, 1);
    call->memory_wanted_size = block->value_size;
}

/* The same, when it may wait for room: false when it is to be refused. One whose end can never come waits for nothing. */
static bool upload_waits(struct mc_call *call, struct store_upload *upload) {
    bool never_ends =
        call->input_ended && upload_missing_size(&upload->upload) > (size_t)(call->end - call->at);
    bool waited = upload->no_room_ns != 0;
    upload->no_room_ns = waited ? upload->no_room_ns : call->now_ns;
    if (!call->memory_may_wait || never_ends ||
        call->now_ns - upload->no_room_ns >= UPLOAD_ROOM_WAIT_MS * CLOCK_NS_PER_MS) {
        return false;
    }
    counter_add(&call->worker->counters.values_waited, !waited);
    pace_rest(&upload->pace, call->now_ns);
    call->memory_wanted_size = upload->block.value_size;
    call->later = true;
    return true;
}

/* The session is between two lines again. */
static void upload_end(struct mc_call *call) {
    cmd_store_discard(call->worker, call->session->upload);
    call->session->upload = NULL;
    if (call->session->state == MC_SESSION_VALUE) {
        call->session->state = MC_SESSION_LINE;
    }
}

static void upload_refuse(struct mc_call *call, struct store_upload *upload, enum store_status status) {
    block_refuse(call, &upload->block, cmd_store_key(upload), status, upload_missing_size(&upload->upload));
    upload_end(call);
}

/* The block comes in pieces. */
static void block_wait(struct mc_call *call, const struct store_block *block, struct bytes key) {
    struct store_upload *upload = upload_create(call, block, key);
    if (upload == NULL) {
        upload_lacks_room(call, block);
        block_refuse(call, block, key, STORE_NO_MEMORY, (size_t)block->value_size + PARSE_LINE_END_SIZE);
        return;
    }
    counter_add(&call->worker->counters.values_in_pieces, 1);
    call->session->upload = upload;
    call->session->state = MC_SESSION_VALUE;
}

/* True when the block is whole; otherwise the session waits for its rest, or the upload has ended. */
static bool upload_receive(struct mc_call *call, struct store_upload *upload) {
    size_t blocks_size_max = call->memory_size_max - upload->memory_size;
    size_t taken_size;
    bool has_room = upload_take(&upload->upload, call_unread(call), blocks_size_max, &taken_size);
    call->at += taken_size;
    call->work += (unsigned)(taken_size / COPY_SIZE_PER_WORK);
    if (unlikely(!has_room)) {
        if (!upload_waits(call, upload)) {
            upload_lacks_room(call, &upload->block);
            upload_refuse(call, upload, STORE_NO_MEMORY);
        }
        return false;
    }
    upload->no_room_ns = 0;
    if (upload_complete(&upload->upload)) {
        return true;
    }
    size_t held_size = cmd_store_memory_size(upload);
    size_t room_size = call->memory_size_max > held_size ? call->memory_size_max - held_size : 0;
    uint32_t rate_min = pace_rate(call->worker->service->config.upload_rate_min, upload->block.value_size,
                                  held_size, room_size);
    if (unlikely(!pace_kept(&upload->pace, call->now_ns, taken_size, rate_min))) {
        counter_add(&call->worker->counters.closed_slow_writer, 1);
        reply_close_error(call->reply);
    }
    return false;
}

/* The whole block has met STORE_NO_MEMORY: true when it goes on in another turn. */
static bool upload_defer(struct mc_call *call, struct store_upload *upload) {
    upload->whole_ns = upload->whole_ns != 0 ? upload->whole_ns : call->now_ns;
    if (!call_may_wait(call, upload->whole_ns)) {
        return false;
    }
    call_again(call, call->at);
    return true;
}

/* The block is whole: makes the item that it goes to. False when it waits, or the upload has ended otherwise. */
static bool upload_make_item(struct mc_call *call, struct store_upload *upload) {
    const struct store_block *block = &upload->block;
    if (unlikely(upload->upload.end_is_wrong)) {
        block_refuse_end(call, block);
        upload_end(call);
        return false;
    }
    enum store_status status =
        store_item_create(call->worker->store, cmd_store_key(upload), block->key_is_binary,
                          block->client_flags, block->expires_tick, block->value_size, &upload->item);
    if (unlikely(status != STORE_OK)) {
        upload->item = NULL;
        if (status != STORE_NO_MEMORY || !upload_defer(call, upload)) {
            upload_refuse(call, upload, status);
        }
        return false;
    }
    return true;
}

/* The item has all of the block. False when it waits for room: an append needs more than its own. */
static bool upload_store(struct mc_call *call, struct store_upload *upload) {
    struct put_result result = {0};
    enum store_status status = store_put(call->worker->store, &upload->item, &upload->block.options, &result);
    if (unlikely(status == STORE_NO_MEMORY) && upload_defer(call, upload)) {
        return false;
    }
    block_finish(call, &upload->block, status, &result);
    upload_end(call);
    return true;
}

/* Copies the next piece. False when others come first. */
static bool upload_copy(struct mc_call *call, struct store_upload *upload) {
    char *value = store_item_value(upload->item) + upload->upload.moved_size;
    size_t size = upload_move(&upload->upload, value, COPY_SIZE_MAX);
    call->work += (unsigned)(size / COPY_SIZE_PER_WORK);
    if (!upload_empty(&upload->upload)) {
        call->yielded = true;
        return false;
    }
    return upload_store(call, upload);
}

bool cmd_store_continue(struct mc_call *call) {
    struct store_upload *upload = call->session->upload;
    if (upload->item == NULL) {
        if (!upload_receive(call, upload) || !upload_make_item(call, upload)) {
            return call->session->state != MC_SESSION_VALUE;
        }
    }
    return upload_copy(call, upload);
}

/* --- a block in pieces, in a record --------------------------------------------------------------------------- */

const struct store_block *cmd_store_block(const struct store_upload *upload) {
    return &upload->block;
}

void cmd_store_save(const struct store_upload *upload, const struct store_worker *store,
                    struct record_writer *writer) {
    const struct store_block *block = &upload->block;
    const char *text = upload->text + upload->key_size;
    size_t text_size = upload->memory_size - sizeof(*upload) - upload->key_size;
    size_t moved_size = upload->upload.moved_size;
    put_record_write(&block->options, store, writer);
    record_put_u8(writer, block->noreply);
    record_put_u8(writer, block->is_cas);
    record_put_u8(writer, block->replaces);
    record_put_u8(writer, block->quiet);
    record_put_u8(writer, block->key_is_binary);
    record_put_u32(writer, block->client_flags);
    record_put_u64(writer, (uint64_t)put_record_expiry(store, block->expires_tick));
    record_put_bytes(writer, cmd_store_key(upload));
    record_put_bytes(writer, bytes_of(text, text_size));
    record_put_u32(writer, (uint32_t)block->key_text.size);
    record_put_u32(writer, (uint32_t)(block->flags.data - text));
    pace_save(&upload->pace, writer);
    upload_save(&upload->upload, bytes_of(moved_size > 0 ? store_item_value(upload->item) : NULL, moved_size),
                writer);
}

struct store_saved cmd_store_read(struct record_reader *reader) {
    struct store_saved saved = {0};
    struct store_block *block = &saved.block;
    block->options = put_record_read(reader, &saved.create_exptime);
    block->noreply = record_get_bool(reader);
    block->is_cas = record_get_bool(reader);
    block->replaces = record_get_bool(reader);
    block->quiet = record_get_bool(reader);
    block->key_is_binary = record_get_bool(reader);
    block->client_flags = record_get_u32(reader);
    saved.exptime = (int64_t)record_get_u64(reader);
    saved.key = record_get_bytes(reader, STORE_KEY_SIZE_MAX);
    saved.text = record_get_bytes(reader, PARSE_LINE_SIZE_MAX);
    size_t key_text_size = record_get_u32(reader);
    saved.flags_start = record_get_u32(reader);
    saved.pace = pace_read(reader);
    saved.upload = upload_read(reader, PARSE_LINE_END_SIZE);
    block->value_size = (uint32_t)saved.upload.value_size;
    /* What a key is stored as is never longer than what it was sent as; the flags stand behind it. */
    if (saved.key.size == 0 || key_text_size > saved.flags_start || saved.flags_start > saved.text.size) {
        reader->bad = true;
        return saved;
    }
    block->key_text = bytes_of(saved.text.data, key_text_size);
    block->flags = bytes_after(saved.text, saved.flags_start);
    return saved;
}

struct store_upload *cmd_store_load(const struct store_saved *saved, const struct store_worker *store,
                                    void (*answer)(const struct mc_call *, const struct store_block *,
                                                   enum store_status, const struct put_result *)) {
    size_t memory_size = sizeof(struct store_upload) + saved->key.size + saved->text.size;
    struct store_upload *upload = malloc(memory_size);
    if (upload == NULL) {
        return NULL;
    }
    *upload = (struct store_upload){.block = saved->block, .pace = saved->pace, .memory_size = memory_size};
    upload->block.answer = answer;
    upload->block.expires_tick = store_expiry(store, saved->exptime);
    upload->block.options.create_expires_tick = store_expiry(store, saved->create_exptime);
    text_keep(upload, saved->key, saved->text.size);
    if (!upload_load(&upload->upload, &saved->upload, bytes_from_string("\r\n"))) {
        upload_discard(&upload->upload);
        free(upload);
        return NULL;
    }
    return upload;
}

/* --- any block ------------------------------------------------------------------------------------------ */

/* The block, which is all here, ended well, and nobody asks more of it than to be stored, whatever was there before. */
static bool block_is_plain(const struct mc_call *call, const struct store_block *block) {
    const struct put_options *options = &block->options;
    return options->mode == PUT_SET && !options->compare && !options->invalidate && options->cas_new == 0 &&
           !block->tells_number && !block->key_is_binary && likely(call->observed == 0) &&
           memcmp(call->at + block->value_size, "\r\n", PARSE_LINE_END_SIZE) == 0;
}

static void block_set(struct mc_call *call, const struct store_block *block, struct bytes key) {
    static const struct put_result untold = {0};
    size_t block_size = (size_t)block->value_size + PARSE_LINE_END_SIZE;
    const struct store_record record = {
        .key = key,
        .value = bytes_of(call->at, block->value_size),
        .hash = store_hash(call->worker->store, key),
        .client_flags = block->client_flags,
        .expires_tick = block->expires_tick,
    };
    enum store_status status = store_set(call->worker->store, &record);
    if (unlikely(status != STORE_OK)) {
        if (status != STORE_NO_MEMORY || !call_defer(call)) {
            block_refuse(call, block, key, status, block_size);
        }
        return;
    }
    call->at += block_size;
    call->requests++;
    counter_add(&call->worker->counters.cmd_set, 1);
    block->answer(call, block, status, &untold);
}

void cmd_store_begin(struct mc_call *call, const struct store_block *block, struct bytes key) {
    service_count_key(call->worker, key, true);
    struct store_worker *store = call->worker->store;
    size_t block_size = (size_t)block->value_size + PARSE_LINE_END_SIZE;
    bool is_whole = (size_t)(call->end - call->at) >= block_size;
    if (unlikely(!is_whole) &&
        store_item_fits(store, key.size, block->value_size, block->client_flags != 0)) {
        block_wait(call, block, key);
        return;
    }
    if (is_whole && block_is_plain(call, block)) {
        block_set(call, block, key);
        return;
    }
    struct item *item;
    enum store_status status = !is_whole
                                   ? STORE_TOO_LARGE
                                   : store_item_create(store, key, block->key_is_binary, block->client_flags,
                                                       block->expires_tick, block->value_size, &item);
    if (unlikely(status != STORE_OK)) {
        if (status != STORE_NO_MEMORY || !call_defer(call)) {
            block_refuse(call, block, key, status, block_size);
        }
        return;
    }
    bytes_copy_large(store_item_value(item), call->at, block->value_size);
    bool end_is_wrong = memcmp(call->at + block->value_size, "\r\n", PARSE_LINE_END_SIZE) != 0;
    call->at += block_size;
    if (unlikely(end_is_wrong)) {
        store_item_discard(store, item);
        block_refuse_end(call, block);
        return;
    }
    struct put_result result = {0};
    status = store_put(store, &item, &block->options, &result);
    if (unlikely(status == STORE_NO_MEMORY)) {
        store_item_discard(store, item);
        if (call_defer(call)) {
            return;
        }
    }
    block_finish(call, block, status, &result);
}
