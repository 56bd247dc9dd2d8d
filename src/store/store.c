/* SPDX-License-Identifier: MIT
 *
 * store: looking up. The hot path of the whole server stands first: a hash, one line of the index, one of
 * the item.
 *
 * The glossary of this folder:
 *   home    the bucket where a key's chain begins (table.h)
 *   place   a key's entry, with its home locked (place.h)
 *   live    neither expired nor flushed; otherwise dead
 *   limbo   where lies what was taken out of the index and is not free yet (limbo.h)
 *   grace   how long: until every worker has passed a quiescent state (epoch.h)
 *   pass    one round over all homes, of the sweep or of eviction's hand
 *
 * What a request does to the store, in order: supply.c takes what it needs, index.h or place.c finds the key,
 * put.c, join.c, number.c, delete.c or fetch.c decide, place.c changes one entry, retire.c takes the old
 * item; turn.c does the rest when the requests of a turn are done.
 *
 * Who may call: a worker's own thread; store_unpin anyone.
 */
#include "index.h"
#include "place.h"
#include "prefetch.h"
#include "use.h"

/* The rare half of store_get: the item is there, but its time is over. */
static __attribute__((cold, noinline)) enum store_status store_meet_dead(struct store_worker *worker,
                                                                         const struct item *item) {
    use_count_dead(worker, item);
    use_reclaim(worker, item);
    return STORE_MISS;
}

enum store_status store_get(struct store_worker *worker, struct bytes key, struct item_view *view) {
    const struct index *index = &worker->store->index;
    prefetch_end(worker);
    struct item *item = index_find(index, hash_key(index->hash_seed, key), key);
    if (item == NULL) {
        return STORE_MISS;
    }
    if (unlikely(!worker_item_lives(worker, item))) {
        return store_meet_dead(worker, item);
    }
    uint64_t now = worker_now_fine(worker);
    use_view(item, now, view);
    use_item(worker->store, item, now);
    return STORE_OK;
}

void store_pin(const struct item_view *view) {
    /*
     * relaxed: the view itself keeps the item until the caller's next quiescent state, and that is a
     * release.
     */
    uint32_t pins = atomic_fetch_add_explicit(&view->item->pins, 1, memory_order_relaxed);
    assert(pins != UINT32_MAX);
}

void store_unpin(void *pinned) {
    struct item *item = pinned;
    /* release: the caller's last reads come before the look of who frees (retire.c). */
    uint32_t pins = atomic_fetch_sub_explicit(&item->pins, 1, memory_order_release);
    assert(pins != 0);
}

enum store_status store_touch(struct store_worker *worker, struct bytes key, uint32_t expires_tick) {
    struct place place;
    enum store_status status = STORE_MISS;
    place_open_existing(worker, hash_key(worker->store->index.hash_seed, key), key, &place);
    if (place.item != NULL) {
        place_set_expiry(worker, &place, expires_tick);
        use_item(worker->store, place.item, worker_now_fine(worker));
        status = STORE_OK;
    }
    place_close(&place);
    return status;
}
