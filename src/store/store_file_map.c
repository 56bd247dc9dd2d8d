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

/* The next bytes of the arena, from *at on, that are in the file, up to `end`. False: there are none. */
static bool next_data(const struct arena *arena, off_t begin, off_t end, off_t *data, off_t *hole) {
    *data = lseek(arena->memory_fd, begin, SEEK_DATA);
    *hole = *data < 0 ? -1 : lseek(arena->memory_fd, *data, SEEK_HOLE);
    *hole = *hole > end ? end : *hole;
    return *data >= 0 && *data < *hole;
}

int store_file_map(const struct store *store, uint64_t *at, size_t size_max) {
    const struct arena *arena = &store->arena;
    off_t end = (off_t)(ARENA_FILE_OFFSET + arena->mapped_size), data, hole;
    if (arena->memory_fd < 0 || !next_data(arena, (off_t)(ARENA_FILE_OFFSET + *at), end, &data, &hole)) {
        return 0;
    }
    size_t size = (size_t)(hole - data) < size_max ? (size_t)(hole - data) : size_max;
    uint64_t place = (uint64_t)data - ARENA_FILE_OFFSET;
    /* Not mlock(2), which fills holes: a page that is given back meanwhile is the most that this one brings. */
    if (madvise(arena->base + place, size, MADV_POPULATE_READ) < 0) {
        return -errno;
    }
    *at = place + size;
    return 1;
}
