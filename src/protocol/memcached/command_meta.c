/* SPDX-License-Identifier: MIT
 *
 * command_meta: md, ma, mn, and the choice of the meta command.
 */
#include "command_meta.h"

#include "observe.h"
#include "put.h"
#include "riposte/check.h"
#include "answer.h"

void mc_meta_plain_answer(const struct mc_call *call, const struct meta *meta, const char code[2]) {
    struct meta_answer answer = {
        .letters = META_LETTER('O') | META_LETTER('k'),
        .key = meta->key_text,
        .key_is_binary = meta->key_is_binary,
        .key_is_encoded = true,
    };
    char *line = reply_reserve(call->reply, META_LINE_SIZE_MAX);
    memcpy(line, code, 2);
    char *at = meta_answer_flags(line + 2, meta->flag, meta->flags_count, &answer);
    memcpy(at, "\r\n", 2);
    reply_commit(call->reply, (size_t)(at + 2 - line));
}

static void delete_count(struct mc_counters *counters, const struct meta *meta, enum store_status status) {
    if (status == STORE_MISS || status == STORE_EXISTS) {
        counter_add(&counters->delete_misses, 1);
    } else if (status == STORE_OK && !meta_has(meta, 'I')) {
        counter_add(&counters->delete_hits, 1);
    }
}

void mc_meta_delete(struct mc_call *call, const struct meta *meta) {
    struct delete_options options = {
        .compare = meta_has(meta, 'C'),
        .cas_expected = meta->cas_expected,
        .invalidate = meta_has(meta, 'I'),
        .drop_value = meta_has(meta, 'x'),
        .touch = meta_has(meta, 'T'),
        .touch_expires_tick = meta_expiry(call, meta->ttl),
        .client_flags = meta->client_flags,
        .cas_new = meta->cas_new,
    };
    struct put_result result;
    size_t value_size = unlikely(call->observed) ? observe_change(call, meta->key) : 0;
    enum store_status status = store_delete(call->worker->store, meta->key, &options, &result);
    delete_count(&call->worker->counters, meta, status);
    if (unlikely(call->observed) && status == STORE_OK && !options.invalidate && !options.drop_value) {
        observe_deleted(call, meta->key, "md", value_size);
    }
    call->requests++;
    switch (status) {
    case STORE_OK:
        if (!meta_has(meta, 'q')) {
            mc_meta_plain_answer(call, meta, "HD");
        }
        return;
    case STORE_MISS:
        mc_meta_plain_answer(call, meta, "NF");
        return;
    case STORE_EXISTS:
        mc_meta_plain_answer(call, meta, "EX");
        return;
    case STORE_NOT_STORED:
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        call_fail(call, false, MC_ERROR_NO_MEMORY);
        return;
    }
}

/* HD or VA of ma. */
static void number_answer(const struct mc_call *call, const struct meta *meta,
                          const struct number_result *result) {
    struct meta_answer answer = {
        .letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') | META_LETTER('t') |
                   META_LETTER('T') | (result->created ? META_LETTER('N') : 0),
        .key = result->key,
        .key_is_binary = result->key_is_binary,
        .cas = call->worker->service->config.cas_enabled ? result->cas : 0,
        .now_tick = store_now_tick(call->worker->store),
        .expires_tick = result->created ? STORE_EXPIRES_NEVER : result->expires_tick_before,
        .touch_expires_tick = meta_expiry(call, meta->ttl),
        .create_expires_tick = meta_expiry(call, meta->create_ttl),
    };
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_size = bytes_format_u64(digits, result->number);
    assert(digits_size <= sizeof(digits));
    bool has_value = meta_has(meta, 'v');
    char *line = reply_reserve(call->reply, META_LINE_SIZE_MAX + BYTES_U64_DIGITS_MAX + 2);
    memcpy(line, has_value ? "VA " : "HD", 3);
    char *at = has_value ? number_write(line + 3, digits_size) : line + 2;
    at = meta_answer_flags(at, meta->flag, meta->flags_count, &answer);
    memcpy(at, "\r\n", 2);
    at += 2;
    if (has_value) {
        memcpy(at, digits, digits_size);
        memcpy(at + digits_size, "\r\n", 2);
        at += digits_size + 2;
    }
    reply_commit(call->reply, (size_t)(at - line));
}

/* M of ma: *decrement, or false. */
static bool arithmetic_mode(const struct meta *meta, bool *decrement) {
    *decrement = meta->mode == 'D' || meta->mode == '-';
    return *decrement || meta->mode == 'I' || meta->mode == '+' || meta->mode == '\0';
}

static struct number_options arithmetic_options(const struct mc_call *call, const struct meta *meta) {
    /* Of T and N on an item that N creates the one further back in the line counts. */
    bool touch_last = meta_has_order(meta, 'N', 'T');
    int32_t create_ttl = touch_last ? meta->ttl : meta->create_ttl;
    return (struct number_options){
        .delta = meta->delta,
        .compare = meta_has(meta, 'C') && meta->cas_expected != 0,
        .cas_expected = meta->cas_expected,
        .cas_new = meta->cas_new,
        .create = meta_has(meta, 'N'),
        .initial = meta->initial,
        .create_expires_tick = meta_expiry(call, create_ttl),
        .key_is_binary = meta->key_is_binary,
        .touch = meta_has(meta, 'T'),
        .touch_expires_tick = meta_expiry(call, meta->ttl),
    };
}

void mc_meta_arithmetic(struct mc_call *call, const struct meta *meta) {
    struct mc_counters *counters = &call->worker->counters;
    struct number_options options = arithmetic_options(call, meta);
    struct number_result result;
    call->requests++;
    if (!arithmetic_mode(meta, &options.decrement)) {
        call_fail(call, false, MC_ERROR_META_ARITHMETIC_MODE);
        return;
    }
    if (unlikely(call->observed)) {
        observe_change(call, meta->key);
    }
    switch (store_add_number(call->worker->store, meta->key, &options, &result)) {
    case STORE_OK:
        if (!result.created) {
            counter_add(options.decrement ? &counters->decr_hits : &counters->incr_hits, 1);
        }
        if (!meta_has(meta, 'q')) {
            number_answer(call, meta, &result);
        }
        if (unlikely(call->observed) && result.created) {
            observe_created(call, meta->key, &result);
        }
        return;
    case STORE_MISS:
        counter_add(options.decrement ? &counters->decr_misses : &counters->incr_misses, 1);
        mc_meta_plain_answer(call, meta, "NF");
        return;
    case STORE_EXISTS:
        mc_meta_plain_answer(call, meta, "EX");
        return;
    case STORE_NOT_NUMBER:
        call_fail(call, false, MC_ERROR_NOT_NUMBER);
        return;
    case STORE_NOT_STORED:
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        call_fail(call, false, options.create ? MC_ERROR_NO_MEMORY_ITEM : MC_ERROR_NO_MEMORY);
        return;
    }
}

/* A meta command whose line was read. */
static void meta_execute(struct mc_call *call, enum mc_verb verb, const struct meta *meta) {
    switch (verb) {
    case MC_META_SET:
        mc_meta_set(call, meta);
        return;
    case MC_META_DELETE:
        mc_meta_delete(call, meta);
        return;
    case MC_META_ARITHMETIC:
        mc_meta_arithmetic(call, meta);
        return;
    case MC_META_DEBUG:
        mc_meta_debug(call, meta);
        return;
    default:
        mc_meta_get(call, meta);
        return;
    }
}

void mc_meta(struct mc_call *call, const struct mc_request *request) {
    struct meta meta;
    if (request->verb == MC_META_NOOP) {
        call_answer(call, false, CALL_LINE("MN"));
        call->requests++;
    } else if (mc_parse_meta(request->verb, request->arguments, &meta) == PARSE_OK) {
        meta_execute(call, request->verb, &meta);
    } else {
        call->requests++;
        call_fail(call, false, meta.error);
        if (meta.swallow_size > 0) {
            mc_swallow_begin(call, meta.swallow_size);
        }
    }
}
