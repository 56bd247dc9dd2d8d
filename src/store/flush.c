/* SPDX-License-Identifier: MIT
 *
 * flush: everything is gone, or everything under a prefix, at once; then items that are dead are taken out a piece at a time. See flush.h.
 */
#include "flush.h"

#include <stdlib.h>

#include "evict.h"
#include "flush_table.h"
#include "index_grow.h"
#include "link.h"
#include "reclaim.h"
#include "riposte/clock.h"

enum {
    FLUSH_HOMES = 64,    /* looked at in a piece of the round */
    FLUSH_DEAD_MAX = 32, /* taken out of a home at a time */
    FLUSH_HURRY_SHARE =
        4, /* with one part in so many of the table in use pieces follow one another at once */
    FLUSH_RETIRED_SHARE = 64, /* retired tables take one part in so many of the limit at most */
    FLUSH_BUSY_MS = 1,
};
static_assert((int)STORE_FLUSHED_PREFIXES_MAX < (int)FLUSH_ROW_NONE, "rows have 16 bits");

/* --- everything at once --- */

/* The next number of the sequence that segments get theirs from. Under the arena's lock. */
static uint64_t number_draw(struct arena *arena) {
    arena_level_add(&arena->sequence, 1);
    return arena_level(&arena->sequence);
}

/*
 * Everything stored so far is gone: what stands in segments opened before. The number is drawn and set under the
 * lock under which segments get theirs, so whoever copies an item into a segment opened after the flush has seen
 * the flush, and the item's death, before.
 */
static void flush_now(struct store *store) {
    struct arena *arena = &store->arena;
    arena_lock(arena);
    uint64_t number = number_draw(arena);
    /* relaxed: written under this lock only, under which segments get their numbers. */
    atomic_store_explicit(&arena->flush_number, number, memory_order_relaxed);
    /* release: whoever sees it (flush_table_doubts) sees flush_number, too, when it looks closer. */
    atomic_store_explicit(&store->doubt_number, number, memory_order_release);
    arena_unlock(arena);
    evict_set_flushed_wait(store, true);
}

void flush_fall_due(struct store_worker *worker, uint32_t at_tick) {
    /* relaxed: one of the workers that see it fall due flushes; what it then writes orders itself. */
    if (atomic_compare_exchange_strong_explicit(&worker->store->flush_at_tick, &at_tick, 0,
                                                memory_order_relaxed, memory_order_relaxed)) {
        flush_now(worker->store);
    }
}

void store_flush(struct store_worker *worker, uint32_t at_tick) {
    bool at_once = at_tick <= worker_now_tick(worker);
    flush_set_at_tick(worker->store, at_once ? 0 : at_tick);
    if (at_once) {
        flush_now(worker->store);
    }
}

/* --- prefixes --- */

void flush_init(struct store *store) {
    pthread_mutex_init(&store->flush_sweep.lock, NULL);
}

/* relaxed: only who holds the sweep's lock changes it, and asks here; or nobody else is there. */
static struct flush_table *table_present(const struct store *store) {
    return atomic_load_explicit(&store->flush_table, memory_order_relaxed);
}

/* relaxed, both: hints, whether there is something to do and how soon. */
static void sweep_note(struct flush_sweep *sweep, const struct flush_table *table) {
    atomic_store_explicit(&sweep->count, table == NULL ? 0 : table->count, memory_order_relaxed);
    atomic_store_explicit(&sweep->is_busy, table != NULL || sweep->retired != NULL, memory_order_relaxed);
}

static void table_free(struct store *store, struct flush_table *table) {
    if (table != NULL) {
        arena_uncharge(&store->arena, table->charged_size);
        free(table);
    }
}

void flush_deinit(struct store *store) {
    struct flush_sweep *sweep = &store->flush_sweep;
    table_free(store, table_present(store));
    for (struct flush_table *table; (table = sweep->retired) != NULL;) {
        sweep->retired = table->next;
        table_free(store, table);
    }
    pthread_mutex_destroy(&sweep->lock);
}

void flush_take(struct store *store, struct flush_table *table, size_t charged_size) {
    if (table != NULL) {
        table->next = NULL;
        table->charged_size = charged_size;
    }
    sweep_note(&store->flush_sweep, table);
    atomic_init(&store->flush_table, table);
}

/* --- changing the table --- */

static void table_retire(struct store_worker *worker, struct flush_table *table) {
    struct flush_sweep *sweep = &worker->store->flush_sweep;
    if (table != NULL) {
        table->retired_epoch = epoch_tag(&worker->member);
        table->next = sweep->retired;
        sweep->retired = table;
        sweep->retired_size += table->charged_size;
    }
}

/* Frees the retired tables that nobody looks at any more. Under the sweep's lock. */
static void retired_free(struct store_worker *worker) {
    struct epoch *epoch = &worker->store->epoch;
    struct flush_sweep *sweep = &worker->store->flush_sweep;
    if (sweep->retired == NULL) {
        return;
    }
    epoch_advance(epoch, &worker->member);
    uint64_t now = epoch_now(epoch);
    for (struct flush_table **link = &sweep->retired; *link != NULL;) {
        struct flush_table *table = *link;
        if (table->retired_epoch + EPOCH_GRACE <= now) {
            *link = table->next;
            sweep->retired_size -= table->charged_size;
            table_free(worker->store, table);
        } else {
            link = &table->next;
        }
    }
}

static struct flush_table *table_allocate(struct store_worker *worker, size_t size) {
    if (!arena_charge(&worker->store->arena, size)) {
        return NULL;
    }
    struct flush_table *table = malloc(size);
    if (table == NULL) {
        arena_uncharge(&worker->store->arena, size);
    }
    return table;
}

static uint64_t table_number_max(const struct flush_table *table) {
    uint64_t number = 0;
    for (uint32_t i = 0; table != NULL && i < table->count; i++) {
        number = table->rows[i].number > number ? table->rows[i].number : number;
    }
    return number;
}

/* Makes `table` the one that is looked at; with a row of a new flush that gets its number. Under the sweep's lock. */
static void table_publish(struct store_worker *worker, struct flush_table *table, struct flush_row *row) {
    struct store *store = worker->store;
    struct arena *arena = &store->arena;
    struct flush_table *old = table_present(store);
    uint64_t doubt_number = table_number_max(table);
    arena_lock(arena);
    if (row != NULL) {
        doubt_number = number_draw(arena);
        row->number = doubt_number;
    }
    if (doubt_number < store_flush_number(store)) {
        doubt_number = store_flush_number(store);
    }
    /* release, both: the table is complete, and who sees the number sees the table. */
    atomic_store_explicit(&store->flush_table, table, memory_order_release);
    atomic_store_explicit(&store->doubt_number, doubt_number, memory_order_release);
    arena_unlock(arena);
    table_retire(worker, old);
    sweep_note(&store->flush_sweep, table);
}

enum flush_step { FLUSH_DONE, FLUSH_TOO_MANY, FLUSH_NEEDS_ROOM, FLUSH_NEEDS_READERS };

/* One attempt, under the sweep's lock. `size` is that of the table. */
static enum flush_step flush_try(struct store_worker *worker, struct bytes prefix, size_t *size) {
    struct store *store = worker->store;
    const struct flush_table *old = table_present(store);
    size_t limit = arena_level(&store->arena.limit);
    struct flush_row *row;
    *size = flush_table_size_with(old, prefix);
    retired_free(worker);
    if (old != NULL && old->count - flush_table_count_below(old, prefix) >= STORE_FLUSHED_PREFIXES_MAX) {
        return FLUSH_TOO_MANY;
    }
    if (store->flush_sweep.retired != NULL &&
        store->flush_sweep.retired_size + *size > limit / FLUSH_RETIRED_SHARE) {
        return FLUSH_NEEDS_READERS;
    }
    void *block = table_allocate(worker, *size);
    if (block == NULL) {
        return FLUSH_NEEDS_ROOM;
    }
    struct flush_table *table = flush_table_make_with(block, old, prefix, &row);
    table->charged_size = *size;
    table_publish(worker, table, row);
    return FLUSH_DONE;
}

static enum store_flush_outcome flush_run(struct store_worker *worker, struct bytes prefix) {
    struct flush_sweep *sweep = &worker->store->flush_sweep;
    struct reclaim_wait wait = {0};
    for (bool goes_on = true; goes_on;) {
        size_t size;
        pthread_mutex_lock(&sweep->lock);
        enum flush_step step = flush_try(worker, prefix, &size);
        pthread_mutex_unlock(&sweep->lock);
        switch (step) {
        case FLUSH_DONE:
            return STORE_FLUSHED;
        case FLUSH_TOO_MANY:
            return STORE_FLUSH_TOO_MANY;
        case FLUSH_NEEDS_ROOM:
            goes_on = reclaim_make_room(worker, size, &wait);
            break;
        case FLUSH_NEEDS_READERS:
            segment_keep_fresh(worker);
            reclaim_pass(worker);
            goes_on = reclaim_pause(worker, &wait);
            break;
        }
    }
    return STORE_FLUSH_NO_MEMORY;
}

enum store_flush_outcome store_flush_prefix(struct store_worker *worker, struct bytes prefix) {
    assert(prefix.size >= 1 && prefix.size <= STORE_KEY_SIZE_MAX);
    enum store_flush_outcome outcome = flush_run(worker, prefix);
    counter_add(outcome == STORE_FLUSHED ? &worker->counters.prefix_flushes
                                         : &worker->counters.prefix_flushes_refused,
                1);
    return outcome;
}

/* --- the round --- */

struct flush_dead {
    uint64_t hash;
    uint32_t location;
};

/* Dead items of a chain, at most FLUSH_DEAD_MAX. The whole chain is read under one lock: an entry may not move. */
static unsigned dead_collect(struct store_worker *worker, struct bucket *home,
                             struct flush_dead dead[FLUSH_DEAD_MAX]) {
    const struct store *store = worker->store;
    unsigned count = 0;
    bucket_lock(worker, home);
    for (const struct bucket *bucket = home; bucket != NULL;
         bucket = index_next(&store->index, bucket_header(bucket))) {
        for (unsigned i = 0; i < BUCKET_ENTRIES && count < FLUSH_DEAD_MAX; i++) {
            uint32_t location = entry_location(bucket, i);
            const struct item *item = arena_item(&store->arena, location);
            if (location != 0 && !link_item_lives(worker, item, location)) {
                dead[count++] = (struct flush_dead){.hash = index_hash(&store->index, item_key(item)),
                                                    .location = location};
            }
        }
    }
    bucket_unlock(home);
    return count;
}

static void dead_take_out(struct store_worker *worker, const struct flush_dead *dead) {
    struct place place;
    place_open_location(worker, dead->hash, dead->location, &place);
    if (place.item != NULL && !link_item_lives(worker, place.item, dead->location)) {
        link_count_reclaimed(worker, place.item);
        counter_add(&worker->counters.swept, 1);
        link_remove(worker, &place);
    }
    place_close(&place);
}

/* What the lock will be held for is on the way then. */
static void home_prefetch(const struct store *store, const struct bucket *home) {
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        __builtin_prefetch(arena_item(&store->arena, entry_location(home, i)));
    }
}

static void home_sweep(void *user, struct bucket *home) {
    struct store_worker *worker = user;
    struct flush_dead dead[FLUSH_DEAD_MAX];
    unsigned count;
    home_prefetch(worker->store, home);
    do {
        count = dead_collect(worker, home, dead);
        for (unsigned i = 0; i < count; i++) {
            dead_take_out(worker, &dead[i]);
        }
    } while (count == FLUSH_DEAD_MAX);
}

/* No item is older than that: the flushes up to it are forgotten. Without memory for a smaller table: later. */
static void forget(struct store_worker *worker, uint64_t number) {
    const struct flush_table *old = table_present(worker->store);
    if (old == NULL || table_number_max(old) <= number) {
        table_publish(worker, NULL, NULL);
        return;
    }
    size_t size = flush_table_size_above(old, number);
    void *block = table_allocate(worker, size);
    if (block != NULL) {
        struct flush_table *table = flush_table_make_above(block, old, number);
        table->charged_size = size;
        table_publish(worker, table, NULL);
    }
}

/* Whether it is time for a piece. */
static bool round_is_due(const struct store_worker *worker) {
    const struct flush_sweep *sweep = &worker->store->flush_sweep;
    /* relaxed, both: hints; the lock is taken before anything is done. */
    uint64_t count = atomic_load_explicit(&sweep->count, memory_order_relaxed);
    uint64_t last_ns = atomic_load_explicit(&sweep->round_ns, memory_order_relaxed);
    return count > STORE_FLUSHED_PREFIXES_MAX / FLUSH_HURRY_SHARE ||
           worker->now_ns >= last_ns + FLUSH_BUSY_MS * CLOCK_NS_PER_MS;
}

/*
 * Whoever found an entry before the round took it out judges the item by the table: that has to be the one that the
 * round saw. So its rows stay until every worker has passed a quiescent state.
 */
static void round_end(struct store_worker *worker) {
    struct flush_sweep *sweep = &worker->store->flush_sweep;
    epoch_advance(&worker->store->epoch, &worker->member);
    if (sweep->round_epoch + EPOCH_GRACE <= epoch_now(&worker->store->epoch)) {
        sweep->is_waiting = false;
        forget(worker, sweep->round_number);
    }
}

/* Under the sweep's lock. */
static void round_go_on(struct store_worker *worker) {
    struct store *store = worker->store;
    struct flush_sweep *sweep = &store->flush_sweep;
    if (!sweep->in_round) {
        const struct flush_table *table = table_present(store);
        sweep->in_round = true;
        sweep->round_number = table_number_max(table);
        sweep->cursor = (struct store_cursor){0};
    }
    index_walk_homes(worker, &sweep->cursor, FLUSH_HOMES, home_sweep, worker);
    /* relaxed: as in round_is_due. */
    atomic_store_explicit(&sweep->round_ns, worker->now_ns, memory_order_relaxed);
    if (sweep->cursor.done) {
        sweep->in_round = false;
        sweep->is_waiting = true;
        sweep->round_epoch = epoch_tag(&worker->member);
    }
}

/* What a flush of everything came after needs no round. */
static bool is_over(const struct store *store) {
    const struct flush_table *table = table_present(store);
    return table != NULL && table_number_max(table) < store_flush_number(store);
}

unsigned flush_work(struct store_worker *worker) {
    struct store *store = worker->store;
    struct flush_sweep *sweep = &store->flush_sweep;
    if (!round_is_due(worker) || pthread_mutex_trylock(&sweep->lock) != 0) {
        return FLUSH_BUSY_MS;
    }
    retired_free(worker);
    if (is_over(store)) {
        sweep->in_round = sweep->is_waiting = false;
        forget(worker, store_flush_number(store));
    } else if (sweep->is_waiting) {
        round_end(worker);
    } else if (table_present(store) != NULL) {
        round_go_on(worker);
    } else if (sweep->retired == NULL) {
        sweep_note(sweep, NULL);
    }
    pthread_mutex_unlock(&sweep->lock);
    index_help_resize(worker);
    return FLUSH_BUSY_MS;
}
