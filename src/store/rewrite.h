/* SPDX-License-Identifier: MIT
 *
 * rewrite: replacing an item by one that is made from it, without copying or allocating under a lock.
 *
 *      look --> plan --> allocate --> (look, plan) --> fill --> lock --> same item? --> finish, publish
 *        ^                                                                  | no: another was faster
 *        +------------------------------------------------------------------+
 *
 * The second look is needed only when getting memory has passed a quiescent state. A repetition means that
 * another worker has changed the key, so some worker always gets on. With no item there the same is a
 * creation, and "same item" means still none.
 *
 * Worker's own thread.
 */
#ifndef RIPOSTE_STORE_REWRITE_H
#define RIPOSTE_STORE_REWRITE_H

#include "state.h"

struct rewrite {
    struct bytes key;  /* borrowed for the call */
    const void *input; /* of the three functions below */

    /*
     * From the present item (NULL: none) to the shape of the new one: STORE_OK and *shape, but for its key,
     * or how the operation ends. Called without a lock, perhaps several times; the last call is for the
     * item that is rewritten.
     */
    enum store_status (*plan)(const struct store_worker *worker, const void *input, struct item *old,
                              struct item_shape *shape);

    /* Writes the value. Without a lock. */
    void (*fill)(const void *input, struct item *item, struct item *old);

    /*
     * Sets expiry and marks, which may have changed until now, and returns an explicit CAS or 0. Under the
     * lock: a few stores.
     */
    uint64_t (*finish)(const void *input, struct item *item, const struct item *old);
};

/*
 * STORE_OK and *stored, readable until the next quiescent state; STORE_NO_MEMORY; or what plan said. result
 * may be NULL.
 */
enum store_status rewrite_run(struct store_worker *worker, const struct rewrite *rewrite,
                              struct put_result *result, struct item **stored);

#endif
