/* SPDX-License-Identifier: MIT
 *
 * epoch: when may memory that readers could still see be used again? (quiescent-state based reclamation)
 *
 * Words. A *member* is a worker's side. It is *on-line* while it may hold pointers into the index, off-line
 * around sleeping. A *quiescent state* is a moment at which it holds none. `now` counts epochs; `seen` is
 * the epoch that a member last announced, 0 while off-line.
 *
 *      reader                                            writer
 *        pointer = load entry                              clear or exchange the entry
 *        ... read the item ...                             retire the item with tag = own `seen`
 *        quiescent: seen = now                             free it once now >= tag + EPOCH_GRACE
 *
 * now moves from n to n + 1 only when every on-line member has announced exactly n.
 *
 * The argument, in acquire and release alone (no fences, which ThreadSanitizer could not follow):
 *  1. U unlinks an item while its `seen` is s. U announces s + 1 (release) only after that. The step of now
 *     from s + 1 to s + 2 was made by somebody who read that announcement (acquire): so the unlinking
 *     happens before now == s + 2.
 *  2. A reader R that announces r has read now == r before (acquire). The step from s + 2 to s + 3 needs
 *     R's announcement of s + 2: what R loads after it sees the unlinking by (1), and what R loaded before
 *     it is no longer held. The announcement is a release and the scan an acquire, so R's last reads happen
 *     before now == s + 3.
 *  3. An off-line member announces 0, as a release too, and holds nothing. Coming on-line it announces an
 *     epoch that it has read, adds 0 to now, atomically (acquire and release), and announces the value v
 *     that it has met there. Its later loads see everything before now == v. A scan that had not noticed it
 *     yet can make one more step, to v + 1, by a compare-and-swap that follows the addition in now's order;
 *     whoever scans after that has read that value and so sees the announcement, and cannot step beyond v +
 *     1 before the member has announced v + 1. Meanwhile only tags up to v + 1 - EPOCH_GRACE = v - 2 are
 *     freed: those were unlinked before now == v (1).
 *  4. So now is `seen` or `seen` + 1 for every on-line member, and a pointer found while `seen` was e is
 *     good for as long as it is e.
 *  Hence EPOCH_GRACE is 3.
 *
 * Membership is fixed from epoch_join on; a member that has left stays in the list, off-line. Who may call:
 * epoch_join under the store's lock; the rest only the member's own thread.
 */
#ifndef RIPOSTE_STORE_EPOCH_H
#define RIPOSTE_STORE_EPOCH_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { EPOCH_GRACE = 3, EPOCH_FIRST = 1 };

struct epoch_member {
    alignas(64) _Atomic uint64_t seen; /* written by its own thread, read by every scan */
    alignas(64) unsigned laggard;      /* member that held up the last scan: looked at first by the next */
};

struct epoch {
    alignas(64) _Atomic uint64_t now;
    alignas(64) _Atomic unsigned members_count;
    unsigned members_max;
    struct epoch_member **members; /* the store's; entry n is written before members_count is n + 1, once */
};

/* `members` has room for members_max pointers. */
void epoch_init(struct epoch *epoch, struct epoch_member **members, unsigned members_max);

/* Adds a member, off-line. There is room. */
void epoch_join(struct epoch *epoch, struct epoch_member *member);

void epoch_online(struct epoch *epoch, struct epoch_member *member);
void epoch_offline(struct epoch_member *member);

/* Announces a quiescent state of an on-line member. */
static inline void epoch_quiescent(struct epoch *epoch, struct epoch_member *member) {
    /* acquire: step 2 of the argument; loads of the next turn come after it. */
    uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);
    /*
     * release: reads of the last turn come before it. Written only when it changes, so that scans find the
     * line unshared seldom. relaxed: our own store.
     */
    if (atomic_load_explicit(&member->seen, memory_order_relaxed) != now) {
        atomic_store_explicit(&member->seen, now, memory_order_release);
    }
}

/* Moves now one step when everybody on-line has announced it; true when it moved, by us or by another. */
bool epoch_advance(struct epoch *epoch, struct epoch_member *member);

/* How many members there are; their pointers may be read. Any thread. */
static inline unsigned epoch_members_count(const struct epoch *epoch) {
    /* acquire: pairs with epoch_join. */
    return atomic_load_explicit(&epoch->members_count, memory_order_acquire);
}

/* The tag for what this member retires now. */
static inline uint64_t epoch_tag(const struct epoch_member *member) {
    /* relaxed: our own store. */
    return atomic_load_explicit(&member->seen, memory_order_relaxed);
}

static inline uint64_t epoch_now(const struct epoch *epoch) {
    /* acquire: step 2 of the argument, on the side of who frees. */
    return atomic_load_explicit(&epoch->now, memory_order_acquire);
}

#endif
