/* SPDX-License-Identifier: MIT
 *
 * walk: see walk.h; store_walk is the same for live items and strangers. Worker's own thread.
 */
#include "walk.h"

#include "index.h"
#include "use.h"

unsigned walk_step(struct store_worker *worker, struct store_cursor *cursor,
                   void (*look)(void *user, struct item *item), void *user) {
    const struct table *table = index_table(&worker->store->index);
    if (cursor->power == 0) {
        *cursor = (struct store_cursor){.power = table->power};
    }
    assert(!cursor->done && cursor->power <= table->power);
    unsigned homes_count = 0;
    for (uint64_t upper = 0; upper < UINT64_C(1) << (table->power - cursor->power); upper++) {
        homes_count += index_scan(table, upper << cursor->power | cursor->position, look, user);
    }
    cursor->position++;
    cursor->done = cursor->position == UINT64_C(1) << cursor->power;
    return homes_count;
}

struct walk_visit {
    struct store_worker *worker;
    void (*visit)(void *user, const struct item_view *view);
    void *user;
};

static void walk_visit_live(void *user, struct item *item) {
    const struct walk_visit *visit = user;
    struct item_view view;
    if (!worker_item_lives(visit->worker, item)) {
        return;
    }
    use_view(item, worker_now_fine(visit->worker), &view);
    visit->visit(visit->user, &view);
}

void store_walk(struct store_worker *worker, struct store_cursor *cursor, unsigned buckets_max,
                void (*visit)(void *user, const struct item_view *view), void *user) {
    struct walk_visit live = {.worker = worker, .visit = visit, .user = user};
    for (unsigned homes_count = 0; homes_count < buckets_max && !cursor->done;) {
        homes_count += walk_step(worker, cursor, walk_visit_live, &live);
    }
}
