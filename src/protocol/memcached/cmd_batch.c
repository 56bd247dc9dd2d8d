/* SPDX-License-Identifier: MIT
 *
 * cmd_batch: the requests that most of all requests are, a get of one key and a set whose value is all there, several at
 * once where a pipeline has several.
 *
 *      collected: parsed, and the store asked for what each will need
 *        -->  gets that follow one another: looked up together, answered into one run of the reply
 *        -->  sets: executed, answered, one by one
 *
 * So each is parsed and hashed once, and the cache misses of a batch overlap. Whatever is not written as clients write it, or
 * is refused, or watched by somebody, goes the way of all commands (parse.c, cmd_get.c, cmd_store.c) and is judged there.
 */
#include "call.h"
#include "cmd_store.h"
#include "riposte/check.h"
#include "value.h"

enum { BATCH_REQUESTS_MAX = 16 /* as many misses as a core has in flight, and a little more */ };

/* Requests at the front of the input. */
struct batch {
    unsigned count;
    uint32_t sets;                                  /* bit n: request n is a set; else it is a get */
    uint32_t silent;                                /* bit n: a set that is not answered */
    const char *end[BATCH_REQUESTS_MAX];            /* behind each */
    struct store_lookup lookup[BATCH_REQUESTS_MAX]; /* key and hash; of a get what was found, too */
    struct store_record set[BATCH_REQUESTS_MAX];    /* of sets: all but the hash */
};
static_assert(BATCH_REQUESTS_MAX <= 32, "a bit each");

/* Request `i` is a set. */
static inline void batch_add_set(const struct mc_call *call, struct batch *batch, unsigned i,
                                 const struct mc_set *set) {
    uint32_t exptime = set->exptime;
    batch->sets |= UINT32_C(1) << i;
    batch->silent |= (uint32_t)set->noreply << i;
    batch->lookup[i].key = set->key;
    batch->set[i].key = set->key;
    batch->set[i].value = set->value;
    batch->set[i].client_flags = set->client_flags;
    batch->set[i].expires_tick =
        exptime == 0 ? STORE_EXPIRES_NEVER : store_expiry(call->worker->store, exptime);
}

/* Request `i`, at the front of `input`: its size, 0 when it is none of a batch's. */
static inline size_t batch_parse(const struct mc_call *call, struct batch *batch, unsigned i,
                                 struct bytes input) {
    size_t size = mc_parse_get(input, &batch->lookup[i].key);
    struct mc_set set;
    if (size == 0 && (size = mc_parse_set(input, &set)) != 0) {
        batch_add_set(call, batch, i, &set);
    }
    return size;
}

static void batch_collect(const struct mc_call *call, struct batch *batch) {
    struct bytes input = call_unread(call);
    unsigned left = call->requests_max - call->requests, count = 0;
    unsigned count_max = left < BATCH_REQUESTS_MAX ? left : BATCH_REQUESTS_MAX;
    batch->sets = 0;
    batch->silent = 0;
    while (count < count_max && input.size > 0) {
        size_t size = batch_parse(call, batch, count, input);
        if (size == 0) {
            break;
        }
        input = bytes_after(input, size);
        batch->end[count++] = input.data;
    }
    batch->count = count;
}

/* --- answers ------------------------------------------------------------------------------------------------ */

/* Makes room for the next answer. False where there is none: answers have reached the output's bound. */
static inline bool batch_has_room(struct reply_room *room, struct reply *reply, size_t size) {
    if (unlikely(!reply_room_has(*room, size))) {
        *room = reply_room_more(*room, reply, size);
    }
    return room->at != NULL;
}

/* A hit, whose value is small enough for a reserve. */
static inline char *batch_write(char *at, const struct store_lookup *lookup) {
    at = answer_value_line(at, lookup->key, lookup->client_flags, lookup->value.size);
    memcpy(at, "\r\n", PARSE_LINE_END_SIZE);
    at = bytes_copy(at + PARSE_LINE_END_SIZE,
                    bytes_of(lookup->value.data, lookup->value.size + PARSE_LINE_END_SIZE));
    memcpy(at, "END\r\n", ANSWER_END_SIZE);
    return at + ANSWER_END_SIZE;
}

static inline char *batch_write_miss(char *at) {
    memcpy(at, "END\r\n", ANSWER_END_SIZE);
    return at + ANSWER_END_SIZE;
}

static __attribute__((noinline)) void batch_answer_large(const struct mc_call *call,
                                                         const struct store_lookup *lookup) {
    struct item_view view;
    store_lookup_view(call->worker->store, lookup, &view);
    answer_value(call->worker, call->reply, &view, false, true);
}

static inline bool batch_is_large(const struct store_lookup *lookup) {
    return !value_fits_reserve(ANSWER_AROUND_SIZE_MAX, lookup->value.size);
}

/* One get. False, and nothing done, where answers have reached the output's bound. */
static inline bool batch_answer(struct mc_call *call, struct reply_room *room,
                                const struct store_lookup *lookup) {
    bool found = likely(store_lookup_found(lookup)), large = found && unlikely(batch_is_large(lookup));
    size_t size = ANSWER_AROUND_SIZE_MAX + (found && !large ? lookup->value.size : 0);
    if (!batch_has_room(room, call->reply, size)) {
        return false;
    }
    if (unlikely(large)) {
        *room = reply_room_commit(*room, call->reply);
        batch_answer_large(call, lookup);
    } else {
        room->at = found ? batch_write(room->at, lookup) : batch_write_miss(room->at);
    }
    return true;
}

/* --- execution ----------------------------------------------------------------------------------------------- */

/* What follows is of that command. */
static inline void batch_count_as(struct mc_call *call, enum latency_command latency) {
    if (call->session->latency != latency) {
        call_count(call); /* of the other kind */
        call->session->latency = (uint8_t)latency;
    }
}

static inline void batch_count_keys(const struct memcached_worker *worker, const struct store_lookup *lookup,
                                    unsigned count) {
    if (worker->hotkeys != NULL && unlikely(!hotkeys_skip(worker->hotkeys, count))) {
        for (unsigned i = 0; i < count; i++) {
            hotkeys_count(worker->hotkeys, lookup[i].key, false);
        }
    }
}

/* Gets that follow one another; returns how many of them are answered. */
static unsigned batch_gets(struct mc_call *call, struct store_lookup *lookup, unsigned count) {
    struct memcached_worker *worker = call->worker;
    struct reply_room room = reply_room_take(call->reply, ANSWER_AROUND_SIZE_MAX);
    unsigned done = 0, hits = 0;
    batch_count_as(call, LATENCY_GET);
    store_lookup_run(worker->store, lookup, count);
    while (done < count && batch_answer(call, &room, &lookup[done])) {
        hits += store_lookup_found(&lookup[done++]);
    }
    reply_room_commit(room, call->reply);
    batch_count_keys(worker, lookup, done);
    call->requests += done;
    counter_add(&worker->counters.get_hits, hits);
    counter_add(&worker->counters.get_misses, done - hits);
    return done;
}

static inline enum store_status batch_store(const struct memcached_worker *worker, struct store_record *set,
                                            uint64_t hash) {
    set->hash = hash;
    service_count_key(worker, set->key, true);
    return store_set(worker->store, set);
}

/* A set has found no place. True when the client is told so; false when the set waits for another turn. */
static __attribute__((cold, noinline)) bool batch_refuse(struct mc_call *call, struct bytes key, bool noreply,
                                                         enum store_status status) {
    if (status == STORE_NO_MEMORY && call_may_wait(call, call->received_ns)) {
        call_again(call, call->at); /* cmd_batch goes on to the request */
        return false;
    }
    cmd_store_refuse(call, key, noreply, status);
    return true;
}

/*
 * Sets from `first` on that follow one another; returns how many of them are done with. One that finds no place is the last
 * of them.
 */
static unsigned batch_sets(struct mc_call *call, struct batch *batch, unsigned first, unsigned count) {
    enum { STORED_SIZE = sizeof("STORED\r\n") - 1 };
    struct reply_room room = reply_room_take(call->reply, STORED_SIZE);
    enum store_status status = STORE_OK;
    uint32_t silent = batch->silent >> first;
    struct store_record *set = &batch->set[first];
    unsigned done = 0;
    batch_count_as(call, LATENCY_SET);
    for (; done < count && batch_has_room(&room, call->reply, STORED_SIZE); done++) {
        status = batch_store(call->worker, &set[done], batch->lookup[first + done].hash);
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
        done += batch_refuse(call, set[done].key, (silent >> done & 1) != 0, status);
    }
    return done;
}

/* How many requests from `first` on are of its kind. */
static unsigned batch_stretch(const struct batch *batch, unsigned first) {
    uint32_t sets = batch->sets >> first;
    uint32_t others = (sets & 1) != 0 ? ~sets : sets;
    unsigned left = batch->count - first;
    unsigned count = others != 0 ? (unsigned)__builtin_ctz(others) : left;
    return count < left ? count : left;
}

bool cmd_batch(struct mc_call *call) {
    struct batch batch;
    if (unlikely(call->observed != 0)) {
        return false;
    }
    batch_collect(call, &batch);
    if (batch.count == 0) {
        return false;
    }
    store_lookup_prefetch(call->worker->store, batch.lookup, batch.count);
    unsigned done = 0;
    do {
        unsigned count = batch_stretch(&batch, done);
        done += (batch.sets >> done & 1) != 0 ? batch_sets(call, &batch, done, count)
                                              : batch_gets(call, &batch.lookup[done], count);
    } while (done < batch.count && !reply_full(call->reply) && !call_is_costly(call));
    if (likely(done != 0)) { /* none: there was no memory for an answer, or the first one waits */
        call->at = batch.end[done - 1];
    }
    return true;
}
