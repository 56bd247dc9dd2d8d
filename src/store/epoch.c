/* SPDX-License-Identifier: MIT
 *
 * epoch: joining, sleeping and the scan. The argument why it is safe stands in epoch.h.
 */
#include "epoch.h"

#include <assert.h>

void epoch_init(struct epoch *epoch, struct epoch_member **members, unsigned members_max) {
    atomic_init(&epoch->now, EPOCH_FIRST);
    atomic_init(&epoch->members_count, 0);
    epoch->members_max = members_max;
    epoch->members = members;
}

void epoch_join(struct epoch *epoch, struct epoch_member *member) {
    /* relaxed: under the store's lock, as every change of it. */
    unsigned count = atomic_load_explicit(&epoch->members_count, memory_order_relaxed);
    assert(count < epoch->members_max);
    atomic_init(&member->seen, 0);
    member->laggard = 0;
    epoch->members[count] = member;
    /*
     * release: a scan that sees the count sees the pointer. A scan that does not see it yet meets the
     * member as it would one that comes on-line (step 3 of the argument).
     */
    atomic_store_explicit(&epoch->members_count, count + 1, memory_order_release);
}

void epoch_online(struct epoch *epoch, struct epoch_member *member) {
    assert(epoch_tag(member) == 0);
    /* acquire: as in epoch_quiescent. */
    uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
    /* relaxed: released by the addition below. */
    atomic_store_explicit(&member->seen, now, memory_order_relaxed);
    /* acquire and release: step 3 of the argument. */
    now = atomic_fetch_add_explicit(&epoch->now, 0, memory_order_acq_rel);
    /*
     * Not the value read at first: epochs may have gone by in between, and what is retired under an old tag
     * would be freed too soon. release: as in epoch_quiescent.
     */
    atomic_store_explicit(&member->seen, now, memory_order_release);
}

void epoch_offline(struct epoch_member *member) {
    /* release: reads of the last turn come before it. */
    atomic_store_explicit(&member->seen, 0, memory_order_release);
}

/* Whether a member keeps now from moving. */
static bool epoch_member_lags(struct epoch *epoch, unsigned index, uint64_t now) {
    const struct epoch_member *member = epoch->members[index];
    /* acquire: pairs with the announcements; steps 1 and 2 of the argument. */
    uint64_t seen = atomic_load_explicit(&member->seen, memory_order_acquire);
    return seen != 0 && seen != now;
}

bool epoch_advance(struct epoch *epoch, struct epoch_member *member) {
    uint64_t now = epoch_now(epoch);
    unsigned count = epoch_members_count(epoch);
    if (epoch_member_lags(epoch, member->laggard, now)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (epoch_member_lags(epoch, i, now)) {
            member->laggard = i;
            return false;
        }
    }
    /*
     * acquire and release: hands on what the scan has acquired. A failure means that another made the same
     * step.
     */
    atomic_compare_exchange_strong_explicit(&epoch->now, &now, now + 1, memory_order_acq_rel,
                                            memory_order_acquire);
    return true;
}
