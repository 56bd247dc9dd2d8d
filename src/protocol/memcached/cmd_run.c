/* SPDX-License-Identifier: MIT
 *
 * cmd_run: the requests that most of all requests are, a get of one key and a set whose value is all there, several at
 * once where a pipeline has several.
 *
 *      collected: parsed, and the store asked for what each will need
 *        -->  gets that follow one another: looked up together, answered into one run of the reply
 *        -->  sets: executed, answered, one by one
 *
 * So each is parsed and hashed once, and the cache misses of a run overlap. Whatever is not written as clients write it, or
 * is refused, or watched by somebody, goes the way of all commands (parse.c, cmd_get.c, cmd_store.c) and is judged there.
 */
#include "call.h"
#include "cmd_store.h"
#include "riposte/check.h"
#include "value.h"

enum { RUN_REQUESTS_MAX = 16 /* as many misses as a core has in flight, and a little more */ };

/* Requests at the front of the input. */
struct run {
    unsigned count;
    uint32_t sets;                                /* bit n: request n is a set; else it is a get */
    uint32_t silent;                              /* bit n: a set that is not answered */
    const char *end[RUN_REQUESTS_MAX];            /* behind each */
    struct store_lookup lookup[RUN_REQUESTS_MAX]; /* key and hash; of a get what was found, too */
    struct store_record set[RUN_REQUESTS_MAX];    /* of sets: all but the hash */
};
static_assert(RUN_REQUESTS_MAX <= 32, "a bit each");

/* Request `i` is a set. */
static inline void run_add_set(const struct mc_call *call, struct run *run, unsigned i,
                               const struct mc_set *set) {
    uint32_t exptime = set->exptime;
    run->sets |= UINT32_C(1) << i;
    run->silent |= (uint32_t)set->noreply << i;
    run->lookup[i].key = set->key;
    run->set[i].key = set->key;
    run->set[i].value = set->value;
    run->set[i].client_flags = set->client_flags;
    run->set[i].expires_tick =
        exptime == 0 ? STORE_EXPIRES_NEVER : store_expiry(call->worker->store, exptime);
}

/* Request `i`, at the front of `input`: its size, 0 when it is none of a run's. */
static inline size_t run_parse(const struct mc_call *call, struct run *run, unsigned i, struct bytes input) {
    size_t size = mc_parse_get(input, &run->lookup[i].key);
    struct mc_set set;
    if (size == 0 && (size = mc_parse_set(input, &set)) != 0) {
        run_add_set(call, run, i, &set);
    }
    return size;
}

static void run_collect(const struct mc_call *call, struct run *run) {
    struct bytes input = call_unread(call);
    unsigned left = call->requests_max - call->requests, count = 0;
    unsigned count_max = left < RUN_REQUESTS_MAX ? left : RUN_REQUESTS_MAX;
    run->sets = 0;
    run->silent = 0;
    while (count < count_max && input.size > 0) {
        size_t size = run_parse(call, run, count, input);
        if (size == 0) {
            break;
        }
        input = bytes_after(input, size);
        run->end[count++] = input.data;
    }
    run->count = count;
}

/* --- answers ------------------------------------------------------------------------------------------------ */

/* Makes room for the next answer. False where there is none: answers have reached the output's bound. */
static inline bool run_has_room(struct reply_room *room, struct reply *reply, size_t size) {
    if (unlikely(!reply_room_has(*room, size))) {
        *room = reply_room_more(*room, reply, size);
    }
    return room->at != NULL;
}

/* A hit, whose value is small enough for a reserve. */
static inline char *run_write(char *at, const struct store_lookup *lookup) {
    at = answer_value_line(at, lookup->key, lookup->client_flags, lookup->value.size);
    memcpy(at, "\r\n", PARSE_LINE_END_SIZE);
    at = bytes_copy(at + PARSE_LINE_END_SIZE,
                    bytes_of(lookup->value.data, lookup->value.size + PARSE_LINE_END_SIZE));
    memcpy(at, "END\r\n", ANSWER_END_SIZE);
    return at + ANSWER_END_SIZE;
}

static inline char *run_write_miss(char *at) {
    memcpy(at, "END\r\n", ANSWER_END_SIZE);
    return at + ANSWER_END_SIZE;
}

static __attribute__((noinline)) void run_answer_large(const struct mc_call *call,
                                                       const struct store_lookup *lookup) {
    struct item_view view;
    store_lookup_view(call->worker->store, lookup, &view);
    answer_value(call->worker, call->reply, &view, false, true);
}

static inline bool run_is_large(const struct store_lookup *lookup) {
    return !value_fits_reserve(ANSWER_AROUND_SIZE_MAX, lookup->value.size);
}

/* One get. False, and nothing done, where answers have reached the output's bound. */
static inline bool run_answer(struct mc_call *call, struct reply_room *room,
                              const struct store_lookup *lookup) {
    bool found = likely(store_lookup_found(lookup)), large = found && unlikely(run_is_large(lookup));
    size_t size = ANSWER_AROUND_SIZE_MAX + (found && !large ? lookup->value.size : 0);
    if (!run_has_room(room, call->reply, size)) {
        return false;
    }
    if (unlikely(large)) {
        *room = reply_room_commit(*room, call->reply);
        run_answer_large(call, lookup);
    } else {
        room->at = found ? run_write(room->at, lookup) : run_write_miss(room->at);
    }
    return true;
}

/* --- execution ----------------------------------------------------------------------------------------------- */

/* What follows is of that command. */
static inline void run_count_as(struct mc_call *call, enum latency_command latency) {
    if (call->session->latency != latency) {
        call_count(call); /* of the other kind */
        call->session->latency = (uint8_t)latency;
    }
}

static inline void run_count_keys(const struct memcached_worker *worker, const struct store_lookup *lookup,
                                  unsigned count) {
    if (worker->hotkeys != NULL && unlikely(!hotkeys_skip(worker->hotkeys, count))) {
        for (unsigned i = 0; i < count; i++) {
            hotkeys_count(worker->hotkeys, lookup[i].key, false);
        }
    }
}

/* Gets that follow one another; returns how many of them are answered. */
static unsigned run_gets(struct mc_call *call, struct store_lookup *lookup, unsigned count) {
    struct memcached_worker *worker = call->worker;
    struct reply_room room = reply_room_take(call->reply, ANSWER_AROUND_SIZE_MAX);
    unsigned done = 0, hits = 0;
    run_count_as(call, LATENCY_GET);
    store_lookup_run(worker->store, lookup, count);
    while (done < count && run_answer(call, &room, &lookup[done])) {
        hits += store_lookup_found(&lookup[done++]);
    }
    reply_room_commit(room, call->reply);
    run_count_keys(worker, lookup, done);
    call->requests += done;
    counter_add(&worker->counters.get_hits, hits);
    counter_add(&worker->counters.get_misses, done - hits);
    return done;
}

static inline enum store_status run_store(const struct memcached_worker *worker, struct store_record *set,
                                          uint64_t hash) {
    set->hash = hash;
    service_count_key(worker, set->key, true);
    return store_set(worker->store, set);
}

/* A set has found no place. True when the client is told so; false when the set waits for another turn. */
static __attribute__((cold, noinline)) bool run_refuse(struct mc_call *call, struct bytes key, bool noreply,
                                                       enum store_status status) {
    if (status == STORE_NO_MEMORY && call_may_wait(call, call->received_ns)) {
        call_again(call, call->at); /* cmd_run goes on to the request */
        return false;
    }
    cmd_store_refuse(call, key, noreply, status);
    return true;
}

/*
 * Sets from `first` on that follow one another; returns how many of them are done with. One that finds no place is the last
 * of them.
 */
static unsigned run_sets(struct mc_call *call, struct run *run, unsigned first, unsigned count) {
    enum { STORED_SIZE = sizeof("STORED\r\n") - 1 };
    struct reply_room room = reply_room_take(call->reply, STORED_SIZE);
    enum store_status status = STORE_OK;
    uint32_t silent = run->silent >> first;
    struct store_record *set = &run->set[first];
    unsigned done = 0;
    run_count_as(call, LATENCY_SET);
    for (; done < count && run_has_room(&room, call->reply, STORED_SIZE); done++) {
        status = run_store(call->worker, &set[done], run->lookup[first + done].hash);
        if (unlikely(status != STORE_OK)) {
            break;
        }
        memcpy(room.at, "STORED\r\n", STORED_SIZE);
        room.at += (silent >> done & 1) != 0 ? 0 : STORED_SIZE;
    }
    reply_room_commit(room, call->reply);
    call->requests += done;
    counter_add(&call->worker->counters.cmd_set, done);
    if (unlikely(status != STORE_OK)) {
        done += run_refuse(call, set[done].key, (silent >> done & 1) != 0, status);
    }
    return done;
}

/* How many requests from `first` on are of its kind. */
static unsigned run_stretch(const struct run *run, unsigned first) {
    uint32_t sets = run->sets >> first;
    uint32_t others = (sets & 1) != 0 ? ~sets : sets;
    unsigned left = run->count - first;
    unsigned count = others != 0 ? (unsigned)__builtin_ctz(others) : left;
    return count < left ? count : left;
}

bool cmd_run(struct mc_call *call) {
    struct run run;
    if (unlikely(call->observed != 0)) {
        return false;
    }
    run_collect(call, &run);
    if (run.count == 0) {
        return false;
    }
    store_lookup_prefetch(call->worker->store, run.lookup, run.count);
    unsigned done = 0;
    do {
        unsigned count = run_stretch(&run, done);
        done += (run.sets >> done & 1) != 0 ? run_sets(call, &run, done, count)
                                            : run_gets(call, &run.lookup[done], count);
    } while (done < run.count && !reply_full(call->reply) && !call_is_costly(call));
    if (likely(done != 0)) { /* none: there was no memory for an answer, or the first one waits */
        call->at = run.end[done - 1];
    }
    return true;
}
