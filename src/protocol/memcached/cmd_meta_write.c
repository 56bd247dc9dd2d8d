/* SPDX-License-Identifier: MIT
 *
 * cmd_meta_write: ms, md, ma.
 */
#include "cmd_meta.h"
#include "cmd_store.h"
#include "line.h"
#include "log/events.h"
#include "riposte/check.h"

/* --- ms ------------------------------------------------------------------------------------------------- */

/* HD, NS, EX or NF with the flags that ms returns. */
static void set_answer_line(const struct mc_call *call, const struct store_block *block, const char code[2],
                            const struct put_result *result) {
    struct answer_meta answer = {
        .letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') | META_LETTER('s'),
        .key = block->key_text,
        .key_is_binary = block->key_is_binary,
        .key_is_encoded = true,
        .cas = service_cas(call->worker->service, result->cas),
        .value_size = result->cas != 0 ? result->value_size : block->value_size,
    };
    struct bytes flag[META_FLAGS_MAX];
    unsigned flags_count = parse_meta_split(block->flags, flag);
    char *line = reply_reserve(call->reply, ANSWER_META_LINE_SIZE_MAX);
    memcpy(line, code, 2);
    char *at = answer_meta_flags(line + 2, flag, flags_count, &answer);
    at = line_text(at, "\r\n");
    reply_commit(call->reply, (size_t)(at - line));
}

void cmd_meta_set_answer(const struct mc_call *call, const struct store_block *block,
                         enum store_status status, const struct put_result *result) {
    switch (status) {
    case STORE_OK:
        if (!block->quiet) {
            set_answer_line(call, block, "HD", result);
        }
        return;
    case STORE_MISS:
        set_answer_line(call, block, "NF", result);
        return;
    case STORE_EXISTS:
        set_answer_line(call, block, "EX", result);
        return;
    case STORE_NOT_STORED:
        set_answer_line(call, block, "NS", result);
        return;
    case STORE_TOO_LARGE:
        call_fail(call, false, MC_ERROR_TOO_LARGE);
        return;
    case STORE_NOT_NUMBER:
    case STORE_NO_MEMORY:
        call_fail(call, false, MC_ERROR_NO_MEMORY_STORE);
        return;
    }
}

/* M of ms: *mode, or false. */
static bool set_mode(const struct meta *meta, enum put_mode *mode) {
    switch (meta->mode) {
    case '\0':
    case 'S':
        *mode = PUT_SET;
        return true;
    case 'E':
        *mode = PUT_ADD;
        return true;
    case 'A':
        *mode = PUT_APPEND;
        return true;
    case 'P':
        *mode = PUT_PREPEND;
        return true;
    case 'R':
        *mode = PUT_REPLACE;
        return true;
    default:
        return false;
    }
}

static struct put_options set_options(const struct mc_call *call, const struct meta *meta,
                                      enum put_mode mode) {
    bool grows = mode == PUT_APPEND || mode == PUT_PREPEND;
    return (struct put_options){
        /* With C replace is a cas: a missing item is NF, not NS. */
        .mode = mode == PUT_REPLACE && parse_meta_has(meta, 'C') ? PUT_SET : mode,
        /* Like add, append and prepend know no CAS of 0. */
        .compare = parse_meta_has(meta, 'C') && mode != PUT_ADD && !(grows && meta->cas_expected == 0),
        .cas_expected = meta->cas_expected,
        .invalidate = parse_meta_has(meta, 'I') && !grows,
        .cas_new = meta->cas_new,
        .create = parse_meta_has(meta, 'N') && grows,
        .create_expires_tick = cmd_meta_expiry(call, meta->create_ttl),
    };
}

void cmd_ms(struct mc_call *call, const struct mc_request *request) {
    struct meta meta;
    enum put_mode mode;
    if (!cmd_meta_read(call, request, &meta)) {
        return;
    }
    if (!set_mode(&meta, &mode)) {
        call->requests++;
        call_fail(call, false, MC_ERROR_META_SET_MODE);
        call_swallow(call, meta.swallow_size);
        return;
    }
    struct store_block block = {
        .options = set_options(call, &meta, mode),
        .is_cas = parse_meta_has(&meta, 'C') && (mode == PUT_SET || mode == PUT_REPLACE),
        .replaces = true,
        .answer = cmd_meta_set_answer,
        .quiet = parse_meta_has(&meta, 'q'),
        .tells_number = parse_meta_has(&meta, 'c'),
        .key_is_binary = meta.key_is_binary,
        .key_text = meta.key_text,
        .flags = meta.flags,
        .client_flags = meta.client_flags,
        .expires_tick = parse_meta_has(&meta, 'T') ? cmd_meta_expiry(call, meta.ttl) : STORE_EXPIRES_NEVER,
        .value_size = meta.value_size,
    };
    cmd_store_begin(call, &block, meta.key);
}

/* --- md ------------------------------------------------------------------------------------------------- */

static void delete_count(struct mc_counters *counters, const struct meta *meta, enum store_status status) {
    if (status == STORE_MISS || status == STORE_EXISTS) {
        counter_add(&counters->delete_misses, 1);
    } else if (status == STORE_OK && !parse_meta_has(meta, 'I')) {
        counter_add(&counters->delete_hits, 1);
    }
}

static struct delete_options delete_options_for(const struct mc_call *call, const struct meta *meta) {
    return (struct delete_options){
        .compare = parse_meta_has(meta, 'C'),
        .cas_expected = meta->cas_expected,
        .invalidate = parse_meta_has(meta, 'I'),
        .drop_value = parse_meta_has(meta, 'x'),
        .touch = parse_meta_has(meta, 'T'),
        .touch_expires_tick = cmd_meta_expiry(call, meta->ttl),
        .client_flags = meta->client_flags,
        .cas_new = meta->cas_new,
    };
}

static void delete_answer(const struct mc_call *call, const struct meta *meta, enum store_status status) {
    switch (status) {
    case STORE_OK:
        if (!parse_meta_has(meta, 'q')) {
            cmd_meta_answer(call, meta, "HD");
        }
        return;
    case STORE_MISS:
        cmd_meta_answer(call, meta, "NF");
        return;
    case STORE_EXISTS:
        cmd_meta_answer(call, meta, "EX");
        return;
    case STORE_NOT_STORED:
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        call_fail(call, false, MC_ERROR_NO_MEMORY);
        return;
    }
}

void cmd_md(struct mc_call *call, const struct mc_request *request) {
    struct meta meta;
    struct put_result result;
    if (!cmd_meta_read(call, request, &meta)) {
        return;
    }
    struct delete_options options = delete_options_for(call, &meta);
    size_t value_size = unlikely(call->observed) ? events_change(call, meta.key) : 0;
    enum store_status status = store_delete(call->worker->store, meta.key, &options, &result);
    if (unlikely(status == STORE_NO_MEMORY) && call_defer(call)) {
        return;
    }
    call_copied(call, result.value_size);
    delete_count(&call->worker->counters, &meta, status);
    if (unlikely(call->observed) && status == STORE_OK && !options.invalidate && !options.drop_value) {
        events_deleted(call, meta.key, "md", value_size);
    }
    call->requests++;
    delete_answer(call, &meta, status);
}

/* --- ma ------------------------------------------------------------------------------------------------- */

/* HD or VA of ma. */
static void number_answer(const struct mc_call *call, const struct meta *meta,
                          const struct number_result *result) {
    struct answer_meta answer = {
        .letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') | META_LETTER('t') |
                   META_LETTER('T') | (result->created ? META_LETTER('N') : 0),
        .key = result->key,
        .key_is_binary = result->key_is_binary,
        .cas = service_cas(call->worker->service, result->cas),
        .now_tick = store_now_tick(call->worker->store),
        .expires_tick = result->created ? STORE_EXPIRES_NEVER : result->expires_tick_before,
        .touch_expires_tick = cmd_meta_expiry(call, meta->ttl),
        .create_expires_tick = cmd_meta_expiry(call, meta->create_ttl),
    };
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_size = bytes_format_u64(digits, result->number);
    assert(digits_size <= sizeof(digits));
    bool has_value = parse_meta_has(meta, 'v');
    char *line = reply_reserve(call->reply, ANSWER_META_LINE_SIZE_MAX + BYTES_U64_DIGITS_MAX + 2);
    memcpy(line, has_value ? "VA " : "HD", 3);
    char *at = has_value ? number_write(line + 3, digits_size) : line + 2;
    at = answer_meta_flags(at, meta->flag, meta->flags_count, &answer);
    at = line_text(at, "\r\n");
    if (has_value) {
        at = line_text(line_bytes(at, bytes_of(digits, digits_size)), "\r\n");
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
    bool touch_last = parse_meta_ordered(meta, 'N', 'T');
    int32_t create_ttl = touch_last ? meta->ttl : meta->create_ttl;
    return (struct number_options){
        .delta = meta->delta,
        .compare = parse_meta_has(meta, 'C') && meta->cas_expected != 0,
        .cas_expected = meta->cas_expected,
        .cas_new = meta->cas_new,
        .create = parse_meta_has(meta, 'N'),
        .initial = meta->initial,
        .create_expires_tick = cmd_meta_expiry(call, create_ttl),
        .key_is_binary = meta->key_is_binary,
        .touch = parse_meta_has(meta, 'T'),
        .touch_expires_tick = cmd_meta_expiry(call, meta->ttl),
    };
}

void cmd_ma(struct mc_call *call, const struct mc_request *request) {
    struct mc_counters *counters = &call->worker->counters;
    struct meta meta;
    struct number_result result;
    if (!cmd_meta_read(call, request, &meta)) {
        return;
    }
    struct number_options options = arithmetic_options(call, &meta);
    call->requests++;
    if (!arithmetic_mode(&meta, &options.decrement)) {
        call_fail(call, false, MC_ERROR_META_ARITHMETIC_MODE);
        return;
    }
    if (unlikely(call->observed)) {
        events_change(call, meta.key);
    }
    switch (store_add_number(call->worker->store, meta.key, &options, &result)) {
    case STORE_OK:
        if (!result.created) {
            counter_add(options.decrement ? &counters->decr_hits : &counters->incr_hits, 1);
        }
        call_copied(call, result.value_size);
        if (!parse_meta_has(&meta, 'q')) {
            number_answer(call, &meta, &result);
        }
        if (unlikely(call->observed) && result.created) {
            events_created(call, meta.key, &result);
        }
        return;
    case STORE_MISS:
        counter_add(options.decrement ? &counters->decr_misses : &counters->incr_misses, 1);
        cmd_meta_answer(call, &meta, "NF");
        return;
    case STORE_EXISTS:
        cmd_meta_answer(call, &meta, "EX");
        return;
    case STORE_NOT_NUMBER:
        call_fail(call, false, MC_ERROR_NOT_NUMBER);
        return;
    case STORE_NO_MEMORY:
        if (call_defer(call)) {
            call->requests--;
            return;
        }
        call_fail(call, false, options.create ? MC_ERROR_NO_MEMORY_ITEM : MC_ERROR_NO_MEMORY);
        return;
    case STORE_NOT_STORED:
    case STORE_TOO_LARGE:
        call_fail(call, false, options.create ? MC_ERROR_NO_MEMORY_ITEM : MC_ERROR_NO_MEMORY);
        return;
    }
}
