/* SPDX-License-Identifier: MIT
 *
 * Flushes of prefixes against sets, look-ups, eviction and one another.
 *
 * Checked: what was stored, and answered, before a flush was asked for is never seen after the flush was answered, by
 * no thread; what is stored after it is there, unless another flush has begun; nothing is torn. The second part does
 * the same in a store that evicts and moves items all the time, without asking that they are there.
 */
#include "torture.h"

enum {
    GROUPS = 8, /* prefixes "key-1" to "key-8": of keys whose number begins with that digit */
    KEYS_OF_GROUP = 40,
    ROUNDS = 30000,
    FILLER_KEYS = 20000, /* from key-90000 on */
};

struct group {
    _Atomic uint64_t begun; /* flushes */
    _Atomic uint64_t ended;
    _Atomic uint64_t version; /* what has a lower one is gone */
};

struct flushes {
    struct group groups[GROUPS];
    _Atomic uint64_t version;                  /* the next to be stored */
    _Atomic uint64_t storing[TORTURE_THREADS]; /* no version below is on its way by this thread */
    bool is_full;
};

static uint64_t key_number(unsigned group, uint64_t key) {
    return (group + 1) * 1000 + key;
}

static enum store_status put(struct torture_thread *thread, uint64_t number, uint64_t version) {
    uint64_t kind = random_below(&thread->random, 8);
    const struct put_options options = {
        .mode = PUT_SET, .cas_new = kind == 0 ? 1 + random_below(&thread->random, 1 << 20) : 0};
    uint32_t expires_tick = kind == 1 ? 1000000 : STORE_EXPIRES_NEVER;
    return torture_put(thread, number, version, expires_tick, &options, NULL);
}

static void store_one(struct torture_thread *thread, struct flushes *flushes) {
    unsigned group = (unsigned)random_below(&thread->random, GROUPS);
    uint64_t number = key_number(group, thread->index * 10 + random_below(&thread->random, 10));
    struct torture_key key;
    struct item_view view;
    atomic_store(&flushes->storing[thread->index], atomic_load(&flushes->version));
    uint64_t version = atomic_fetch_add(&flushes->version, 1);
    uint64_t ended = atomic_load(&flushes->groups[group].ended);
    bool is_quiet = atomic_load(&flushes->groups[group].begun) == ended;
    torture_check(put(thread, number, version) == STORE_OK, "no room");
    if (random_below(&thread->random, 4) == 0) {
        store_touch(thread->worker, torture_key(&key, number), 2000000);
    }
    bool found = store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK;
    if (found) {
        torture_check(torture_read(view.value, number) == version, "another's value");
    } else if (is_quiet && !flushes->is_full) {
        torture_check(atomic_load(&flushes->groups[group].begun) != ended,
                      "version %" PRIu64 " of key %" PRIu64 " is gone, and nobody has flushed", version,
                      number);
    }
    atomic_store(&flushes->storing[thread->index], UINT64_MAX);
}

static void look(struct torture_thread *thread, struct flushes *flushes) {
    unsigned group = (unsigned)random_below(&thread->random, GROUPS);
    uint64_t number = key_number(group, random_below(&thread->random, KEYS_OF_GROUP));
    struct torture_key key;
    struct item_view view;
    uint64_t least = atomic_load(&flushes->groups[group].version);
    if (store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK) {
        uint64_t version = torture_read(view.value, number);
        torture_check(version >= least,
                      "version %" PRIu64 " of key %" PRIu64 ", all below %" PRIu64 " is flushed", version,
                      number, least);
    }
}

static void version_raise(struct group *group, uint64_t version) {
    uint64_t present = atomic_load(&group->version);
    while (version > present && !atomic_compare_exchange_weak(&group->version, &present, version)) {
        continue;
    }
}

static void flush(struct torture_thread *thread, struct flushes *flushes) {
    unsigned first = (unsigned)random_below(&thread->random, GROUPS), count = 1;
    char prefix[8];
    uint64_t least = atomic_load(&flushes->version);
    for (unsigned i = 0; i < TORTURE_THREADS; i++) {
        uint64_t storing = atomic_load(&flushes->storing[i]);
        least = storing < least ? storing : least;
    }
    int size = snprintf(prefix, sizeof(prefix), "key-%u", first + 1);
    if (random_below(&thread->random, flushes->is_full ? 512 : 64) == 0) {
        first = 0;
        count = GROUPS;
        size = 4;
    }
    for (unsigned i = first; i < first + count; i++) {
        atomic_fetch_add(&flushes->groups[i].begun, 1);
    }
    torture_check(store_flush_prefix(thread->worker, bytes_of(prefix, (size_t)size)) == STORE_FLUSHED,
                  "not flushed");
    for (unsigned i = first; i < first + count; i++) {
        version_raise(&flushes->groups[i], least);
        atomic_fetch_add(&flushes->groups[i].ended, 1);
    }
}

static void run(struct torture_thread *thread) {
    struct flushes *flushes = thread->torture->shared;
    for (unsigned i = 0; i < ROUNDS * thread->torture->scale; i++) {
        uint64_t choice = random_below(&thread->random, 64);
        if (choice == 0) {
            flush(thread, flushes);
        } else if (choice < 24) {
            store_one(thread, flushes);
        } else if (flushes->is_full && choice < 40) {
            put(thread, 90000 + random_below(&thread->random, FILLER_KEYS), 1);
        } else {
            look(thread, flushes);
        }
        torture_pause(thread);
    }
}

static void part(int argument_count, char **arguments, const char *name, size_t memory_size_max,
                 bool is_full) {
    struct torture torture;
    static struct flushes flushes;
    void (*const runs[])(struct torture_thread *) = {run};
    flushes = (struct flushes){.is_full = is_full};
    for (unsigned i = 0; i < TORTURE_THREADS; i++) {
        atomic_init(&flushes.storing[i], UINT64_MAX);
    }
    torture_open(&torture, argument_count, arguments, memory_size_max, true);
    torture.shared = &flushes;
    torture_run(&torture, runs, 1);
    torture_close(&torture, name);
}

int main(int argument_count, char **arguments) {
    part(argument_count, arguments, "flushes", 64 * 1024 * 1024, false);
    part(argument_count, arguments, "flushes, full", 768 * 1024, true);
    return 0;
}
