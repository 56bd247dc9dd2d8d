/* SPDX-License-Identifier: MIT
 *
 * cmd_key: incr, decr, touch, delete: commands of one key and no data.
 */
#include "call.h"
#include "line.h"
#include "log/events.h"
#include "riposte/check.h"

static void number_answer(const struct mc_call *call, bool noreply, uint64_t number) {
    if (noreply) {
        return;
    }
    char *line = reply_reserve(call->reply, BYTES_U64_DIGITS_MAX + PARSE_LINE_END_SIZE);
    char *at = line_text(number_write(line, number), "\r\n");
    reply_commit(call->reply, (size_t)(at - line));
}

static void number_add(struct mc_call *call, const struct mc_request *request, bool decrement) {
    struct mc_counters *counters = &call->worker->counters;
    struct number_options options = {.decrement = decrement, .delta = request->number};
    struct number_result result;
    call->requests++;
    if (unlikely(call->observed)) {
        events_change(call, request->key);
    }
    switch (store_add_number(call->worker->store, request->key, &options, &result)) {
    case STORE_OK:
        counter_add(decrement ? &counters->decr_hits : &counters->incr_hits, 1);
        call_copied(call, result.value_size);
        number_answer(call, request->noreply, result.number);
        return;
    case STORE_MISS:
        counter_add(decrement ? &counters->decr_misses : &counters->incr_misses, 1);
        call_answer(call, request->noreply, CALL_LINE("NOT_FOUND"));
        return;
    case STORE_NOT_NUMBER:
        call_fail(call, request->noreply, MC_ERROR_NOT_NUMBER);
        return;
    case STORE_NO_MEMORY:
        if (call_defer(call)) {
            call->requests--;
            return;
        }
        call_fail(call, request->noreply, MC_ERROR_NO_MEMORY);
        return;
    case STORE_EXISTS:
    case STORE_NOT_STORED:
    case STORE_TOO_LARGE:
        call_fail(call, request->noreply, MC_ERROR_NO_MEMORY);
        return;
    }
}

void cmd_incr(struct mc_call *call, const struct mc_request *request) {
    number_add(call, request, false);
}

void cmd_decr(struct mc_call *call, const struct mc_request *request) {
    number_add(call, request, true);
}

void cmd_touch(struct mc_call *call, const struct mc_request *request) {
    struct mc_counters *counters = &call->worker->counters;
    uint32_t expires_tick = store_expiry(call->worker->store, request->exptime);
    if (unlikely(call->observed)) {
        events_change(call, request->key);
    }
    enum store_status status = store_touch(call->worker->store, request->key, expires_tick);
    if (unlikely(status == STORE_NO_MEMORY)) { /* an item without an expiry is made anew, with one */
        if (!call_defer(call)) {
            call_fail(call, request->noreply, MC_ERROR_NO_MEMORY);
            call->requests++;
        }
        return;
    }
    bool found = status == STORE_OK;
    counter_add(found ? &counters->touch_hits : &counters->touch_misses, 1);
    call_answer(call, request->noreply, found ? CALL_LINE("TOUCHED") : CALL_LINE("NOT_FOUND"));
    call->requests++;
}

void cmd_delete(struct mc_call *call, const struct mc_request *request) {
    struct memcached_worker *worker = call->worker;
    size_t value_size = unlikely(call->observed) ? events_change(call, request->key) : 0;
    bool found = store_delete(worker->store, request->key, NULL, NULL) == STORE_OK;
    counter_add(found ? &worker->counters.delete_hits : &worker->counters.delete_misses, 1);
    call_answer(call, request->noreply, found ? CALL_LINE("DELETED") : CALL_LINE("NOT_FOUND"));
    if (unlikely(call->observed)) {
        events_delete(call, request->key);
        if (found) {
            events_deleted(call, request->key, "delete", value_size);
        }
    }
    call->requests++;
}
