/* SPDX-License-Identifier: MIT
 *
 * watch: who watches the log, and what waits for each of them.
 *
 *      any worker --watch_publish--> | ring of a watcher | --watcher_front, watcher_drop--> its connection
 *                    under the lock     256 KiB, bounded       without the lock
 *
 * A line that does not fit is lost for that watcher and counted; the next that fits is preceded by
 * `skipped=<n>`. So a watcher that does not read holds nobody up and takes no more memory than its ring.
 * Nothing is published, and no lock taken, of what nobody watches: requests look at one word, in which watchers have
 * their bits beside those of others.
 */
#ifndef MEMCACHED_WATCH_H
#define MEMCACHED_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "riposte/bytes.h"

/* Bits: what can be watched. */
enum watch_kind {
    WATCH_FETCHERS = 1 << 0,
    WATCH_MUTATIONS = 1 << 1,
    WATCH_EVICTIONS = 1 << 2,
    WATCH_CONNEVENTS = 1 << 3,
    WATCH_DELETIONS = 1 << 4,
    WATCH_ALL = (1 << 5) - 1,
};

enum {
    WATCHERS_MAX = 20,
    WATCH_WAITING_SIZE_MAX = 256 * 1024, /* bytes of lines that wait for a watcher: memcached's default */
    WATCH_LINE_SIZE_MAX =
        1024, /* bytes of a line without time and number: an escaped key of 750 and some words */
};

struct watcher;

struct watch {
    _Atomic unsigned *observed; /* its WATCH_ALL bits: all that somebody watches; written under the lock */

    pthread_mutex_t lock; /* of what follows; a leaf: nothing is called with it held */
    unsigned count;
    struct watcher *watchers[WATCHERS_MAX]; /* count of them */
    uint64_t last_number;                   /* gid of the line published last */
};

enum watch_outcome {
    WATCH_ADDED,
    WATCH_TOO_MANY,
    WATCH_NO_MEMORY,
};

/* What became of a line. */
struct watch_fate {
    unsigned sent_count;    /* watchers that get it */
    unsigned skipped_count; /* watchers that had no room */
};

/* The bits of WATCH_ALL in `observed`, where others may have further ones, say from now on what is watched. Borrowed. */
void watch_init(struct watch *watch, _Atomic unsigned *observed);

/* All watchers are gone. */
void watch_deinit(struct watch *watch);

/* Any thread; so for all but watcher_front and watcher_drop. */

/* A watcher of some kinds on connection `fd`; *watcher is owned by the caller until watch_remove. */
enum watch_outcome watch_add(struct watch *watch, unsigned kinds, int fd, struct watcher **watcher);

/*
 * The same for one that another watch had: `lines` (at most WATCH_WAITING_SIZE_MAX bytes) wait for it already, and skipped_count
 * lines were lost behind them.
 */
enum watch_outcome watch_restore(struct watch *watch, unsigned kinds, int fd, struct bytes lines,
                                 uint64_t skipped_count, struct watcher **watcher);

/* What it watches, and how many lines it has lost since the last that fitted. Its own worker. */
unsigned watcher_kinds(const struct watcher *watcher);
uint64_t watcher_skipped_count(struct watch *watch, const struct watcher *watcher);

/* Frees it, with what it has not taken. */
void watch_remove(struct watch *watch, struct watcher *watcher);

unsigned watch_count(struct watch *watch);

/* True when connection `fd` is a watcher. */
bool watch_has(struct watch *watch, int fd);

/*
 * Gives `line` (at most WATCH_LINE_SIZE_MAX bytes, no line end), headed by the time and the next number, to
 * all who watch `kind`, one of the bits.
 */
struct watch_fate watch_publish(struct watch *watch, enum watch_kind kind, struct bytes line);

/* Of the line published last, and, for a watch that goes on with another one's lines, the same of that one: numbers only grow. */
uint64_t watch_last_number(struct watch *watch);
void watch_number_from(struct watch *watch, uint64_t last_number);

/*
 * The oldest lines that wait, as far as they are in one piece; empty when none wait. Only the watcher's own
 * worker, as the next.
 */
struct bytes watcher_front(const struct watcher *watcher);

/* They are done with: `size` bytes, at most what watcher_front showed. */
void watcher_drop(struct watcher *watcher, size_t size);

#endif
