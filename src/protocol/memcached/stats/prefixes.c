/* SPDX-License-Identifier: MIT
 *
 * prefixes: a table of twice as many slots as prefixes, open addressing, no removal but of
 * all.
 */
#include "prefixes.h"

#include <pthread.h>
#include <stdlib.h>

#include "riposte/store.h"
#include "number.h"

enum {
    SLOTS_COUNT = 2 * PREFIXES_MAX,
    PREFIX_LINE_SIZE_MAX = STORE_KEY_SIZE_MAX + 5 * BYTES_U64_DIGITS_MAX + 64,
};

struct prefix {
    struct prefix_counts counts;
    uint8_t size; /* bytes of text, below STORE_KEY_SIZE_MAX */
    char text[];
};

struct prefixes {
    char delimiter; /* constant */
    pthread_mutex_t lock;
    unsigned count;
    struct prefix **slots; /* SLOTS_COUNT; NULL until the first prefix: most servers never have one */
};

struct prefixes *prefixes_create(char delimiter) {
    struct prefixes *prefixes = calloc(1, sizeof(*prefixes));
    if (prefixes != NULL) {
        prefixes->delimiter = delimiter;
        pthread_mutex_init(&prefixes->lock, NULL);
    }
    return prefixes;
}

void prefixes_destroy(struct prefixes *prefixes) {
    prefixes_reset(prefixes);
    pthread_mutex_destroy(&prefixes->lock);
    free(prefixes);
}

/* FNV-1a: short texts, no adversary to gain anything but a slower `stats detail`. */
static uint32_t prefix_hash(struct bytes text) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    }
    return hash;
}

static struct prefix *prefix_create(struct bytes text) {
    struct prefix *prefix = calloc(1, sizeof(*prefix) + text.size);
    if (prefix != NULL) {
        prefix->size = (uint8_t)text.size;
        memcpy(prefix->text, text.data, text.size);
    }
    return prefix;
}

/* The prefix, made when there is room; NULL otherwise. With the lock held. */
static struct prefix *prefixes_find(struct prefixes *prefixes, struct bytes text) {
    if (prefixes->slots == NULL) {
        prefixes->slots = calloc(SLOTS_COUNT, sizeof(struct prefix *));
        if (prefixes->slots == NULL) {
            return NULL;
        }
    }
    uint32_t slot = prefix_hash(text) % SLOTS_COUNT;
    while (prefixes->slots[slot] != NULL) {
        struct prefix *prefix = prefixes->slots[slot];
        if (bytes_equal(bytes_of(prefix->text, prefix->size), text)) {
            return prefix;
        }
        slot = (slot + 1) % SLOTS_COUNT;
    }
    if (prefixes->count == PREFIXES_MAX) {
        return NULL;
    }
    prefixes->slots[slot] = prefix_create(text);
    prefixes->count += prefixes->slots[slot] != NULL;
    return prefixes->slots[slot];
}

void prefixes_count(struct prefixes *prefixes, struct bytes key, struct prefix_counts counts) {
    const char *delimiter = memchr(key.data, prefixes->delimiter, key.size);
    if (delimiter == NULL) {
        return;
    }
    pthread_mutex_lock(&prefixes->lock);
    struct prefix *prefix = prefixes_find(prefixes, bytes_of(key.data, (size_t)(delimiter - key.data)));
    if (prefix != NULL) {
        prefix->counts.gets += counts.gets;
        prefix->counts.hits += counts.hits;
        prefix->counts.sets += counts.sets;
        prefix->counts.deletes += counts.deletes;
    }
    pthread_mutex_unlock(&prefixes->lock);
}

void prefixes_reset(struct prefixes *prefixes) {
    pthread_mutex_lock(&prefixes->lock);
    for (unsigned i = 0; prefixes->slots != NULL && i < SLOTS_COUNT; i++) {
        free(prefixes->slots[i]);
    }
    free(prefixes->slots);
    prefixes->slots = NULL;
    prefixes->count = 0;
    pthread_mutex_unlock(&prefixes->lock);
}

static char *prefix_number(char *at, const char *label, uint64_t number) {
    size_t size = strlen(label);
    memcpy(at, label, size);
    return number_write(at + size, number);
}

static void prefix_write(const struct prefix *prefix, struct reply *reply) {
    char *line = reply_reserve(reply, PREFIX_LINE_SIZE_MAX);
    memcpy(line, "PREFIX ", 7);
    memcpy(line + 7, prefix->text, prefix->size);
    char *at = line + 7 + prefix->size;
    at = prefix_number(at, " get ", prefix->counts.gets);
    at = prefix_number(at, " hit ", prefix->counts.hits);
    at = prefix_number(at, " set ", prefix->counts.sets);
    at = prefix_number(at, " del ", prefix->counts.deletes);
    memcpy(at, "\r\n", 2);
    reply_commit(reply, (size_t)(at + 2 - line));
}

void prefixes_write(struct prefixes *prefixes, struct reply *reply) {
    pthread_mutex_lock(&prefixes->lock);
    for (unsigned i = 0; prefixes->slots != NULL && i < SLOTS_COUNT; i++) {
        if (prefixes->slots[i] != NULL) {
            prefix_write(prefixes->slots[i], reply);
        }
    }
    pthread_mutex_unlock(&prefixes->lock);
}
