/* SPDX-License-Identifier: MIT
 *
 * cmd_meta: mg, me, mn, and what all meta commands begin and end with.
 */
#include "cmd_meta.h"

#include "line.h"
#include "log/events.h"
#include "riposte/check.h"
#include "value.h"

/* Most bytes around a value. */
enum { AROUND_SIZE_MAX = ANSWER_META_LINE_SIZE_MAX + PARSE_LINE_END_SIZE };

bool cmd_meta_read(struct mc_call *call, const struct mc_request *request, struct meta *meta) {
    if (likely(mc_parse_meta(request->command->shape, request->arguments, meta) == PARSE_OK)) {
        return true;
    }
    call->requests++;
    call_fail(call, false, meta->error);
    if (meta->swallow_size > 0) {
        call_swallow(call, meta->swallow_size);
    }
    return false;
}

void cmd_meta_answer(const struct mc_call *call, const struct meta *meta, const char code[2]) {
    struct answer_meta answer = {
        .letters = META_LETTER('O') | META_LETTER('k'),
        .key = meta->key_text,
        .key_is_binary = meta->key_is_binary,
        .key_is_encoded = true,
    };
    char *line = reply_reserve(call->reply, ANSWER_META_LINE_SIZE_MAX);
    memcpy(line, code, 2);
    char *at = answer_meta_flags(line + 2, meta->flag, meta->flags_count, &answer);
    at = line_text(at, "\r\n");
    reply_commit(call->reply, (size_t)(at - line));
}

static const uint64_t hit_letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') |
                                    META_LETTER('s') | META_LETTER('f') | META_LETTER('h') |
                                    META_LETTER('l') | META_LETTER('t') | META_LETTER('T');

/* An item that this very request created is empty, won and unused. */
static bool view_is_created(const struct meta *meta, const struct item_view *view) {
    return parse_meta_has(meta, 'N') && view->won && !view->stale && !view->fetched && view->value.size == 0;
}

static struct answer_meta hit_answer(const struct mc_call *call, const struct meta *meta,
                                     const struct item_view *view) {
    bool created = view_is_created(meta, view);
    return (struct answer_meta){
        .letters = hit_letters | (created ? META_LETTER('N') : 0),
        .key = view->key,
        .key_is_binary = view->key_is_binary,
        .cas = service_cas(call->worker->service, view->cas),
        .value_size = view->value.size,
        .client_flags = view->client_flags,
        .now_tick = store_now_tick(call->worker->store),
        .expires_tick = created ? STORE_EXPIRES_NEVER : view->expires_tick,
        .touch_expires_tick = parse_meta_has(meta, 'T') ? cmd_meta_expiry(call, meta->ttl) : 0,
        .create_expires_tick = created ? cmd_meta_expiry(call, meta->create_ttl) : 0,
        .used_tick = view->used_tick,
        .fetched = view->fetched,
    };
}

/* The marks behind the requested flags. */
static char *hit_marks(char *at, const struct item_view *view) {
    at = view->won_before ? line_text(at, " Z") : at;
    at = view->stale ? line_text(at, " X") : at;
    return view->won ? line_text(at, " W") : at;
}

static void hit_reply(const struct mc_call *call, const struct meta *meta, const struct item_view *view) {
    bool has_value =
        parse_meta_has(meta, 'v') && !(parse_meta_has(meta, 'C') && meta->cas_expected == view->cas);
    bool is_inline = has_value && value_fits_reserve(AROUND_SIZE_MAX, view->value.size);
    struct answer_meta answer = hit_answer(call, meta, view);
    char *line = reply_reserve(call->reply, ANSWER_META_LINE_SIZE_MAX +
                                                (is_inline ? view->value.size + PARSE_LINE_END_SIZE : 0));
    memcpy(line, has_value ? "VA " : "HD", 3);
    char *at = has_value ? number_write(line + 3, view->value.size) : line + 2;
    at = hit_marks(answer_meta_flags(at, meta->flag, meta->flags_count, &answer), view);
    at = line_text(at, "\r\n");
    if (is_inline) {
        at = line_bytes(at, bytes_of(view->value.data, view->value.size + PARSE_LINE_END_SIZE));
    }
    reply_commit(call->reply, (size_t)(at - line));
    if (has_value && !is_inline) {
        answer_value_data(call->worker, call->reply, view);
    }
}

static struct get_options get_options_for(const struct mc_call *call, const struct meta *meta) {
    /* Of T and N on an item that N creates the one further back in the line counts. */
    int32_t create_ttl = parse_meta_ordered(meta, 'N', 'T') ? meta->ttl : meta->create_ttl;
    return (struct get_options){
        .touch = parse_meta_has(meta, 'T'),
        .touch_expires_tick = cmd_meta_expiry(call, meta->ttl),
        .no_use = parse_meta_has(meta, 'u'),
        .shows_number = parse_meta_has(meta, 'c'),
        .create = parse_meta_has(meta, 'N'),
        .create_expires_tick = cmd_meta_expiry(call, create_ttl),
        .key_is_binary = meta->key_is_binary,
        .create_cas = meta->cas_new,
        .recache = parse_meta_has(meta, 'R') && meta->recache_time > 0,
        .recache_before_tick = cmd_meta_expiry(call, meta->recache_time),
        .recache_touched =
            parse_meta_ordered(meta, 'T', 'R'), /* flags take effect in the order of the line */
        .meta = true,
    };
}

void cmd_mg(struct mc_call *call, const struct mc_request *request) {
    struct mc_counters *counters = &call->worker->counters;
    struct meta meta;
    struct item_view view;
    if (!cmd_meta_read(call, request, &meta)) {
        return;
    }
    struct get_options options = get_options_for(call, &meta);
    call->requests++;
    service_count_key(call->worker, meta.key, false);
    switch (store_get_with(call->worker->store, meta.key, &options, &view)) {
    case STORE_OK:
        counter_add(options.touch ? &counters->touch_hits : &counters->get_hits, 1);
        hit_reply(call, &meta, &view);
        if (unlikely(call->observed)) {
            events_looked(call, meta.key, view_is_created(&meta, &view) ? NULL : &view);
        }
        return;
    case STORE_MISS:
        counter_add(&counters->get_misses, 1);
        if (unlikely(call->observed)) {
            events_looked(call, meta.key, NULL);
        }
        if (!parse_meta_has(&meta, 'q')) {
            cmd_meta_answer(call, &meta, "EN");
        }
        return;
    case STORE_NO_MEMORY:
        if (call_defer(call)) {
            call->requests--;
            return;
        }
        counter_add(&counters->get_misses, 1);
        call_fail(call, false, MC_ERROR_NO_MEMORY_GET);
        return;
    case STORE_EXISTS:
    case STORE_NOT_STORED:
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
        counter_add(&counters->get_misses, 1);
        call_fail(call, false, MC_ERROR_NO_MEMORY_GET);
        return;
    }
}

static void debug_line(const struct mc_call *call, const struct item_view *view) {
    uint32_t now_tick = store_now_tick(call->worker->store);
    char *line = reply_reserve(call->reply, ANSWER_META_LINE_SIZE_MAX);
    char *at = line_text(line, "ME ");
    at = answer_meta_key(at, view->key, view->key_is_binary);
    at = answer_meta_ttl(line_text(at, " exp="), view->expires_tick, now_tick);
    at = number_write(line_text(at, " la="), now_tick - view->used_tick);
    at = number_write(line_text(at, " cas="), service_cas(call->worker->service, view->cas));
    at = line_text(at, view->fetched ? " fetch=yes" : " fetch=no");
    at = number_write(line_text(at, " cls="), ANSWER_ITEM_CLASS);
    at = number_write(line_text(at, " size="), answer_item_size(view));
    at = line_text(at, "\r\n");
    reply_commit(call->reply, (size_t)(at - line));
}

void cmd_me(struct mc_call *call, const struct mc_request *request) {
    struct get_options options = {.no_use = true, .shows_number = true};
    struct meta meta;
    struct item_view view;
    if (!cmd_meta_read(call, request, &meta)) {
        return;
    }
    counter_add(&call->worker->counters.cmd_meta, 1);
    call->requests++;
    bool found = store_get_with(call->worker->store, meta.key, &options, &view) == STORE_OK;
    if (found) {
        debug_line(call, &view);
    } else {
        call_answer(call, false, CALL_LINE("EN"));
    }
    if (unlikely(call->observed)) {
        events_looked(call, meta.key, found ? &view : NULL);
    }
}

void cmd_mn(struct mc_call *call, const struct mc_request *request) {
    (void)request;
    call_answer(call, false, CALL_LINE("MN"));
    call->requests++;
}
