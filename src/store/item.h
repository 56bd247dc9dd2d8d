/* SPDX-License-Identifier: MIT
 *
 * item: one key with its value, in one block.
 *
 *      0      4              8          16     20           24         25      26
 *      | pins | expires_tick | sequence | used | value_size | key_size | marks | key ...
 *
 *      ... key | client flags (4)? | CAS (8)? | value | \r\n |
 *
 * Who writes what, and when:
 *  - pins, expires_tick, used and the marks FETCHED and WON change while the item is in the index; the rest
 *    is written before the item is published and never after.
 *  - pins: store_pin by a worker that may still read the item, store_unpin by any thread.
 *  - expires_tick: only under the lock of the key's bucket; read by anyone.
 *  - used, FETCHED, WON: by any reader, without a lock.
 *
 * Client flags and an explicit CAS number have room only in the items that need it. They stand before the
 * value and not behind it, so that a look-up reads one run of bytes from the header on, however large the
 * value.
 */
#ifndef RIPOSTE_STORE_ITEM_H
#define RIPOSTE_STORE_ITEM_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "memory.h"
#include "riposte/bytes.h"
#include "riposte/check.h"
#include "riposte/store.h"

enum item_mark {
    ITEM_FETCHED = 1,    /* a look-up has met it since it was stored */
    ITEM_STALE = 2,      /* stored or kept as out of date */
    ITEM_WON = 4,        /* somebody was told to recompute the value */
    ITEM_KEY_BINARY = 8, /* the client wrote the key in base64 */
    ITEM_HAS_FLAGS = 16, /* client flags follow the key; without them they are 0 */
    ITEM_HAS_CAS = 32,   /* an explicit CAS number follows; without it the CAS is the sequence number */
};

enum {
    ITEM_FLAGS_SIZE = 4,     /* bytes of client flags in the block */
    ITEM_CAS_SIZE = 8,       /* bytes of an explicit CAS */
    ITEM_LINE_END_SIZE = 2,  /* "\r\n" behind the value */
    ITEM_USED_PER_TICK = 16, /* `used` counts sixteenths of a second: see evict.h */
};

struct item {
    _Atomic uint32_t pins;         /* replies that still send from this block */
    _Atomic uint32_t expires_tick; /* STORE_EXPIRES_NEVER or the tick at which it is gone */
    uint64_t sequence;             /* place in the order of storing, from 1; 0 until stored */
    _Atomic uint32_t used;         /* moment of the last use, modulo 2^32 sixteenths of a second */
    uint32_t value_size;           /* bytes, "\r\n" not counted */
    uint8_t key_size;              /* bytes, 1 to STORE_KEY_SIZE_MAX */
    _Atomic uint8_t marks;         /* enum item_mark */
    char bytes[];                  /* key, client flags, CAS, value, "\r\n": see above */
};

enum { ITEM_HEADER_SIZE = offsetof(struct item, bytes) };
static_assert(ITEM_HEADER_SIZE == 26, "the header is packed without holes");

/* What an item is made from. */
struct item_shape {
    struct bytes key;      /* copied */
    size_t value_size;     /* bytes */
    uint32_t client_flags; /* room is made when not 0 */
    uint32_t expires_tick;
    bool key_is_binary;
    bool has_cas; /* make room for an explicit CAS */
};

/* Bytes of the whole block. */
size_t item_size_of(size_t key_size, size_t value_size, bool has_flags, bool has_cas);

/* Writes everything but the value, the CAS and what storing fills in. `block` has item_size_of bytes. */
struct item *item_init(void *block, const struct item_shape *shape);

/* The item has room for it (has_cas). */
void item_set_cas(struct item *item, uint64_t cas);

static inline unsigned item_marks(const struct item *item) {
    /* relaxed: the marks that change order nothing, the others were published with the item. */
    return atomic_load_explicit(&item->marks, memory_order_relaxed);
}

static inline bool item_has(const struct item *item, enum item_mark mark) {
    return (item_marks(item) & (unsigned)mark) != 0;
}

static inline struct bytes item_key(const struct item *item) {
    return bytes_of(item->bytes, item->key_size);
}

/* Bytes of client flags and CAS in front of the value. */
static inline size_t item_extra_size(unsigned marks) {
    return ((marks & ITEM_HAS_FLAGS) != 0 ? ITEM_FLAGS_SIZE : 0u) +
           ((marks & ITEM_HAS_CAS) != 0 ? ITEM_CAS_SIZE : 0u);
}

static inline char *item_value(struct item *item) {
    return item->bytes + item->key_size + item_extra_size(item_marks(item));
}

static inline size_t item_size(const struct item *item) {
    return ITEM_HEADER_SIZE + item->key_size + item_extra_size(item_marks(item)) + item->value_size +
           ITEM_LINE_END_SIZE;
}

/* Bytes that the item is charged with against the store's limit. */
static inline size_t item_charge(const struct item *item) {
    return memory_charge_of(item_size(item));
}

static inline uint32_t item_expires(const struct item *item) {
    /* relaxed: a tick orders nothing. */
    return atomic_load_explicit(&item->expires_tick, memory_order_relaxed);
}

/* Eight bytes from anywhere; the compiler makes it one load. */
static inline uint64_t item_load_u64(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* The CAS number; 0 until stored. */
static inline uint64_t item_cas(const struct item *item) {
    unsigned marks = item_marks(item);
    if (likely((marks & ITEM_HAS_CAS) == 0)) {
        return item->sequence;
    }
    return item_load_u64(item->bytes + item->key_size +
                         ((marks & ITEM_HAS_FLAGS) != 0 ? ITEM_FLAGS_SIZE : 0));
}

static inline uint32_t item_client_flags(const struct item *item) {
    uint32_t client_flags = 0;
    if (item_has(item, ITEM_HAS_FLAGS)) {
        memcpy(&client_flags, item->bytes + item->key_size, ITEM_FLAGS_SIZE);
    }
    return client_flags;
}

/*
 * Whether `key` is the item's: whole words and one that overlaps, because the call of memcmp would cost
 * more than the comparison.
 */
static inline bool item_has_key(const struct item *item, struct bytes key) {
    if (item->key_size != key.size) {
        return false;
    }
    if (unlikely(key.size < sizeof(uint64_t))) {
        return memcmp(item->bytes, key.data, key.size) == 0;
    }
    size_t last = key.size - sizeof(uint64_t);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        if (item_load_u64(item->bytes + at) != item_load_u64(key.data + at)) {
            return false;
        }
    }
    return item_load_u64(item->bytes + last) == item_load_u64(key.data + last);
}

#endif
