/* SPDX-License-Identifier: MIT
 *
 * store: one in-memory map of keys to values that all workers share.
 *
 * Items are immutable once stored but for their expiry, their use mark and two flags; a change makes a new
 * item. Reads take no lock. A write locks one bucket. Memory of replaced items is reused after every worker
 * has passed a quiescent state.
 *
 * A thread that uses the store joins it and gets a struct store_worker; every function with a worker
 * argument may be called by that worker's own thread only. The others say who may call.
 *
 * Time: the store counts whole seconds since shortly before its creation ("ticks"; the first tick is 2, so
 * that 0 can mean never and 1 long ago), moved on by store_quiescent and store_online.
 */
#ifndef RIPOSTE_STORE_H
#define RIPOSTE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/store_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

struct store;
struct store_worker;
struct item;

enum {
    STORE_KEY_SIZE_MAX = 250,                   /* bytes; the smallest key has 1 */
    STORE_FLUSHED_PREFIXES_MAX = 4096,          /* see store_flush_prefix */
    STORE_EXPIRES_NEVER = 0,                    /* an expiry tick */
    STORE_EXPIRED = 1,                          /* an expiry tick that has always passed */
    STORE_TTL_RELATIVE_MAX = 60 * 60 * 24 * 30, /* seconds; a larger exptime is an absolute Unix time */
};

/* Smallest memory_size_max: room for the smallest index and one item of 1 KiB. */
#define STORE_MEMORY_SIZE_MIN ((size_t)256 * 1024)

/* Largest item_size_max: sizes of items have 32 bits, and grow when one is copied. */
#define STORE_ITEM_SIZE_MAX ((size_t)1024 * 1024 * 1024)

enum store_status {
    STORE_OK,
    STORE_MISS,       /* no such key (also: expired, flushed) */
    STORE_EXISTS,     /* a CAS was given and the item has another one */
    STORE_NOT_STORED, /* add: exists; replace, append, prepend: missing, or the result would be too large */
    STORE_NOT_NUMBER, /* store_add_number: not 1 to 20 digits below 2^64, then the end or white space */
    STORE_TOO_LARGE,  /* above item_size_max */
    STORE_NO_MEMORY,  /* the store is full and may not, or cannot, evict; or the system has no memory */
};

struct store_config {
    size_t memory_size_max; /* bytes of items, index and all else, never passed; >= STORE_MEMORY_SIZE_MIN */
    size_t item_size_max; /* bytes of header, key and value of one item (-I), 1 KiB to STORE_ITEM_SIZE_MAX and
                             to memory_size_max / 2 */
    bool evict;           /* false (-M): a full store answers STORE_NO_MEMORY */
    bool large_pages;     /* (-L): for the index, too, by advice; up to 4 MiB more than is counted */
    unsigned workers_max; /* how many may have joined at a time, 1 to 1024 */
    uint64_t hash_seed;   /* of the key hash; from random_seed() in a server */

    /*
     * 2^n buckets of 64 bytes at start, 6 to 32, and at most half of memory_size_max; 0: the default (10). -o hashpower,
     * less 3.
     */
    unsigned index_power_min;

    /*
     * How long a worker waits for others in one turn, in sum, where memory is on its way and not free yet; then it is
     * STORE_NO_MEMORY, and store_deferred() says so. 0: up to 2 s without any gain, 20 s in all.
     */
    unsigned turn_wait_us;
};

/* What a stored item says of itself. Filled by look-ups. */
struct item_view {
    struct bytes key;   /* as stored */
    struct bytes value; /* the two bytes behind it are "\r\n": value and line end can be sent as one run */
    uint64_t cas;       /* never 0; see get_options.shows_number */
    uint32_t client_flags;
    uint32_t expires_tick; /* STORE_EXPIRES_NEVER or a tick; before a touch by the same call */
    uint32_t used_tick;    /* of the last use before this one */
    bool fetched;          /* was used before */
    bool key_is_binary;    /* stored through a base64 key */
    bool stale;            /* marked by a delete or set with `invalidate` */
    bool won_before;       /* another client was told to recompute the value and has not yet stored it */
    bool
        won; /* this look-up should recompute: just created, recache_before_tick reached, first of a stale one */
    void *pin; /* for store_pin and store_unpin: what keeps the bytes in place */
};

/* How a look-up behaves beyond the plain one; all zero is store_get. */
struct get_options {
    bool touch; /* set the expiry to touch_expires_tick */
    uint32_t touch_expires_tick;
    bool no_use; /* do not count as a use: used_tick and fetched stay */
    bool
        shows_number; /* a client is told the CAS: it stays until the item is replaced. One that came neither this way nor in a
                          put_result may rise when the store moves the item, which needs less memory so */
    bool create; /* on a miss store an empty value with create_expires_tick; the view is `won` */
    uint32_t create_expires_tick;
    bool key_is_binary;  /* of the item that is created */
    uint64_t create_cas; /* the CAS of the item that is created; 0: the next one */
    bool recache;        /* win when the item has an end before recache_before_tick, and nobody has won yet */
    uint32_t recache_before_tick;
    bool recache_touched; /* with touch: the end is that after the touch */
    bool meta;            /* report and set won and stale marks (a stale item is won by its first look-up) */
};

enum put_mode {
    PUT_SET,
    PUT_ADD,     /* only when missing; an existing item counts as used */
    PUT_REPLACE, /* only when present */
    PUT_APPEND,  /* behind the present value; flags, expiry and key form stay the old item's */
    PUT_PREPEND,
};

/* A key and its whole value. */
struct store_record {
    struct bytes key;   /* copied */
    struct bytes value; /* copied */
    uint64_t hash;      /* of the key: store_hash */
    uint32_t client_flags;
    uint32_t expires_tick; /* STORE_EXPIRES_NEVER or a tick */
};

struct put_options {
    enum put_mode mode;
    bool compare; /* STORE_EXISTS when the CAS differs; set, replace: STORE_MISS without an item; add: no */
    uint64_t cas_expected;
    bool invalidate;  /* with compare: an older CAS will do; the item keeps expiry and won, and is stale */
    uint64_t cas_new; /* 0: the next one */
    bool create;      /* append, prepend: on a miss store the item as it is, with create_expires_tick */
    uint32_t create_expires_tick;
};

/* Filled by store_put, store_add_number and store_delete. */
struct put_result {
    uint64_t cas;      /* of the item now stored; 0 when nothing was */
    size_t value_size; /* of the value now stored, after append or prepend too */
};

struct delete_options {
    bool compare; /* STORE_EXISTS when the CAS differs */
    uint64_t cas_expected;
    bool invalidate; /* keep the item: mark it stale, clear won, new CAS (cas_new when not 0) */
    bool drop_value; /* keep the item without its value; client_flags and touch_expires_tick or never */
    bool touch;      /* with invalidate or drop_value: set the expiry */
    uint32_t touch_expires_tick;
    uint32_t client_flags;
    uint64_t cas_new; /* 0: invalidate gives the next one, drop_value alone keeps the old one */
};

struct number_options {
    bool decrement; /* stops at 0; increment wraps at 2^64 */
    uint64_t delta;
    bool compare; /* STORE_EXISTS when the CAS differs */
    uint64_t cas_expected;
    uint64_t cas_new; /* 0: the next one */
    bool create;      /* on a miss store `initial`, the delta is not applied */
    uint64_t initial;
    uint32_t create_expires_tick;
    bool key_is_binary; /* of the item that is created */
    bool touch;         /* set the expiry of one that is there to touch_expires_tick */
    uint32_t touch_expires_tick;
};

struct number_result {
    uint64_t number;              /* the new number */
    size_t value_size;            /* bytes of the value that it stands in, spaces included */
    uint64_t cas;                 /* of the item now */
    uint32_t expires_tick_before; /* of the item before a touch */
    uint32_t expires_tick;        /* of the item now */
    bool created;
    struct bytes key; /* as stored; valid as a view is */
    bool key_is_binary;
};

/*
 * 0 and *store; -EINVAL (a limit above is broken), -ENOMEM. Where the system has no addresses for that much (RLIMIT_AS), memory_size_max
 * becomes smaller instead, as far as the other limits allow: store_stats says which it is. Any thread.
 */
int store_create(const struct store_config *config, struct store **store);

/* All workers have left. Frees everything. Views and pins must be gone. */
void store_destroy(struct store *store);

/* Joins the calling thread; on-line. now_ns: monotonic. NULL when workers_max have joined or memory ends. Any thread. */
struct store_worker *store_worker_join(struct store *store, uint64_t now_ns);

/* The worker has no views. Its counters stay in the sums; what it retired is taken over by the store. */
void store_worker_leave(struct store_worker *worker);

/*
 * A quiescent state: the worker holds no unpinned view. Sets the worker's time (monotonic ns), frees what
 * has become free, moves the index's growth and the sweep on by a bounded piece. Once per turn. Returns
 * within how many ms it wants to be called again although nothing happens; 0 for no need.
 */
unsigned store_quiescent(struct store_worker *worker, uint64_t now_ns);

/*
 * True when the request that was refused last (STORE_NO_MEMORY) found memory on its way, that could not be waited for any
 * longer in this turn (turn_wait_us): the caller asks the same again in a later turn, and nothing was refused or counted.
 * Says so once. To be called before anything else, or not at all.
 */
bool store_deferred(struct store_worker *worker);

/*
 * Around blocking: while off-line the worker has no views, calls nothing but store_online, and nobody waits
 * for it. now_ns as in store_quiescent.
 */
void store_offline(struct store_worker *worker);
void store_online(struct store_worker *worker, uint64_t now_ns);

/* Why a look-up found nothing. */
enum store_absence {
    STORE_ABSENT,
    STORE_ABSENT_EXPIRED,
    STORE_ABSENT_FLUSHED,
};

/*
 * STORE_ABSENT, unless this worker has met a dead item since the last call: what that one was. For logs of
 * look-ups.
 */
enum store_absence store_absence_take(struct store_worker *worker);

/*
 * `on_evict` is told of every live item this worker pushes out for want of memory; the view is valid inside
 * it, and it must not use the store but for store_now_tick. NULL: nobody is told, as after
 * store_worker_join.
 */
void store_worker_on_evict(struct store_worker *worker,
                           void (*on_evict)(void *user, const struct item_view *view), void *user);

/* The present tick: whole seconds on the store's clock, >= 2. */
uint32_t store_now_tick(const struct store_worker *worker);

/*
 * The expiry tick for an exptime or TTL as clients write it (src/protocol/memcached/README.md, "Numbers and
 * times"): 0 never; negative at once; up to STORE_TTL_RELATIVE_MAX seconds from now; above that a Unix time,
 * and one at or before store creation is expired.
 */
uint32_t store_expiry(const struct store_worker *worker, int64_t exptime);

/* Seconds since 1970 of a tick; modulo 2^64, since under a clock that was set back it may be before that. */
uint64_t store_tick_unix_s(const struct store_worker *worker, uint32_t tick);

/* Seconds since 1970 at now_ns (monotonic), as the store takes them to be. Once a worker has joined; any thread. */
uint64_t store_clock_unix_s(const struct store *store, uint64_t now_ns);

/* Moves the store's clock forward; for tests of expiry (debugtime). Any thread. */
void store_clock_advance(struct store *store, uint32_t seconds);

/*
 * The wall clock was set by so many seconds: absolute expiry times given from now on, and times shown to people, follow it.
 * Ticks go on as they do. Any thread.
 */
void store_clock_shift_wall(struct store *store, int64_t seconds);

/* The store's clock stands at now_ns (monotonic); store_clock_advance still moves it. As above. */
void store_clock_stop(struct store *store, uint64_t now_ns);

/* It goes on, with the time that has passed meanwhile. As above. */
void store_clock_restart(struct store *store);

/* The number by which this store finds `key` (1 to 250 bytes); the same for its whole life. */
uint64_t store_hash(const struct store_worker *worker, struct bytes key);

/*
 * False while the store holds so little that a core has it in its own caches: looking ahead of requests would gain
 * nothing then. As of the worker's last turn.
 */
bool store_prefetch_helps(const struct store_worker *worker);

/*
 * Asks the memory system for the bucket of `key` (1 to 250 bytes): worth it when several look-ups follow. Returns the key's
 * hash: who keeps it until the look-up does not pay for it twice.
 */
uint64_t store_prefetch(struct store_worker *worker, struct bytes key);

/*
 * STORE_OK and *view, or STORE_MISS. The view's bytes stay valid until this worker's next store_quiescent,
 * store_offline, store_item_create, store_put, store_add_number, store_delete or store_touch, or store_get_with
 * that creates or touches; store_pin keeps them longer. key.size is 1 to STORE_KEY_SIZE_MAX, here and below.
 */
enum store_status store_get(struct store_worker *worker, struct bytes key, struct item_view *view);

/* One of several keys that are looked up at once. */
struct store_lookup {
    struct bytes key; /* the caller's */
    uint64_t hash;    /* store_lookup_prefetch sets it: store_hash of the key */
    const void *seen; /* the same; the store's: where the index may lead to the key; NULL: not known */

    /* Set by store_lookup_run. */
    uint32_t location;     /* the store's; 0: there is no such key */
    uint32_t client_flags; /* this and the next, where there is one */
    struct bytes value;    /* followed by "\r\n", as in a view; valid as long as one */
};

/* The hashes of all, and where there are several, and it helps, the memory system is asked for what looking them up needs. */
void store_lookup_prefetch(struct store_worker *worker, struct store_lookup *lookups, unsigned count);

/* As store_get of each, in order, after store_lookup_prefetch. */
void store_lookup_run(struct store_worker *worker, struct store_lookup *lookups, unsigned count);

/* Whether the key is there. */
static inline bool store_lookup_found(const struct store_lookup *lookup) {
    return lookup->location != 0;
}

/* The rest of what there is to know of one that was found, the present use counted. */
void store_lookup_view(const struct store_worker *worker, const struct store_lookup *lookup,
                       struct item_view *view);

/* The same with options; may also answer STORE_NO_MEMORY where it creates or touches. */
enum store_status store_get_with(struct store_worker *worker, struct bytes key,
                                 const struct get_options *options, struct item_view *view);

/*
 * Keeps view->value and view->key in place until store_unpin(view->pin), also across overwrite, delete,
 * eviction. False, and nothing kept, where too many segments of the store are pinned already: the caller copies
 * the value. Worker of the view.
 */
bool store_pin(const struct item_view *view);

/* Ends one store_pin. Takes void * so that it can serve as a release function. Any thread. */
void store_unpin(void *pin);

/*
 * False when store_item_create would answer STORE_TOO_LARGE, and then counted as such. For a value that is
 * announced and comes later. has_flags: client_flags other than 0, which take room of their own.
 */
bool store_item_fits(struct store_worker *worker, size_t key_size, size_t value_size, bool has_flags);

/*
 * Room for a new item: STORE_OK and *item, STORE_TOO_LARGE, STORE_NO_MEMORY. Owned by the worker until
 * store_put or store_item_discard; not visible to anyone before. One that stays unfinished over
 * turns holds its segment, which other items then cannot have: values that come in pieces are better gathered elsewhere.
 */
enum store_status store_item_create(struct store_worker *worker, struct bytes key, bool key_is_binary,
                                    uint32_t client_flags, uint32_t expires_tick, size_t value_size,
                                    struct item **item);

/*
 * Where the item's value goes: exactly value_size bytes, to be filled before store_put. The "\r\n" behind
 * is there already.
 */
char *store_item_value(struct item *item);

/* Gives an unfinished item back. */
void store_item_discard(struct store_worker *worker, struct item *item);

/*
 * Stores what is all there, whatever was stored before: store_item_create and store_put with PUT_SET in one step.
 * STORE_OK, STORE_TOO_LARGE, STORE_NO_MEMORY; what was there before stays with the latter two.
 */
enum store_status store_set(struct store_worker *worker, const struct store_record *set);

/*
 * Stores *item, which is of store_item_create: STORE_OK, STORE_MISS, STORE_EXISTS, STORE_NOT_STORED, STORE_NO_MEMORY. It is
 * consumed, and *item NULL, but with STORE_NO_MEMORY: then nothing was done, and *item is still the caller's, to be stored again or
 * discarded. `result` may be NULL.
 */
enum store_status store_put(struct store_worker *worker, struct item **item,
                            const struct put_options *options, struct put_result *result);

/*
 * STORE_OK and *result, STORE_MISS, STORE_EXISTS, STORE_NOT_NUMBER, STORE_NO_MEMORY. A shorter result keeps
 * the old length, padded on the right with spaces; a longer one grows. Client flags stay, and the expiry but for `touch`.
 */
enum store_status store_add_number(struct store_worker *worker, struct bytes key,
                                   const struct number_options *options, struct number_result *result);

/*
 * Sets the expiry. STORE_OK, STORE_MISS, or STORE_NO_MEMORY where the item has no room for one and none can be
 * made. Counts as a use.
 */
enum store_status store_touch(struct store_worker *worker, struct bytes key, uint32_t expires_tick);

/*
 * options may be NULL: plain delete. STORE_OK, STORE_MISS, STORE_EXISTS, STORE_NO_MEMORY (drop_value,
 * invalidate). `result`, of what is kept, may be NULL.
 */
enum store_status store_delete(struct store_worker *worker, struct bytes key,
                               const struct delete_options *options, struct put_result *result);

/*
 * Everything stored before now (at_tick 0, or a tick that has come) or before the moment at_tick comes is
 * gone then. A newer flush replaces a waiting one. An item stored right after an immediate flush lives.
 */
void store_flush(struct store_worker *worker, uint32_t at_tick);

enum store_flush_outcome {
    STORE_FLUSHED,
    STORE_FLUSH_TOO_MANY,  /* STORE_FLUSHED_PREFIXES_MAX are remembered */
    STORE_FLUSH_NO_MEMORY, /* for one more; as STORE_NO_MEMORY */
};

/*
 * Everything stored before under a key that begins with `prefix` (1 to 250 bytes, copied) is gone at once, for every
 * worker; no item is visited. What is stored by a request that comes after the answer lives. A prefix is
 * remembered until a round over the index, between turns, has made sure that nothing older is left; a flush of everything,
 * or of a shorter prefix that it begins with, ends that sooner. Passes a quiescent state where memory is short.
 */
enum store_flush_outcome store_flush_prefix(struct store_worker *worker, struct bytes prefix);

/*
 * Changes memory_size_max; a smaller one evicts little by little. False when below STORE_MEMORY_SIZE_MIN, or
 * below what the index, the open segments of all workers and a few free ones need; or above what addresses are reserved
 * for since store_create: two to four times the first memory_size_max, or only that where the system had no more.
 */
bool store_memory_limit_set(struct store_worker *worker, size_t memory_size_max);

/*
 * A walk over all items; all zero is the beginning. The index may grow and shrink meanwhile: every item that is there
 * during the whole walk is seen at least once, and at most once unless it is stored again meanwhile.
 */
struct store_cursor {
    uint64_t position, end; /* the store's: see "walking" in src/store/index_grow.c */
    bool done;              /* all were seen; set by store_walk */
};

/*
 * Visits the live items (not expired, not flushed) of at most buckets_max buckets (>= 1), or one more, and moves the cursor on.
 * The views are valid inside `visit` only, which must not look anything up in the store or change it. Counts as no use. Worker's own thread.
 */
void store_walk(struct store_worker *worker, struct store_cursor *cursor, unsigned buckets_max,
                void (*visit)(void *user, const struct item_view *view), void *user);

/*
 * Bytes that an item with such a key and value is charged with, for watch lines and tests. Sizes in bytes, has_flags as in
 * store_item_fits. Any thread.
 */
size_t store_item_charge(size_t key_size, size_t value_size, bool has_flags);

/*
 * A note that goes with the items, for whoever gives their client flags a meaning; the store does not look into it. It is saved with
 * them, is there after a store_file_create (riposte/store_file.h) that was TAKEN, and is saved again until another one takes its place. -m does
 * not count it. One thread, while no other one saves.
 */
enum { STORE_NOTE_SIZE_MAX = 1024 * 1024 }; /* bytes */

/* Copies it; size 0: none. 0; -E2BIG above STORE_NOTE_SIZE_MAX, -ENOMEM: the note before it stays. */
int store_note_set(struct store *store, struct bytes note);

/* The store's, until another is set; size 0: none. */
struct bytes store_note(const struct store *store);

#ifdef __cplusplus
}
#endif

#endif
