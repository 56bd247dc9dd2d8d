/* SPDX-License-Identifier: MIT
 *
 * update: replacing an item by one that is made from it, without copying or making room under a lock.
 *
 *      look --> plan --> make --> (look, plan) --> fill --> lock --> same item? --> finish, publish
 *        ^                                                              | no: another was faster
 *        +--------------------------------------------------------------+
 *
 * The second look is needed only when making room has passed a quiescent state. A repetition means that another
 * worker has changed the key, or eviction has moved the item, so some worker always gets on. With no item there
 * the same is a creation, and "same item" means still none.
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_UPDATE_H
#define RIPOSTE_STORE_UPDATE_H

#include "put.h"

/* What is updated; item NULL and location 0: nothing. */
struct update_old {
    struct item *item;
    uint32_t location;
};

struct update {
    struct bytes key;  /* borrowed for the call */
    uint64_t hash;     /* of the key */
    const void *input; /* of the three functions below */
    bool keeps_number; /* the form's number is the old item's, or a client's: it need not rise */
    bool
        is_change; /* a value as long as the old one's is the same item to who counts: memcached changes it in place */

    /*
     * From the present item to the form of the new one: STORE_OK and *form, but for its key, or how the operation
     * ends. Called without a lock, perhaps several times; the last call is for the item that is updated. Room for
     * an expiry is made wherever the old item has some.
     */
    enum store_status (*plan)(const struct store_worker *worker, const void *input,
                              const struct update_old *old, struct item_form *form);

    /* Writes the value. Without a lock. */
    void (*fill)(const void *input, struct item *item, const struct update_old *old);

    /* Sets expiry and marks, which may have changed until now. Under the lock: a few stores. */
    void (*finish)(const void *input, struct item *item, const struct update_old *old);
};

/*
 * STORE_OK and *location, readable until the next quiescent state; STORE_NO_MEMORY; or what plan said. result and
 * location may be NULL.
 */
enum store_status update_run(struct store_worker *worker, const struct update *update,
                             struct put_result *result, uint32_t *location);

#endif
