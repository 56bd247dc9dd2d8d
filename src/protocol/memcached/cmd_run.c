/* SPDX-License-Identifier: MIT
 *
 * cmd_run: the requests that most of all requests are, a get of one key and a set whose value is all there, several at
 * once where a pipeline has several.
 *
 *      collected: parsed, and the store asked for what each will need  -->  executed, answered, in order
 *
 * So each is parsed and hashed once, and the cache misses of a run overlap. Whatever is not written as clients write it,
 * or is refused, goes the way of all commands (parse.c, cmd_get.c, cmd_store.c) and is judged there.
 */
#include "call.h"
#include "cmd_store.h"
#include "log/events.h"
#include "riposte/check.h"
#include "value.h"

enum { RUN_REQUESTS_MAX = 16 /* as many misses as a core has in flight, and a little more */ };

struct run_request {
    struct mc_set set; /* of a get the key alone */
    bool is_set;
    uint64_t hash;
    const char *end; /* behind the request */
};

/* The request at the front of `input`: its size, 0 when it is none of a run's. */
static inline size_t request_parse(struct run_request *request, struct bytes input, bool sets) {
    size_t size = mc_parse_get(input, &request->set.key);
    request->is_set = size == 0;
    return size == 0 && sets ? mc_parse_set(input, &request->set) : size;
}

/* Returns how many there are: one where each is timed by itself. Sets that somebody watches are not among them. */
static unsigned run_collect(const struct mc_call *call, struct run_request *run) {
    struct bytes input = call_unread(call);
    struct store_worker *store = call->worker->store;
    unsigned left = call->requests_max - call->requests, count = 0;
    unsigned count_max = left < RUN_REQUESTS_MAX ? left : RUN_REQUESTS_MAX;
    bool prefetches = store_prefetch_helps(store);
    if (unlikely((call->observed & OBSERVE_SLOW) != 0)) {
        count_max = 1;
    }
    while (count < count_max) {
        struct run_request *request = &run[count];
        size_t size = request_parse(request, input, call->observed == 0);
        if (size == 0) {
            break;
        }
        input = bytes_after(input, size);
        request->end = input.data;
        /* A lone request has nothing to overlap with. */
        request->hash = prefetches && (count != 0 || input.size != 0)
                            ? store_prefetch(store, request->set.key)
                            : store_hash(store, request->set.key);
        count++;
    }
    return count;
}

/* The whole answer of a hit, in place. False, and nothing done, where the value is too large for that. */
static inline bool run_answer(struct reply *reply, const struct item_view *view) {
    if (unlikely(!value_fits_reserve(ANSWER_AROUND_SIZE_MAX, view->value.size))) {
        return false;
    }
    char *begin = reply_reserve(reply, ANSWER_AROUND_SIZE_MAX + view->value.size);
    char *at = answer_value_line(begin, view);
    memcpy(at, "\r\n", PARSE_LINE_END_SIZE);
    at = bytes_copy(at + PARSE_LINE_END_SIZE,
                    bytes_of(view->value.data, view->value.size + PARSE_LINE_END_SIZE));
    memcpy(at, "END\r\n", ANSWER_END_SIZE);
    reply_commit(reply, (size_t)(at + ANSWER_END_SIZE - begin));
    return true;
}

static inline void run_get(struct mc_call *call, const struct run_request *request) {
    struct memcached_worker *worker = call->worker;
    struct bytes key = request->set.key;
    struct item_view view;
    bool hit = store_get_hashed(worker->store, key, request->hash, &view) == STORE_OK;
    service_count_key(worker, key, false);
    call->requests++;
    if (likely(hit)) {
        counter_add(&worker->counters.get_hits, 1);
        if (unlikely(!run_answer(call->reply, &view))) {
            answer_value(worker, call->reply, &view, false, true);
        }
    } else {
        counter_add(&worker->counters.get_misses, 1);
        reply_copy(call->reply, CALL_LINE("END"));
    }
    if (unlikely(call->observed)) {
        events_get(call, key, hit ? &view : NULL);
    }
}

/* False: it waits for another turn. */
static inline bool run_set(struct mc_call *call, const struct run_request *request) {
    struct memcached_worker *worker = call->worker;
    const struct mc_set *set = &request->set;
    const struct store_record stored = {
        .key = set->key,
        .value = set->value,
        .hash = request->hash,
        .client_flags = set->client_flags,
        .expires_tick = set->exptime == 0 ? STORE_EXPIRES_NEVER : store_expiry(worker->store, set->exptime),
    };
    service_count_key(worker, set->key, true);
    enum store_status status = store_set(worker->store, &stored);
    if (unlikely(status != STORE_OK)) {
        if (status == STORE_NO_MEMORY && call_may_wait(call, call->received_ns)) {
            return false;
        }
        cmd_store_refuse(call, set->key, set->noreply, status);
        return true;
    }
    call->requests++;
    counter_add(&worker->counters.cmd_set, 1);
    if (!set->noreply) {
        char *line = reply_reserve(call->reply, 8);
        memcpy(line, "STORED\r\n", 8);
        reply_commit(call->reply, 8);
    }
    return true;
}

bool cmd_run(struct mc_call *call) {
    struct run_request run[RUN_REQUESTS_MAX];
    unsigned count = run_collect(call, run), done = 0;
    const char *begin = call->at;
    if (count == 0) {
        return false;
    }
    do {
        unsigned latency = run[done].is_set ? LATENCY_SET : LATENCY_GET;
        if (latency != call->session->latency) {
            call_count(call); /* of the other kind */
            call->session->latency = (uint8_t)latency;
        }
        if (run[done].is_set) {
            if (unlikely(!run_set(call, &run[done]))) {
                call_again(call, done > 0 ? run[done - 1].end : begin);
                return true;
            }
        } else {
            run_get(call, &run[done]);
        }
        done++;
    } while (done < count && !reply_full(call->reply));
    call->at = run[done - 1].end;
    return true;
}
