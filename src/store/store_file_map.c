/* SPDX-License-Identifier: MIT
 *
 * store_file_map: memory that another process has left comes into this one's page tables, where a lock of all memory finds it.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "riposte/store_file.h"
#include "state.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Addresses that lie in a file of memory: the arena, and each of the tables behind it. */
struct span {
    int fd; /* -1: they lie in none */
    off_t offset;
    char *memory;
    uint64_t size;
};

static struct span span_of(const struct store *store, unsigned index) {
    const struct arena *arena = &store->arena;
    if (index == 0) {
        return (struct span){arena->memory_fd, ARENA_FILE_OFFSET, arena->base, arena->mapped_size};
    }
    const struct table *table = &store->tables.tables[index - 1];
    return (struct span){store->tables.fd, table->offset, table->memory, table->size};
}

/* The next bytes of it, from `at` on, that are in memory. False: there are none. */
static bool span_next(const struct span *span, uint64_t at, off_t *data, off_t *hole) {
    off_t end = span->offset + (off_t)span->size;
    *data = lseek(span->fd, span->offset + (off_t)at, SEEK_DATA);
    *hole = *data < 0 ? -1 : lseek(span->fd, *data, SEEK_HOLE);
    *hole = *hole > end ? end : *hole;
    return *data >= 0 && *data < *hole;
}

/* As store_file_map, of a span alone. */
static int span_map(const struct span *span, uint64_t *at, size_t size_max) {
    off_t data, hole;
    if (span->fd < 0 || !span_next(span, *at, &data, &hole)) {
        return 0;
    }
    size_t size = (size_t)(hole - data) < size_max ? (size_t)(hole - data) : size_max;
    uint64_t place = (uint64_t)(data - span->offset);
    /* Not mlock(2), which fills holes: a page that is given back meanwhile is the most that this one brings. */
    if (madvise(span->memory + place, size, MADV_POPULATE_READ) < 0) {
        return -errno;
    }
    *at = place + size;
    return 1;
}

int store_file_map(const struct store *store, uint64_t *at, size_t size_max) {
    uint64_t begin = 0; /* of a span, where *at counts through all of them */
    for (unsigned i = 0; i <= store->tables.count; i++) {
        const struct span span = span_of(store, i);
        uint64_t in_span = *at > begin ? *at - begin : 0;
        int result = in_span >= span.size ? 0 : span_map(&span, &in_span, size_max);
        if (result != 0) {
            *at = begin + in_span;
            return result;
        }
        begin += span.size;
    }
    return 0;
}
