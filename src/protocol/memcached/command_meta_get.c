/* SPDX-License-Identifier: MIT
 *
 * command_meta_get: mg, me.
 */
#include "command_meta.h"
#include "observe.h"
#include "riposte/check.h"
#include "value.h"
#include "answer.h"

enum {
    LINE_END_SIZE = 2,
    AROUND_SIZE_MAX = META_LINE_SIZE_MAX + LINE_END_SIZE, /* most bytes around a value */
};

static const uint64_t hit_letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') |
                                    META_LETTER('s') | META_LETTER('f') | META_LETTER('h') |
                                    META_LETTER('l') | META_LETTER('t') | META_LETTER('T');

/* An item that this very request created is empty, won and unused. */
static bool view_is_created(const struct meta *meta, const struct item_view *view) {
    return meta_has(meta, 'N') && view->won && !view->stale && !view->fetched && view->value.size == 0;
}

static struct meta_answer hit_answer(const struct mc_call *call, const struct meta *meta,
                                     const struct item_view *view) {
    bool created = view_is_created(meta, view);
    return (struct meta_answer){
        .letters = hit_letters | (created ? META_LETTER('N') : 0),
        .key = view->key,
        .key_is_binary = view->key_is_binary,
        .cas = call->worker->service->config.cas_enabled ? view->cas : 0,
        .value_size = view->value.size,
        .client_flags = view->client_flags,
        .now_tick = store_now_tick(call->worker->store),
        .expires_tick = created ? STORE_EXPIRES_NEVER : view->expires_tick,
        .touch_expires_tick = meta_has(meta, 'T') ? meta_expiry(call, meta->ttl) : 0,
        .create_expires_tick = created ? meta_expiry(call, meta->create_ttl) : 0,
        .used_tick = view->used_tick,
        .fetched = view->fetched,
    };
}

/* The marks behind the requested flags. */
static char *hit_marks(char *at, const struct item_view *view) {
    if (view->won_before) {
        memcpy(at, " Z", 2);
        at += 2;
    }
    if (view->stale) {
        memcpy(at, " X", 2);
        at += 2;
    }
    if (view->won) {
        memcpy(at, " W", 2);
        at += 2;
    }
    return at;
}

static void hit_reply(const struct mc_call *call, const struct meta *meta, const struct item_view *view) {
    bool has_value = meta_has(meta, 'v') && !(meta_has(meta, 'C') && meta->cas_expected == view->cas);
    bool is_inline = has_value && value_fits_reserve(AROUND_SIZE_MAX, view->value.size);
    struct meta_answer answer = hit_answer(call, meta, view);
    char *line =
        reply_reserve(call->reply, META_LINE_SIZE_MAX + (is_inline ? view->value.size + LINE_END_SIZE : 0));
    memcpy(line, has_value ? "VA " : "HD", 3);
    char *at = has_value ? number_write(line + 3, view->value.size) : line + 2;
    at = hit_marks(meta_answer_flags(at, meta->flag, meta->flags_count, &answer), view);
    memcpy(at, "\r\n", LINE_END_SIZE);
    at += LINE_END_SIZE;
    if (is_inline) {
        memcpy(at, view->value.data, view->value.size + LINE_END_SIZE);
        at += view->value.size + LINE_END_SIZE;
    }
    reply_commit(call->reply, (size_t)(at - line));
    if (has_value && !is_inline) {
        answer_value_data(call->worker, call->reply, view);
    }
}

static struct get_options get_options_for(const struct mc_call *call, const struct meta *meta) {
    /* Of T and N on an item that N creates the one further back in the line counts. */
    int32_t create_ttl = meta_has_order(meta, 'N', 'T') ? meta->ttl : meta->create_ttl;
    return (struct get_options){
        .touch = meta_has(meta, 'T'),
        .touch_expires_tick = meta_expiry(call, meta->ttl),
        .no_use = meta_has(meta, 'u'),
        .create = meta_has(meta, 'N'),
        .create_expires_tick = meta_expiry(call, create_ttl),
        .key_is_binary = meta->key_is_binary,
        .create_cas = meta->cas_new,
        .recache = meta_has(meta, 'R') && meta->recache_s > 0,
        .recache_below_s = (uint32_t)(meta->recache_s > 0 ? meta->recache_s : 0),
        .recache_touched = meta_has_order(meta, 'T', 'R'), /* flags take effect in the order of the line */
        .meta = true,
    };
}

void mc_meta_get(struct mc_call *call, const struct meta *meta) {
    struct mc_counters *counters = &call->worker->counters;
    struct get_options options = get_options_for(call, meta);
    struct item_view view;
    call->requests++;
    switch (store_get_with(call->worker->store, meta->key, &options, &view)) {
    case STORE_OK:
        counter_add(options.touch ? &counters->touch_hits : &counters->get_hits, 1);
        hit_reply(call, meta, &view);
        if (unlikely(call->observed)) {
            observe_looked(call, meta->key, view_is_created(meta, &view) ? NULL : &view);
        }
        return;
    case STORE_MISS:
        counter_add(&counters->get_misses, 1);
        if (unlikely(call->observed)) {
            observe_looked(call, meta->key, NULL);
        }
        if (!meta_has(meta, 'q')) {
            mc_meta_plain_answer(call, meta, "EN");
        }
        return;
    case STORE_EXISTS:
    case STORE_NOT_STORED:
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
    case STORE_NO_MEMORY:
        counter_add(&counters->get_misses, 1);
        call_fail(call, false, MC_ERROR_NO_MEMORY_GET);
        return;
    }
}

/* Appends a short literal. */
static char *debug_text(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static void debug_line(const struct mc_call *call, const struct item_view *view) {
    uint32_t now_tick = store_now_tick(call->worker->store);
    bool cas_enabled = call->worker->service->config.cas_enabled;
    char *line = reply_reserve(call->reply, META_LINE_SIZE_MAX);
    char *at = debug_text(line, "ME ");
    at = meta_answer_key(at, view->key, view->key_is_binary);
    at = meta_answer_ttl(debug_text(at, " exp="), view->expires_tick, now_tick);
    at = number_write(debug_text(at, " la="), now_tick - view->used_tick);
    at = number_write(debug_text(at, " cas="), cas_enabled ? view->cas : 0);
    at = debug_text(at, view->fetched ? " fetch=yes" : " fetch=no");
    at = number_write(debug_text(at, " cls="), MC_ITEM_CLASS);
    at = number_write(debug_text(at, " size="), answer_item_size(view));
    at = debug_text(at, "\r\n");
    reply_commit(call->reply, (size_t)(at - line));
}

void mc_meta_debug(struct mc_call *call, const struct meta *meta) {
    struct get_options options = {.no_use = true};
    struct item_view view;
    counter_add(&call->worker->counters.cmd_meta, 1);
    call->requests++;
    bool found = store_get_with(call->worker->store, meta->key, &options, &view) == STORE_OK;
    if (found) {
        debug_line(call, &view);
    } else {
        call_answer(call, false, CALL_LINE("EN"));
    }
    if (unlikely(call->observed)) {
        observe_looked(call, meta->key, found ? &view : NULL);
    }
}
