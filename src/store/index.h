/* SPDX-License-Identifier: MIT
 *
 * index: from key to item, for readers without a lock and writers with one bucket's lock.
 *
 * The table grows and shrinks by one home at a time (linear hashing, Litwin, VLDB 1980), in place: addresses for
 * the largest are reserved, so buckets never move. With n homes and 2^l <= n < 2^(l + 1), a key's home is its
 * hash modulo 2^(l + 1), or modulo 2^l where there is no such home yet. Growing splits home n - 2^l into itself
 * and n; shrinking joins the last home to the one it came from. See index_grow.c.
 *
 * Rules
 *  W1. A chain is changed only while its home is LOCKED, by who has looked at the number of homes after taking
 *      the lock and found that it is still the key's home. Only a split and a join take two locks, the lower
 *      home's first; nobody else holds two, and nothing is allocated under one.
 *  W2. An item is complete before its location is set (release); the segment of an item that was taken out is
 *      reused after every worker has passed a quiescent state (segment.h).
 *  W3. A newer item of a key goes into the entry of the older one: the tag stays, the location is exchanged.
 *  W4. An entry moves, within a chain or to another home, only between two changes of the version, the first
 *      making it odd: written before the first move, the second after the last. Overflow buckets are linked
 *      complete and unlinked empty, in the same bracket; they keep their own link and are retired.
 *  W5. A split fills the new home, with both locked, then sets the number of homes (release), then takes from
 *      the old home what has left. A join in the same order: fill, set, take away.
 *
 * Why a reader that takes no lock is right
 *  R1. Memory: what it reaches was linked at some moment since its last quiescent state, so it is not reused
 *      before its next. By W2 and its own acquire loads it sees complete items.
 *  R2. It reads the number of homes, the header of the home, the chain, and, if it has not found the key, the
 *      header and the number again. It believes that the key is absent only if the header is the same, its
 *      version even, and the home still the key's. All entries are read with acquire, and every change of an
 *      entry is a release that comes after the odd version (W4): so a reader that has missed an entry because it
 *      moved sees that version, and looks again. If none moved, the key's entry stood in one place all the time
 *      (W3), and reading every place finds it. If the key went to another home, W5 says that the number of homes
 *      was set before the entry was taken away, so the second look at it sees that.
 *  R3. What it finds was the key's item at the load of the location: an entry that is taken away because it was
 *      moved elsewhere is taken away before the lock is released, and so before anybody could store a newer item.
 *  R4. Versions have 7 bits: a reader that stood still while one chain was changed by a multiple of 64 moves,
 *      and that missed the key because of them, would wrongly find it absent. A miss is all that could come of
 *      it: whoever stores looks again under the lock.
 *  A reader waits only where it has missed in the very chain that is being moved.
 *
 * Why writers are right: all changes of a key happen under one lock at a time, that of its home; the number of
 * homes changes for a key only under the locks of both its homes.
 */
#ifndef RIPOSTE_STORE_INDEX_H
#define RIPOSTE_STORE_INDEX_H

#define XXH_INLINE_ALL
#include <xxhash.h>
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#include <emmintrin.h>
#endif

#include "state.h"

/*
 * bucket: one cache line of the index: ten entries of six bytes.
 *
 *      | header | tag 0 | ... | tag 9 | location 0 | ... | location 9 |
 *        4        2             2       4                  4                 64 bytes
 *
 *      header   0: LOCKED | 1..7: version, odd while entries move | 8..31: next bucket of the chain, or 0
 *      tag      the hash's upper 16 bits
 *      location where the item stands (arena.h); 0: the entry is free, whatever its tag says
 *
 * The first bucket of a chain is the key's home; the others (overflow) come one by one when a home is full.
 * LOCKED and version mean something in a home only. Rules of access stand in index.h.
 */
enum {
    BUCKET_ENTRIES = 10,
    BUCKET_SIZE = 64, /* bytes: the cache line of x86-64 and of arm64 */
    BUCKET_NEXT_SHIFT = 8,
    ENTRY_TAG_SHIFT = 48,
};

#define BUCKET_LOCKED       UINT32_C(1)
#define BUCKET_MOVING       UINT32_C(2) /* the lowest bit of the version */
#define BUCKET_VERSION_MASK UINT32_C(0xfe)
#define BUCKET_OVERFLOW_MAX ((UINT32_C(1) << 24) - 1)

struct bucket {
    alignas(BUCKET_SIZE) _Atomic uint32_t header;
    _Atomic uint16_t tags[BUCKET_ENTRIES];
    _Atomic uint32_t locations[BUCKET_ENTRIES];
};
static_assert(sizeof(struct bucket) == BUCKET_SIZE, "a bucket is one cache line");

static inline uint16_t entry_tag(uint64_t hash) {
    return (uint16_t)(hash >> ENTRY_TAG_SHIFT);
}

/*
 * Which entries carry a tag, as a set of bits. The answer is a hint: whoever follows it loads the location,
 * with acquire, and looks at the key. A key that is there during the whole look, in a place that does not
 * change, must be found, and is: its tag does not change, and each tag is read by one load of the bytes that
 * hold it. Without a branch, so that nothing is mispredicted by where in its bucket a key stands.
 */
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)

static inline uint32_t match_tag(const struct bucket *bucket, uint16_t tag) {
    const __m128i *quarters = (const __m128i *)(const void *)bucket;
    __m128i wanted = _mm_set1_epi16((short)tag);
    __m128i first = _mm_cmpeq_epi16(_mm_load_si128(quarters), wanted);
    __m128i second = _mm_cmpeq_epi16(_mm_load_si128(quarters + 1), wanted);
    /* 16 words of 16 bits: two of the header, ten tags, and what belongs to locations. */
    uint32_t words = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
    return words >> 2 & ((1u << BUCKET_ENTRIES) - 1);
}

#else

/* ThreadSanitizer follows this variant only. */
static inline uint32_t match_tag(const struct bucket *bucket, uint16_t tag) {
    uint32_t matches = 0;
#pragma GCC unroll 10
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
        /* acquire: the look at the header that ends a look-up comes after it (index.h, R2). */
        uint16_t own = atomic_load_explicit(&bucket->tags[i], memory_order_acquire);
        matches |= (uint32_t)(own == tag) << i;
    }
    return matches;
}

#endif

/* Takes the first match out of the set and returns its entry's index. The set is not empty. */
static inline unsigned match_next(uint32_t *set) {
    unsigned i = (unsigned)__builtin_ctz(*set);
    *set &= *set - 1;
    return i;
}

enum {
    INDEX_POWER_MIN = 6,
    INDEX_POWER_MAX = 32,
};

/*
 * 64 bits of a key: XXH3 with a seed that differs in every process and is told to nobody. That keeps lists of
 * colliding keys that were made elsewhere from working here. XXH3 is no keyed hash, though: nobody has shown that
 * a client who measures times cannot find such keys. What a long chain costs is time, not memory: its look-ups
 * walk it. The lower bits choose the home, the upper ones are the entry's tag.
 */
static inline uint64_t index_hash(const struct index *index, struct bytes key) {
    return XXH3_64bits_withSeed(key.data, key.size, index->hash_seed);
}

/* 2^homes_power homes, charged, in the first of the store's tables; addresses for an index of up to limit_max / 2. 0, -ENOMEM. */
int index_init(struct store *store, unsigned homes_power, size_t limit_max, uint64_t hash_seed);

static inline uint64_t index_homes_count(const struct index *index) {
    /* acquire: R2, W5: a home below this number is complete. */
    return atomic_load_explicit(&index->homes_count, memory_order_acquire);
}

static inline uint64_t index_items_count(const struct index *index) {
    /* relaxed: about so many, whoever asks. */
    return atomic_load_explicit(&index->items_count, memory_order_relaxed);
}

/* So many bytes more, or fewer. Below zero the sum is a difference: modulo 2^64. */
static inline void index_note_size(struct index *index, int64_t more) {
    /* relaxed: for the statistics. */
    atomic_fetch_add_explicit(&index->size, (uint64_t)more, memory_order_relaxed);
}

static inline uint64_t index_home_number(uint64_t homes_count, uint64_t hash) {
    uint64_t mask = UINT64_MAX >> __builtin_clzl(homes_count); /* 2^(l + 1) - 1 */
    uint64_t number = hash & mask;
    return number < homes_count ? number : number & mask >> 1;
}

static inline struct bucket *index_home(const struct index *index, uint64_t homes_count, uint64_t hash) {
    return &index->homes[index_home_number(homes_count, hash)];
}

static inline struct bucket *index_next(const struct index *index, uint32_t header) {
    uint32_t number = header >> BUCKET_NEXT_SHIFT;
    return unlikely(number != 0) ? &index->overflow[number] : NULL;
}

static inline uint32_t bucket_header(const struct bucket *bucket) {
    /* acquire: R2, W4. */
    return atomic_load_explicit(&bucket->header, memory_order_acquire);
}

static inline uint32_t entry_location(const struct bucket *bucket, unsigned i) {
    /* acquire: W2, R2. */
    return atomic_load_explicit(&bucket->locations[i], memory_order_acquire);
}

/* Whether a miss may be believed: R2. */
static inline bool index_miss_is_true(const struct index *index, const struct bucket *home, uint32_t header,
                                      uint64_t hash) {
    /* acquire: the compiler keeps the reads of tags above, too; on x86 the machine keeps loads in order. */
    atomic_signal_fence(memory_order_acquire);
    uint32_t now = bucket_header(home);
    return ((header ^ now) & ~BUCKET_LOCKED) == 0 && (now & BUCKET_MOVING) == 0 &&
           index_home(index, index_homes_count(index), hash) == home;
}

/* The item that a look-up has met. */
struct index_found {
    uint32_t location; /* 0: there is none, and the rest means nothing */
    uint32_t shape;    /* of the item: what of it does not change */
    struct item *item;
    const char *key; /* in the item */
};

/* The item in a location that an entry has led to, if it is the key's. */
static inline_always struct index_found index_item_at(const struct store *store, uint32_t location,
                                                      struct bytes key) {
    if (likely(location != 0)) {
        struct item *item = arena_item(&store->arena, location);
        uint32_t shape = item_shape(item); /* loaded once: the compiler leaves no atomic load out */
        const char *own = item->bytes + item_extra_size(shape_marks(shape));
        if (likely((shape & 0xff) == key.size) && likely(item_key_is(own, key))) {
            return (struct index_found){location, shape, item, own};
        }
    }
    return (struct index_found){.location = 0};
}

/* Looks in one chain. */
static inline_always struct index_found index_find_in(const struct store *store, const struct bucket *home,
                                                      uint32_t header, uint64_t hash, struct bytes key) {
    uint16_t tag = entry_tag(hash);
    for (const struct bucket *bucket = home;;) {
        for (uint32_t matches = match_tag(bucket, tag); matches != 0;) {
            struct index_found found =
                index_item_at(store, entry_location(bucket, match_next(&matches)), key);
            if (likely(found.location != 0)) {
                return found;
            }
        }
        bucket = index_next(&store->index, header);
        if (likely(bucket == NULL)) {
            return (struct index_found){.location = 0};
        }
        header = bucket_header(bucket);
    }
}

/*
 * The entry of a key's home that may be the key's, NULL where there is none: whoever looks at the home ahead of time finds the key
 * there with index_find_seen. A home stays a home, or unused, for the life of the index, so the entry may be read any time.
 */
static inline const _Atomic uint32_t *index_see(const struct bucket *home, uint64_t hash) {
    uint32_t matches = match_tag(home, entry_tag(hash));
    return matches != 0 ? &home->locations[match_next(&matches)] : NULL;
}

/* The item that an entry leads to now, if it is the key's: found as in R3. Else location 0, which says nothing. */
static inline_always struct index_found index_find_seen(const struct store *store,
                                                        const _Atomic uint32_t *entry, struct bytes key) {
    uint32_t location = atomic_load_explicit(entry, memory_order_acquire); /* acquire: W2, R2 */
    return index_item_at(store, location, key);
}

/* A key's item, live or not. On-line worker; see R1 for how long it stays valid. */
static inline_always struct index_found index_find_item(const struct store *store, uint64_t hash,
                                                        struct bytes key) {
    const struct index *index = &store->index;
    for (;;) {
        const struct bucket *home = index_home(index, index_homes_count(index), hash);
        uint32_t header = bucket_header(home);
        struct index_found found = index_find_in(store, home, header, hash, key);
        if (found.location != 0 || likely(index_miss_is_true(index, home, header, hash))) {
            return found;
        }
    }
}

/* Its location alone, or 0. */
static inline_always uint32_t index_find(const struct store *store, uint64_t hash, struct bytes key) {
    return index_find_item(store, hash, key).location;
}

/* Whether the index leads to that location: a hint, where others change it. */
bool index_has(const struct index *index, uint64_t hash, uint32_t location);

/* --- locks --- */

/* The slow half of bucket_lock; `header` is what was seen there. */
void bucket_lock_wait(struct store_worker *worker, struct bucket *home, uint32_t header);

static inline void bucket_lock(struct store_worker *worker, struct bucket *home) {
    /* relaxed: a guess, which the exchange confirms. */
    uint32_t header = atomic_load_explicit(&home->header, memory_order_relaxed);
    /* acquire: what the last holder wrote comes before what this one reads. */
    if (unlikely((header & BUCKET_LOCKED) != 0) ||
        unlikely(!atomic_compare_exchange_weak_explicit(&home->header, &header, header | BUCKET_LOCKED,
                                                        memory_order_acquire, memory_order_relaxed))) {
        bucket_lock_wait(worker, home, header);
    }
}

/* relaxed, all three: under the lock. */
static inline uint32_t bucket_header_locked(const struct bucket *bucket) {
    return atomic_load_explicit(&bucket->header, memory_order_relaxed);
}

static inline uint32_t bucket_location_locked(const struct bucket *bucket, unsigned i) {
    return atomic_load_explicit(&bucket->locations[i], memory_order_relaxed);
}

static inline uint16_t bucket_tag_locked(const struct bucket *bucket, unsigned i) {
    return atomic_load_explicit(&bucket->tags[i], memory_order_relaxed);
}

static inline void bucket_unlock(struct bucket *home) {
    uint32_t header = bucket_header_locked(home);
    assert((header & (BUCKET_LOCKED | BUCKET_MOVING)) == BUCKET_LOCKED);
    /* release: the holder's changes come before the next holder's. */
    atomic_store_explicit(&home->header, header & ~BUCKET_LOCKED, memory_order_release);
}

/* --- a key's place, with its home locked --- */

/* BUCKET_ENTRIES when it is full. */
static inline unsigned bucket_first_free(const struct bucket *bucket) {
    unsigned i = 0;
    while (i < BUCKET_ENTRIES && bucket_location_locked(bucket, i) != 0) {
        i++;
    }
    return i;
}

struct place {
    uint64_t hash;              /* of the key */
    struct bucket *home;        /* locked */
    struct item *item;          /* the key's item, or NULL */
    uint32_t location;          /* of the item, or 0 */
    struct bucket *bucket;      /* that holds its entry; NULL exactly when item is */
    unsigned entry;             /* in the bucket */
    struct bucket *free_bucket; /* with the first free entry of the chain, or NULL */
    unsigned free_entry;
    struct bucket *last; /* of the chain */
};

/* The home of a key, locked (W1). */
static inline_always struct bucket *place_lock(struct store_worker *worker, uint64_t hash) {
    const struct index *index = &worker->store->index;
    for (;;) {
        uint64_t homes_count = index_homes_count(index);
        struct bucket *home = index_home(index, homes_count, hash);
        bucket_lock(worker, home);
        uint64_t homes_count_now = index_homes_count(index);
        if (likely(homes_count_now == homes_count) || index_home(index, homes_count_now, hash) == home) {
            return home;
        }
        bucket_unlock(home);
    }
}

static inline void place_found(struct place *place, struct bucket *bucket, unsigned i, struct item *item,
                               uint32_t location) {
    place->item = item;
    place->location = location;
    place->bucket = bucket;
    place->entry = i;
}

/* Looks in one bucket of the chain, for a key or, where the location is not 0, for that. */
static inline_always bool place_look(const struct store *store, struct place *place, struct bucket *bucket,
                                     const struct bytes *key, uint32_t wanted) {
    assert(wanted != 0 || key != NULL);
    for (uint32_t matches = match_tag(bucket, entry_tag(place->hash)); matches != 0;) {
        unsigned i = match_next(&matches);
        uint32_t location = bucket_location_locked(bucket, i);
        struct item *item = arena_item(&store->arena, location);
        if (location != 0 && (wanted != 0 ? location == wanted : item_has_key(item, *key))) {
            place_found(place, bucket, i, item, location);
            return true;
        }
    }
    return false;
}

static inline_always void place_open(struct store_worker *worker, uint64_t hash, const struct bytes *key,
                                     uint32_t wanted, struct place *place) {
    const struct store *store = worker->store;
    struct bucket *bucket = place_lock(worker, hash);
    *place = (struct place){.hash = hash, .home = bucket};
    for (; bucket != NULL; bucket = index_next(&store->index, bucket_header_locked(bucket))) {
        if (place_look(store, place, bucket, key, wanted)) {
            return;
        }
        if (place->free_bucket == NULL) {
            unsigned entry = bucket_first_free(bucket);
            if (entry != BUCKET_ENTRIES) {
                place->free_bucket = bucket;
                place->free_entry = entry;
            }
        }
        place->last = bucket;
    }
}

/* Locks and looks for a key. The item may be dead. */
static inline_always void place_open_key(struct store_worker *worker, uint64_t hash, struct bytes key,
                                         struct place *place) {
    place_open(worker, hash, &key, 0, place);
}

/* Locks and looks for the entry of an item in a given place. */
void place_open_location(struct store_worker *worker, uint64_t hash, uint32_t location, struct place *place);

static inline void place_close(struct place *place) {
    bucket_unlock(place->home);
}

/* place_set where there was no item. */
void place_set_new(struct store_worker *worker, const struct place *place, uint32_t location);

/*
 * Makes the item in `location`, which is complete, that of the place: in the entry of place->item, or in a free
 * one. Needs index_supply where place->item is NULL. Counts nothing.
 */
static inline_always void place_set(struct store_worker *worker, const struct place *place,
                                    uint32_t location) {
    if (likely(place->item != NULL)) {
        /* release: W2; the tag stays (W3). */
        atomic_store_explicit(&place->bucket->locations[place->entry], location, memory_order_release);
        return;
    }
    place_set_new(worker, place, location);
}

/* Takes the entry of place->item out; the place has no item then. Counts nothing. */
void place_clear(struct store_worker *worker, struct place *place);

/* The slow half of index_supply. */
bool index_supply_more(struct store_worker *worker, unsigned count);

/* Makes sure of so many spare overflow buckets; false where there is no memory. */
static inline bool index_supply(struct store_worker *worker, unsigned count) {
    return likely(worker->buckets_spare_count >= count) || index_supply_more(worker, count);
}

/* Frees overflow buckets that were retired in this epoch or before. */
void index_free_due(struct store_worker *worker, uint64_t epoch_max);

/* The worker leaves: hands those that wait to the store, or takes over what others have left. Under store->lock. */
void index_orphan_buckets(struct store_worker *worker);
void index_adopt_buckets(struct store_worker *worker);

/* The worker leaves: gives its spare buckets back. */
void index_leave(struct store_worker *worker);

/* --- chains --- */

/* Around moves of entries, under the lock. */
void bucket_move_begin(struct bucket *home);
void bucket_move_end(struct bucket *home);

/* Puts an entry into a chain that is known to have no such key. Under the lock. */
void chain_put(struct store_worker *worker, struct bucket *home, uint16_t tag, uint32_t location);

/*
 * Takes an entry out; where the chain has overflow, the last entry of the chain takes its place, so that no
 * chain is longer than it must be. Under the lock; `moving` when the caller has begun to move.
 */
void chain_remove(struct store_worker *worker, struct bucket *home, struct bucket *bucket, unsigned entry,
                  bool moving);

/* index_check.c: the whole-structure checker, for tests and assert_slow. Only while no other worker writes. */
bool index_check(struct store *store);

#endif
