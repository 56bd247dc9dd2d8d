/* SPDX-License-Identifier: MIT
 *
 * item: one key with its value, as it stands in the log.
 *
 *      0      4       8
 *      | used | shape | expiry (4)? | value size (4)? | client flags (4)? | CAS (8)? | key | value | \r\n |
 *
 *      used    0..1: frequency | 2: FETCHED | 3..31: tick of the last use
 *      shape   0..7: key size | 8..17: marks | 18..31: value size, where it is below 16 KiB
 *
 * What most items do not have takes no room in them: the marks tell what is there. An item begins on a step of
 * the arena (4 bytes or more), so both words and the expiry are aligned.
 *
 * Who writes what, and when:
 *  - used: by any reader, with a plain store. Two readers may lose one another's use: it is a hint.
 *  - expiry, and the marks WON and SHOWN: under the lock of the key's home only; read by anyone.
 *  - the rest is written before the item is published and never after.
 */
#ifndef RIPOSTE_STORE_ITEM_H
#define RIPOSTE_STORE_ITEM_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "riposte/bytes.h"
#include "riposte/check.h"
#include "riposte/store.h"

enum item_mark {
    ITEM_HAS_EXPIRY = 1,  /* the four marks of what follows the header come first: see item_extra_size */
    ITEM_HAS_SIZE = 2,    /* the value's size has a word of its own */
    ITEM_HAS_FLAGS = 4,   /* without them the client flags are 0 */
    ITEM_HAS_CAS = 8,     /* without it the number is that of the item's place */
    ITEM_KEY_BINARY = 16, /* the client wrote the key in base64 */
    ITEM_STALE = 32,      /* stored or kept as out of date */
    ITEM_WON = 64,        /* somebody was told to recompute the value */
    ITEM_KEPT = 128,      /* not stored yet, and its segment is pinned for it */
    ITEM_DRAWN = 256,     /* its own CAS comes from the store's sequence, no client has chosen it */
    ITEM_SHOWN = 512,     /* a client may have been told its number: a copy keeps it */
};

enum {
    ITEM_LINE_END_SIZE = 2, /* "\r\n" behind the value */
    ITEM_MARKS_SHIFT = 8,
    ITEM_MARKS_MASK = 0x3ff,
    ITEM_SIZE_SHIFT = 18,
    ITEM_SIZE_SHORT_MAX = 0x3fff, /* largest value size that stands in the shape */
    ITEM_FREQUENCY_MAX = 3,
    ITEM_FETCHED = 4,
    ITEM_TICK_SHIFT = 3,
};

struct item {
    _Atomic uint32_t used;
    _Atomic uint32_t shape;
    char bytes[];
};

enum { ITEM_HEADER_SIZE = offsetof(struct item, bytes) };
static_assert(ITEM_HEADER_SIZE == 8, "two words");

/* What an item is made from. */
struct item_form {
    struct bytes key;      /* copied */
    size_t value_size;     /* bytes */
    uint32_t client_flags; /* room is made when not 0 */
    uint32_t expires_tick; /* room is made when not STORE_EXPIRES_NEVER */
    bool has_expiry;       /* room is made for one that may still come */
    bool key_is_binary;
    uint64_t cas;      /* 0: none of its own */
    bool cas_is_drawn; /* it comes from the store's sequence */
};

static inline_always unsigned item_form_marks(const struct item_form *form) {
    return (form->has_expiry || form->expires_tick != STORE_EXPIRES_NEVER ? ITEM_HAS_EXPIRY : 0u) |
           (form->value_size > ITEM_SIZE_SHORT_MAX ? ITEM_HAS_SIZE : 0u) |
           (form->client_flags != 0 ? ITEM_HAS_FLAGS : 0u) | (form->cas != 0 ? ITEM_HAS_CAS : 0u) |
           (form->key_is_binary ? ITEM_KEY_BINARY : 0u) | (form->cas_is_drawn ? ITEM_DRAWN : 0u);
}

/* Bytes between header and key: four for each of the first three marks, eight for the fourth. */
static inline size_t item_extra_size(unsigned marks) {
    /* A table, since every look-up asks: one load instead of a chain of shifts. */
    static const uint8_t sizes[] = {0, 4, 4, 8, 4, 8, 8, 12, 8, 12, 12, 16, 12, 16, 16, 20};
    return sizes[marks & 15];
}
static_assert((ITEM_HAS_EXPIRY | ITEM_HAS_SIZE | ITEM_HAS_FLAGS) == 7 && ITEM_HAS_CAS == 8,
              "the table's index");

/* Bytes of the whole item, before it is rounded up to a step. */
static inline_always size_t item_form_size(const struct item_form *form) {
    return ITEM_HEADER_SIZE + item_extra_size(item_form_marks(form)) + form->key.size + form->value_size +
           ITEM_LINE_END_SIZE;
}

/* Where the value of an item of this form stands. */
static inline_always char *item_form_value(struct item *item, const struct item_form *form) {
    return item->bytes + item_extra_size(item_form_marks(form)) + form->key.size;
}

static inline uint32_t item_shape(const struct item *item) {
    /* relaxed: what does not change was published with the item, and WON orders nothing. */
    return atomic_load_explicit(&item->shape, memory_order_relaxed);
}

static inline unsigned shape_marks(uint32_t shape) {
    return shape >> ITEM_MARKS_SHIFT & ITEM_MARKS_MASK;
}

static inline bool item_has(const struct item *item, enum item_mark mark) {
    return (item_shape(item) >> ITEM_MARKS_SHIFT & mark) != 0;
}

static inline unsigned item_marks(const struct item *item) {
    return shape_marks(item_shape(item));
}

/* The key's owner under the lock of its home, or before the item is published. */
static inline void item_set_mark(struct item *item, enum item_mark mark, bool on) {
    uint32_t bit = (uint32_t)mark << ITEM_MARKS_SHIFT;
    uint32_t shape = item_shape(item);
    /* relaxed: other writers come after the lock, and a reader takes either value. */
    atomic_store_explicit(&item->shape, on ? shape | bit : shape & ~bit, memory_order_relaxed);
}

static inline struct bytes item_key(const struct item *item) {
    uint32_t shape = item_shape(item);
    return bytes_of(item->bytes + item_extra_size(shape_marks(shape)), shape & 0xff);
}

static inline uint32_t item_load_u32(const char *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Eight bytes from anywhere; the compiler makes it one load. */
static inline uint64_t item_load_u64(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* `shape` is the item's, loaded before: an atomic load is never left out. */
static inline size_t item_value_size_of(const struct item *item, uint32_t shape) {
    unsigned marks = shape_marks(shape);
    if (likely((marks & ITEM_HAS_SIZE) == 0)) {
        return shape >> ITEM_SIZE_SHIFT;
    }
    return item_load_u32(item->bytes + item_extra_size(marks & ITEM_HAS_EXPIRY));
}

static inline size_t item_value_size(const struct item *item) {
    return item_value_size_of(item, item_shape(item));
}

static inline char *item_value(struct item *item) {
    uint32_t shape = item_shape(item);
    return item->bytes + item_extra_size(shape_marks(shape)) + (shape & 0xff);
}

/* Bytes of the whole item, before it is rounded up to a step. */
static inline size_t item_size(const struct item *item) {
    uint32_t shape = item_shape(item);
    return ITEM_HEADER_SIZE + item_extra_size(shape_marks(shape)) + (shape & 0xff) +
           item_value_size_of(item, shape) + ITEM_LINE_END_SIZE;
}

static inline _Atomic uint32_t *item_expiry(const struct item *item) {
    return (_Atomic uint32_t *)(void *)item->bytes;
}

static inline uint32_t item_expires(const struct item *item) {
    if (likely(!item_has(item, ITEM_HAS_EXPIRY))) {
        return STORE_EXPIRES_NEVER;
    }
    /* relaxed: a tick orders nothing. */
    return atomic_load_explicit(item_expiry(item), memory_order_relaxed);
}

/* The item has room for it. As item_set_mark. */
static inline void item_set_expires(struct item *item, uint32_t expires_tick) {
    assert(item_has(item, ITEM_HAS_EXPIRY));
    /* relaxed: as item_expires. */
    atomic_store_explicit(item_expiry(item), expires_tick, memory_order_relaxed);
}

static inline uint32_t item_client_flags(const struct item *item) {
    unsigned marks = item_marks(item);
    if (likely((marks & ITEM_HAS_FLAGS) == 0)) {
        return 0;
    }
    return item_load_u32(item->bytes + item_extra_size(marks & (ITEM_HAS_EXPIRY | ITEM_HAS_SIZE)));
}

/* Its number of its own, or 0. */
static inline uint64_t item_own_cas(const struct item *item) {
    unsigned marks = item_marks(item);
    if (likely((marks & ITEM_HAS_CAS) == 0)) {
        return 0;
    }
    return item_load_u64(item->bytes + item_extra_size(marks) - sizeof(uint64_t));
}

/* Whether the number that clients know it by tells when it was stored. */
static inline bool item_number_is_drawn(const struct item *item) {
    return (item_marks(item) & (ITEM_HAS_CAS | ITEM_DRAWN)) != ITEM_HAS_CAS;
}

/* The item has room for it and is not published. */
static inline void item_set_own_cas(struct item *item, uint64_t cas) {
    assert(item_has(item, ITEM_HAS_CAS));
    memcpy(item->bytes + item_extra_size(item_marks(item)) - sizeof(cas), &cas, sizeof(cas));
}

/* Writes everything but the value. `block` has item_form_size bytes and begins on a step. */
static inline_always struct item *item_init(void *block, const struct item_form *form) {
    assert(form->key.size - 1 < STORE_KEY_SIZE_MAX && form->value_size < UINT32_MAX);
    struct item *item = block;
    unsigned marks = item_form_marks(form);
    uint32_t size_short = (marks & ITEM_HAS_SIZE) != 0 ? 0 : (uint32_t)form->value_size;
    char *at = item->bytes;
    atomic_init(&item->used, 0);
    atomic_init(&item->shape,
                (uint32_t)form->key.size | marks << ITEM_MARKS_SHIFT | size_short << ITEM_SIZE_SHIFT);
    if ((marks & ITEM_HAS_EXPIRY) != 0) {
        atomic_init(item_expiry(item), form->expires_tick);
        at += sizeof(uint32_t);
    }
    if (unlikely((marks & ITEM_HAS_SIZE) != 0)) {
        uint32_t size = (uint32_t)form->value_size;
        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
    }
    if ((marks & ITEM_HAS_FLAGS) != 0) {
        memcpy(at, &form->client_flags, sizeof(form->client_flags));
        at += sizeof(form->client_flags);
    }
    if (unlikely((marks & ITEM_HAS_CAS) != 0)) {
        memcpy(at, &form->cas, sizeof(form->cas));
        at += sizeof(form->cas);
    }
    at = bytes_copy(at, form->key);
    memcpy(at + form->value_size, "\r\n", ITEM_LINE_END_SIZE);
    return item;
}

/* The form of an item like `item`. */
static inline struct item_form item_form_of(const struct item *item) {
    return (struct item_form){.key = item_key(item),
                              .value_size = item_value_size(item),
                              .client_flags = item_client_flags(item),
                              .expires_tick = item_expires(item),
                              .has_expiry = item_has(item, ITEM_HAS_EXPIRY),
                              .key_is_binary = item_has(item, ITEM_KEY_BINARY),
                              .cas = item_own_cas(item),
                              .cas_is_drawn = item_has(item, ITEM_DRAWN)};
}

static inline bool item_has_short_key(const char *own, struct bytes key) {
    size_t at = 0;
    while (at < key.size && own[at] == key.data[at]) {
        at++;
    }
    return at == key.size;
}

/*
 * Whether `key` stands at `own`: whole words and one that overlaps, because the call of memcmp would cost more than
 * the comparison.
 */
static inline bool item_key_is(const char *own, struct bytes key) {
    if (unlikely(key.size < sizeof(uint64_t))) {
        return item_has_short_key(own, key);
    }
    size_t last = key.size - sizeof(uint64_t);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        if (item_load_u64(own + at) != item_load_u64(key.data + at)) {
            return false;
        }
    }
    return item_load_u64(own + last) == item_load_u64(key.data + last);
}

static inline bool item_has_key(const struct item *item, struct bytes key) {
    struct bytes own = item_key(item);
    return own.size == key.size && item_key_is(own.data, key);
}

/* --- use --- */

static inline uint32_t item_used(const struct item *item) {
    /* relaxed: a hint. */
    return atomic_load_explicit(&item->used, memory_order_relaxed);
}

static inline unsigned used_frequency(uint32_t used) {
    return used & ITEM_FREQUENCY_MAX;
}

static inline void item_set_used(struct item *item, uint32_t used) {
    /* relaxed: as item_used. */
    atomic_store_explicit(&item->used, used, memory_order_relaxed);
}

/*
 * Counts a use at `tick`; `fetched` is ITEM_FETCHED for a read, or 0. Writes only what changes: of a hot item nothing,
 * once in a second excepted.
 */
static inline void item_use(struct item *item, uint32_t tick, uint32_t fetched) {
    uint32_t used = item_used(item);
    unsigned frequency = used_frequency(used);
    uint32_t now = tick << ITEM_TICK_SHIFT | (used & ITEM_FETCHED) | fetched |
                   (frequency < ITEM_FREQUENCY_MAX ? frequency + 1 : ITEM_FREQUENCY_MAX);
    if (unlikely(used != now)) {
        item_set_used(item, now);
    }
}

#endif
