/* SPDX-License-Identifier: MIT
 *
 * use: what becomes of dead items. See use.h.
 */
#include "use.h"

#include "index.h"
#include "place.h"
#include "prefetch.h"

void use_count_dead(struct store_worker *worker, const struct item *item) {
    bool expired = worker_item_expired(worker, item);
    counter_add(expired ? &worker->counters.get_expired : &worker->counters.get_flushed, 1);
    worker->absence = expired ? STORE_ABSENT_EXPIRED : STORE_ABSENT_FLUSHED;
}

enum store_absence store_absence_take(struct store_worker *worker) {
    enum store_absence absence = worker->absence;
    worker->absence = STORE_ABSENT;
    return absence;
}

void use_count_reclaimed(struct store_worker *worker, const struct item *item) {
    counter_add(&worker->counters.reclaimed, 1);
    if (worker_item_expired(worker, item) && !item_has(item, ITEM_FETCHED)) {
        counter_add(&worker->counters.expired_unfetched, 1);
    }
}

size_t use_reclaim(struct store_worker *worker, const struct item *item) {
    size_t size = place_withdraw(worker, item, PLACE_WITHDRAW_DEAD);
    if (size != 0) {
        use_count_reclaimed(worker, item);
    }
    return size;
}

struct item *use_find(struct store_worker *worker, uint64_t hash, struct bytes key) {
    prefetch_end(worker);
    struct item *item = index_find(&worker->store->index, hash, key);
    if (item == NULL || likely(worker_item_lives(worker, item))) {
        return item;
    }
    use_count_dead(worker, item);
    use_reclaim(worker, item);
    return NULL;
}
