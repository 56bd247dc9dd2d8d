/* SPDX-License-Identifier: MIT
 *
 * watch: keeps the list of watchers and writes into their rings.
 */
#include "watch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "riposte/clock.h"

enum {
    RING_SIZE = WATCH_WAITING_SIZE_MAX, /* a power of two */
    HEAD_SIZE_MAX = 64,                 /* "ts=<s>.<us> gid=<n> " */
    SKIPPED_SIZE_MAX = 32,              /* "skipped=<n>\n" */
};

/* Invariant: tail - head <= RING_SIZE; both only grow. */
struct watcher {
    unsigned kinds;         /* constant */
    int fd;                 /* constant */
    uint64_t skipped_count; /* lines lost since the last that fitted; under the lock */
    _Atomic uint64_t tail;  /* bytes ever put in; written under the lock */
    _Atomic uint64_t head;  /* bytes ever taken out; written by the watcher's worker */
    char ring[RING_SIZE];
};

void watch_init(struct watch *watch, _Atomic unsigned *observed) {
    *watch = (struct watch){.observed = observed};
    pthread_mutex_init(&watch->lock, NULL);
}

void watch_deinit(struct watch *watch) {
    assert(watch->count == 0);
    pthread_mutex_destroy(&watch->lock);
}

/* --- who watches ---------------------------------------------------------------------------------------- */

/* Under the lock. */
static void watch_sum_kinds(struct watch *watch) {
    unsigned kinds = 0;
    for (unsigned i = 0; i < watch->count; i++) {
        kinds |= watch->watchers[i]->kinds;
    }
    /* relaxed: a few lines more or less at the edges do not matter; the list itself is read under the lock. */
    atomic_fetch_and_explicit(watch->observed, ~(unsigned)WATCH_ALL | kinds, memory_order_relaxed);
    atomic_fetch_or_explicit(watch->observed, kinds, memory_order_relaxed);
}

enum watch_outcome watch_restore(struct watch *watch, unsigned kinds, int fd, struct bytes lines,
                                 uint64_t skipped_count, struct watcher **watcher) {
    assert(lines.size <= RING_SIZE);
    struct watcher *added = malloc(sizeof(*added));
    if (added == NULL) {
        return WATCH_NO_MEMORY;
    }
    added->kinds = kinds;
    added->fd = fd;
    added->skipped_count = skipped_count;
    bytes_copy(added->ring, lines);
    atomic_init(&added->tail, lines.size);
    atomic_init(&added->head, 0);
    pthread_mutex_lock(&watch->lock);
    bool room = watch->count < WATCHERS_MAX;
    if (room) {
        watch->watchers[watch->count++] = added;
        watch_sum_kinds(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    if (!room) {
        free(added);
        return WATCH_TOO_MANY;
    }
    *watcher = added;
    return WATCH_ADDED;
}

enum watch_outcome watch_add(struct watch *watch, unsigned kinds, int fd, struct watcher **watcher) {
    return watch_restore(watch, kinds, fd, bytes_of(NULL, 0), 0, watcher);
}

unsigned watcher_kinds(const struct watcher *watcher) {
    return watcher->kinds;
}

uint64_t watcher_skipped_count(struct watch *watch, const struct watcher *watcher) {
    pthread_mutex_lock(&watch->lock);
    uint64_t count = watcher->skipped_count;
    pthread_mutex_unlock(&watch->lock);
    return count;
}

void watch_remove(struct watch *watch, struct watcher *watcher) {
    pthread_mutex_lock(&watch->lock);
    unsigned i = 0;
    while (watch->watchers[i] != watcher) {
        i++;
        assert(i < watch->count);
    }
    watch->watchers[i] = watch->watchers[--watch->count];
    watch_sum_kinds(watch);
    pthread_mutex_unlock(&watch->lock);
    free(watcher);
}

unsigned watch_count(struct watch *watch) {
    pthread_mutex_lock(&watch->lock);
    unsigned count = watch->count;
    pthread_mutex_unlock(&watch->lock);
    return count;
}

bool watch_has(struct watch *watch, int fd) {
    bool found = false;
    pthread_mutex_lock(&watch->lock);
    for (unsigned i = 0; i < watch->count; i++) {
        found |= watch->watchers[i]->fd == fd;
    }
    pthread_mutex_unlock(&watch->lock);
    return found;
}

/* --- putting in: under the lock ------------------------------------------------------------------------- */

static size_t watcher_room(struct watcher *watcher) {
    uint64_t tail = atomic_load_explicit(&watcher->tail, memory_order_relaxed); /* ours */
    /* acquire: the bytes below head have been read before they are written over. */
    return RING_SIZE - (size_t)(tail - atomic_load_explicit(&watcher->head, memory_order_acquire));
}

/* There is room. Not visible to the watcher before its tail is stored. Returns the new tail. */
static uint64_t watcher_write(struct watcher *watcher, uint64_t tail, struct bytes bytes) {
    size_t at = (size_t)(tail % RING_SIZE);
    size_t first = bytes.size < RING_SIZE - at ? bytes.size : RING_SIZE - at;
    memcpy(watcher->ring + at, bytes.data, first);
    memcpy(watcher->ring, bytes.data + first, bytes.size - first);
    return tail + bytes.size;
}

static bool watcher_put(struct watcher *watcher, struct bytes head, struct bytes line) {
    char text[SKIPPED_SIZE_MAX];
    int skipped_size = 0;
    if (watcher->skipped_count > 0) {
        skipped_size = snprintf(text, sizeof(text), "skipped=%" PRIu64 "\n", watcher->skipped_count);
    }
    if (watcher_room(watcher) < (size_t)skipped_size + head.size + line.size + 1) {
        watcher->skipped_count++;
        return false;
    }
    uint64_t tail = atomic_load_explicit(&watcher->tail, memory_order_relaxed); /* ours */
    tail = watcher_write(watcher, tail, bytes_of(text, (size_t)skipped_size));
    tail = watcher_write(watcher, tail, head);
    tail = watcher_write(watcher, tail, line);
    tail = watcher_write(watcher, tail, bytes_of("\n", 1));
    watcher->skipped_count = 0;
    /* release: whoever sees the new tail sees the bytes below it. */
    atomic_store_explicit(&watcher->tail, tail, memory_order_release);
    return true;
}

struct watch_fate watch_publish(struct watch *watch, enum watch_kind kind, struct bytes line) {
    struct watch_fate fate = {.sent_count = 0};
    char text[HEAD_SIZE_MAX];
    assert(line.size <= WATCH_LINE_SIZE_MAX);
    pthread_mutex_lock(&watch->lock);
    uint64_t now_us = clock_real_ns() / CLOCK_NS_PER_US;
    int size = snprintf(text, sizeof(text), "ts=%" PRIu64 ".%06" PRIu64 " gid=%" PRIu64 " ", now_us / 1000000,
                        now_us % 1000000, ++watch->last_number);
    for (unsigned i = 0; i < watch->count; i++) {
        if ((watch->watchers[i]->kinds & (unsigned)kind) != 0) {
            bool put = watcher_put(watch->watchers[i], bytes_of(text, (size_t)size), line);
            fate.sent_count += put;
            fate.skipped_count += !put;
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return fate;
}

uint64_t watch_last_number(struct watch *watch) {
    pthread_mutex_lock(&watch->lock);
    uint64_t number = watch->last_number;
    pthread_mutex_unlock(&watch->lock);
    return number;
}

void watch_number_from(struct watch *watch, uint64_t last_number) {
    pthread_mutex_lock(&watch->lock);
    watch->last_number = last_number > watch->last_number ? last_number : watch->last_number;
    pthread_mutex_unlock(&watch->lock);
}

/* --- taking out: the watcher's own worker --------------------------------------------------------------- */

struct bytes watcher_front(const struct watcher *watcher) {
    uint64_t head = atomic_load_explicit(&watcher->head, memory_order_relaxed); /* ours */
    /* acquire: pairs with the release in watcher_put. */
    size_t size = (size_t)(atomic_load_explicit(&watcher->tail, memory_order_acquire) - head);
    size_t at = (size_t)(head % RING_SIZE);
    return bytes_of(watcher->ring + at, size < RING_SIZE - at ? size : RING_SIZE - at);
}

void watcher_drop(struct watcher *watcher, size_t size) {
    uint64_t head = atomic_load_explicit(&watcher->head, memory_order_relaxed); /* ours */
    /* release: pairs with the acquire in watcher_room. */
    atomic_store_explicit(&watcher->head, head + size, memory_order_release);
}
