/* SPDX-License-Identifier: MIT
 *
 * cmd_get: get, gets, gat, gats.
 *
 * Keys are looked up in runs: the store is asked to fetch the buckets of a whole run, then the run is
 * answered, so that the cache misses of a run overlap. A run is the keys of one line, or those of several
 * pipelined gets.
 *
 * A get line may be longer than what one call may answer. Its keys were all checked before the first is
 * answered; they are consumed one by one, and what is left of the line stays in the input with the session in
 * state KEYS.
 */
#include "call.h"
#include "log/events.h"
#include "riposte/check.h"
#include "tokens.h"

enum {
    CALL_KEYS_MAX = 1024,    /* look-ups of get lines before other connections are served */
    COSTLY_KEYS_COUNT = 256, /* above so many a call is not a small one */
    RUN_KEYS_MAX = 16,       /* as many misses as a core has in flight, and a little more */
};

/* A complete plain get each. */
struct get_run {
    unsigned count;
    struct bytes key[RUN_KEYS_MAX];
    const char *end[RUN_KEYS_MAX]; /* behind the line of that key */
};

static void run_collect(struct get_run *run, struct bytes input, unsigned count_max) {
    run->count = 0;
    while (run->count < count_max && run->count < RUN_KEYS_MAX) {
        size_t line_size = mc_parse_get(input, &run->key[run->count]);
        if (line_size == 0) {
            return;
        }
        input = bytes_of(input.data + line_size, input.size - line_size);
        run->end[run->count++] = input.data;
    }
}

static void keys_prefetch(struct store_worker *store, const struct bytes *key, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        store_prefetch(store, key[i]);
    }
}

/* A plain get of one key. */
static void get_one(const struct mc_call *call, struct bytes key) {
    struct memcached_worker *worker = call->worker;
    struct item_view view;
    bool hit = store_get(worker->store, key, &view) == STORE_OK;
    service_count_key(worker, key, false);
    if (likely(hit)) {
        counter_add(&worker->counters.get_hits, 1);
        answer_value(worker, call->reply, &view, false, true);
    } else {
        counter_add(&worker->counters.get_misses, 1);
        reply_copy(call->reply, CALL_LINE("END"));
    }
    if (unlikely(call->observed)) {
        events_get(call, key, hit ? &view : NULL);
    }
}

bool cmd_get_run(struct mc_call *call) {
    struct get_run run;
    run_collect(&run, call_unread(call), call->requests_max - call->requests);
    if (run.count == 0) {
        return false;
    }
    if (run.count > 1) {
        keys_prefetch(call->worker->store, run.key, run.count);
    }
    unsigned done = 0;
    do {
        get_one(call, run.key[done]);
        done++;
    } while (done < run.count && !reply_full(call->reply));
    call->at = run.end[done - 1];
    call->requests += done;
    return true;
}

/* One key of a get line: `VALUE ...` when it is there, nothing otherwise. */
static void get_key(struct mc_call *call, struct bytes key) {
    struct memcached_worker *worker = call->worker;
    const struct mc_session *session = call->session;
    bool touch = session->keys_touch;
    struct get_options options = {.touch = touch, .touch_expires_tick = session->touch_expires_tick};
    struct item_view view;
    bool hit = store_get_with(worker->store, key, &options, &view) == STORE_OK;
    service_count_key(worker, key, false);
    if (hit) {
        counter_add(touch ? &worker->counters.touch_hits : &worker->counters.get_hits, 1);
        answer_value(worker, call->reply, &view, session->keys_with_cas, false);
    } else {
        counter_add(touch ? &worker->counters.touch_misses : &worker->counters.get_misses, 1);
    }
    if (unlikely(call->observed)) {
        events_get(call, key, hit ? &view : NULL);
    }
}

/*
 * The next keys of the line at call->at, and where each one ends; fewer than RUN_KEYS_MAX at the end of the
 * line only.
 */
static void keys_collect(struct get_run *run, struct bytes line) {
    run->count = 0;
    while (run->count < RUN_KEYS_MAX) {
        struct bytes key = tokens_next(&line);
        if (key.size == 0) {
            return;
        }
        run->key[run->count] = key;
        run->end[run->count++] = line.data;
    }
}

/* Answers a run of keys; false when a bound stopped it before its last one. */
static bool keys_answer(struct mc_call *call, const struct get_run *run) {
    for (unsigned i = 0; i < run->count; i++) {
        if (reply_full(call->reply) || call->keys == CALL_KEYS_MAX) {
            call->costly |= call->keys > COSTLY_KEYS_COUNT;
            return false;
        }
        get_key(call, run->key[i]);
        call->keys++;
        call->at = run->end[i];
    }
    return true;
}

bool cmd_get_continue(struct mc_call *call) {
    const char *feed = memchr(call->at, '\n', (size_t)(call->end - call->at));
    assert(feed != NULL); /* the line was whole when it was checked, and unread input is never lost */
    const char *line_end = feed > call->at && feed[-1] == '\r' ? feed - 1 : feed;
    struct get_run run;
    do {
        keys_collect(&run, bytes_of(call->at, (size_t)(line_end - call->at)));
        keys_prefetch(call->worker->store, run.key, run.count);
        if (!keys_answer(call, &run)) {
            return false;
        }
    } while (run.count > 0);
    reply_copy(call->reply, CALL_LINE("END"));
    call->at = feed + 1;
    call->session->state = MC_SESSION_LINE;
    call->costly |= call->keys > COSTLY_KEYS_COUNT;
    call->requests++;
    return true;
}

static void get_begin(struct mc_call *call, const struct mc_request *request, bool with_cas, bool touch) {
    struct mc_session *session = call->session;
    session->state = MC_SESSION_KEYS;
    session->keys_with_cas = with_cas;
    session->keys_touch = touch;
    session->touch_expires_tick = store_expiry(call->worker->store, request->exptime);
    call->at = request->arguments.data;
}

void cmd_get(struct mc_call *call, const struct mc_request *request) {
    get_begin(call, request, false, false);
}

void cmd_gets(struct mc_call *call, const struct mc_request *request) {
    get_begin(call, request, true, false);
}

void cmd_gat(struct mc_call *call, const struct mc_request *request) {
    get_begin(call, request, false, true);
}

void cmd_gats(struct mc_call *call, const struct mc_request *request) {
    get_begin(call, request, true, true);
}
