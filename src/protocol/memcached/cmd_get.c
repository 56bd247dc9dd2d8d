/* SPDX-License-Identifier: MIT
 *
 * cmd_get: get, gets, gat, gats, but for the plain gets of cmd_batch.c.
 *
 * The keys of a line are looked up in runs: the store is asked to fetch the buckets of a whole run, then the run is
 * answered, so that the cache misses of a run overlap.
 *
 * A get line may be longer than what one call may answer. Its keys are consumed one by one, and what is left of
 * the line stays in the input with the session in state KEYS. Up to PARSE_LINE_SIZE_MAX bytes all keys were checked
 * before the first is answered. A longer line is open: nothing of it is collected, keys are answered as they come,
 * and a bad one is answered in its place, with nothing behind it.
 *
 *      KEYS --keys here--> answered --line end--> END, LINE
 *        |       \--no more of them--> waits for input
 *        \--open, a bad key--> error line, skipped to the line end, LINE
 */
#include "call.h"
#include "log/events.h"
#include "riposte/check.h"
#include "tokens.h"

enum { RUN_KEYS_MAX = 16 /* as many misses as a core has in flight, and a little more */ };

/* Keys of a line. */
struct key_run {
    unsigned count;
    struct bytes key[RUN_KEYS_MAX];
    const char *end[RUN_KEYS_MAX]; /* behind that key */
};

/* What became of keys. */
enum keys_outcome {
    KEYS_ANSWERED,
    KEYS_STOPPED,   /* for the sake of others */
    KEYS_BAD,       /* one is none: the rest of the line is skipped */
    KEYS_NO_MEMORY, /* gat gives an item room for an expiry, and there is none: the same */
};

/*
 * One key of a get line: `VALUE ...` when it is there, nothing otherwise. STORE_NO_MEMORY: nothing was done, and nothing is
 * counted.
 */
static enum store_status get_key(struct mc_call *call, struct bytes key) {
    struct memcached_worker *worker = call->worker;
    const struct mc_session *session = call->session;
    bool touch = session->keys_touch;
    struct get_options options = {.touch = touch,
                                  .touch_expires_tick = session->touch_expires_tick,
                                  .shows_number = session->keys_with_cas};
    struct item_view view;
    enum store_status status = store_get_with(worker->store, key, &options, &view);
    bool hit = status == STORE_OK;
    if (unlikely(status == STORE_NO_MEMORY)) {
        return status;
    }
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
    return status;
}

/*
 * The next keys of the line at call->at, and where each one ends; fewer than RUN_KEYS_MAX at the end of the
 * line only.
 */
static void keys_collect(struct key_run *run, struct bytes line) {
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

/* The key at `from` has met STORE_NO_MEMORY: it waits for room, without holding its worker's others, or is refused. */
static enum keys_outcome keys_defer(struct mc_call *call, const char *from) {
    if (!call_may_wait(call, call->received_ns)) {
        return KEYS_NO_MEMORY;
    }
    call_again(call, from);
    return KEYS_STOPPED;
}

/* Answers a run of keys, or its first ones. */
static enum keys_outcome keys_answer(struct mc_call *call, const struct key_run *run) {
    for (unsigned i = 0; i < run->count; i++) {
        const char *from = call->at;
        if (reply_full(call->reply) || call_is_costly(call)) {
            call->yielded = true;
            return KEYS_STOPPED;
        }
        call->at = run->end[i];
        if (unlikely(run->key[i].size > STORE_KEY_SIZE_MAX)) {
            return KEYS_BAD;
        }
        if (unlikely(get_key(call, run->key[i]) == STORE_NO_MEMORY)) {
            return keys_defer(call, from);
        }
        call->session->keys_seen = true;
        call->work++;
    }
    return KEYS_ANSWERED;
}

/* All keys up to `end`. */
static enum keys_outcome keys_run(struct mc_call *call, const char *end) {
    struct key_run run;
    do {
        keys_collect(&run, bytes_of(call->at, (size_t)(end - call->at)));
        for (unsigned i = 0; i < run.count; i++) {
            store_prefetch(call->worker->store, run.key[i]);
        }
        enum keys_outcome outcome = keys_answer(call, &run);
        if (outcome != KEYS_ANSWERED) {
            return outcome;
        }
    } while (run.count > 0);
    return KEYS_ANSWERED;
}

/* Where the whole keys that are here end: at the end of the line, or before a key that has only begun. */
static const char *keys_end(const struct mc_call *call, const char *feed) {
    if (feed != NULL) {
        return feed > call->at && feed[-1] == '\r' ? feed - 1 : feed;
    }
    const char *space = memrchr(call->at, ' ', (size_t)(call->end - call->at));
    return space != NULL ? space : call->at;
}

/* The line is over. */
static bool keys_finish(struct mc_call *call, const char *feed) {
    call->at = feed + 1;
    call->session->state = MC_SESSION_LINE;
    call->requests++;
    return true;
}

/* The rest of a line with a bad key. */
static bool keys_skip(struct mc_call *call, const char *feed) {
    if (feed != NULL) {
        return keys_finish(call, feed);
    }
    call->at = call->end;
    return false;
}

/* Behind `end` a key has begun that is too long already: even its last byte is none of a line end's "\r". */
static bool key_is_endless(const struct mc_call *call, const char *end) {
    return (size_t)(call->end - end) > 1 + STORE_KEY_SIZE_MAX + 1;
}

/* The line is at its end, or what is here of it: is something wrong that no key has shown? */
static bool keys_end_wrong(const struct mc_call *call, const char *end, const char *feed) {
    return feed == NULL ? key_is_endless(call, end) : !call->session->keys_seen;
}

/* An error in the place of the keys that are left. */
static bool keys_refuse(struct mc_call *call, const char *feed, enum mc_error error) {
    call->session->keys_skipped = true;
    call_fail(call, false, error);
    return keys_skip(call, feed);
}

/* `feed` is the end of the line, NULL when it has not come. */
static bool keys_continue(struct mc_call *call, const char *feed) {
    const char *end = keys_end(call, feed);
    enum keys_outcome outcome = keys_run(call, end);
    if (unlikely(outcome == KEYS_ANSWERED && keys_end_wrong(call, end, feed))) {
        outcome = KEYS_BAD;
    }
    switch (outcome) {
    case KEYS_STOPPED:
        return false;
    case KEYS_BAD:
        return keys_refuse(call, feed, MC_ERROR_FORMAT);
    case KEYS_NO_MEMORY:
        return keys_refuse(call, feed, MC_ERROR_NO_MEMORY_GET);
    case KEYS_ANSWERED:
        break;
    }
    if (feed == NULL) {
        call->at = end; /* spaces, too, are done with */
        return false;
    }
    reply_copy(call->reply, CALL_LINE("END"));
    return keys_finish(call, feed);
}

bool cmd_get_continue(struct mc_call *call) {
    const char *feed = memchr(call->at, '\n', (size_t)(call->end - call->at));
    /* A line that was whole when it was checked still is: unread input is never lost. */
    assert(feed != NULL || call->session->keys_open);
    return call->session->keys_skipped ? keys_skip(call, feed) : keys_continue(call, feed);
}

static void get_begin(struct mc_call *call, const struct mc_request *request, bool with_cas, bool touch) {
    struct mc_session *session = call->session;
    session->state = MC_SESSION_KEYS;
    session->keys_with_cas = with_cas;
    session->keys_touch = touch;
    session->keys_open = request->open;
    session->keys_seen = false;
    session->keys_skipped = false;
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
