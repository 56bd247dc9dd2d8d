/* SPDX-License-Identifier: MIT
 *
 * tables: one file of memory, mapped in parts. See tables.h.
 */
#include "tables.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

int tables_init(struct tables *tables, int fd, bool large_pages) {
    *tables = (struct tables){.fd = -1, .is_taken = fd >= 0, .large_pages = large_pages};
    if (fd >= 0) {
        tables->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return tables->fd < 0 ? -errno : 0;
    }
    if (!arena_memory_is_strict(ARENA_OVERCOMMIT_FILE)) {
        tables->fd = memfd_create("riposte-tables", MFD_CLOEXEC); /* -1: private memory serves */
    }
    return 0;
}

/* Where the next one begins. */
static off_t tables_end(const struct tables *tables) {
    if (tables->count == 0) {
        return 0;
    }
    const struct table *last = &tables->tables[tables->count - 1];
    return last->offset + (off_t)arena_round_up(last->size, ARENA_LARGE_PAGE_SIZE);
}

/* Makes the file of new tables so long; that of others must be. */
static bool tables_reach(const struct tables *tables, off_t size) {
    struct stat status;
    if (tables->is_taken) {
        return fstat(tables->fd, &status) == 0 && status.st_size >= size;
    }
    return arena_memory_lengthen(tables->fd, size) == 0;
}

/* Addresses that begin on a large page; nothing is behind them yet. */
static char *reserve(size_t size) {
    char *wide = mmap(NULL, size + ARENA_LARGE_PAGE_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (wide == MAP_FAILED) {
        return NULL;
    }
    char *start = (char *)arena_round_up((uintptr_t)wide, ARENA_LARGE_PAGE_SIZE);
    size_t before_size = (size_t)(start - wide);
    if (before_size > 0) {
        munmap(wide, before_size);
    }
    munmap(start + size, ARENA_LARGE_PAGE_SIZE - before_size);
    return start;
}

static bool back(char *start, size_t size, int fd, off_t offset) {
    /* SHARED: for who maps them next. NORESERVE: pages count with their first use. FIXED: over addresses that are reserved. */
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    return mmap(start, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE | MAP_FIXED, fd,
                fd < 0 ? 0 : offset) != MAP_FAILED;
}

/* Nothing was written to any of them yet. */
static bool tables_make_private(struct tables *tables) {
    close(tables->fd);
    tables->fd = -1;
    bool done = true;
    for (unsigned i = 0; i < tables->count; i++) {
        done = back(tables->tables[i].memory, tables->tables[i].size, -1, 0) && done;
    }
    return done;
}

static bool tables_back(struct tables *tables, char *start, size_t size, off_t offset) {
    bool is_long = tables->fd < 0 || tables_reach(tables, offset + (off_t)size);
    /* A limit of files (RLIMIT_FSIZE) is no reason not to serve. */
    if (!is_long && (tables->is_taken || !tables_make_private(tables))) {
        return false;
    }
    return back(start, size, tables->fd, offset);
}

void *tables_map(struct tables *tables, size_t wanted_size) {
    assert(tables->count < TABLES_MAX);
    size_t size = arena_round_up(wanted_size, ARENA_PAGE_SIZE);
    off_t offset = tables_end(tables);
    char *start = reserve(size);
    if (start == NULL) {
        return NULL;
    }
    if (!tables_back(tables, start, size, offset)) {
        munmap(start, size);
        return NULL;
    }
    if (tables->large_pages) {
        /* A hint for private memory, and where the system has large pages for files of memory. EINVAL: small ones serve. */
        madvise(start, size, MADV_HUGEPAGE);
    }
    tables->tables[tables->count++] = (struct table){start, size, offset};
    return start;
}

void tables_destroy(struct tables *tables) {
    while (tables->count > 0) {
        const struct table *last = &tables->tables[--tables->count];
        munmap(last->memory, last->size);
    }
    if (tables->fd >= 0) {
        close(tables->fd);
        tables->fd = -1;
    }
}

/* The large page is there, as zeroes, and what is written from now on goes to it. */
static void large_page_use(char *start) {
    /* A write that changes nothing: of an empty range the kernel makes none. relaxed: nothing is published by it. */
    atomic_fetch_or_explicit((_Atomic char *)start, 0, memory_order_relaxed);
    /* On files of memory this asks no setting of the system's but "deny" (madvise(2), Linux 6.1). Where it fails small pages serve. */
    madvise(start, ARENA_LARGE_PAGE_SIZE, MADV_COLLAPSE);
}

/* The table that has these bytes. */
static const struct table *table_of(const struct tables *tables, const char *memory) {
    const struct table *table = tables->tables;
    while (memory < table->memory || memory >= table->memory + table->size) {
        table++;
        assert(table < tables->tables + tables->count);
    }
    return table;
}

void tables_use(const struct tables *tables, const void *memory, size_t size) {
    if (!tables->large_pages || tables->fd < 0) {
        return;
    }
    const struct table *table = table_of(tables, memory);
    char *page = (char *)arena_round_up((uintptr_t)memory, ARENA_LARGE_PAGE_SIZE);
    const char *end = (const char *)memory + size, *table_end = table->memory + table->size;
    for (; page < end && page + ARENA_LARGE_PAGE_SIZE <= table_end; page += ARENA_LARGE_PAGE_SIZE) {
        large_page_use(page);
    }
}

void tables_drop(const struct tables *tables, void *memory, size_t size) {
    if (tables->fd < 0) {
        arena_memory_drop_private(memory, size);
        return;
    }
    const struct table *table = table_of(tables, memory);
    off_t offset = table->offset + ((char *)memory - table->memory);
    int status;
    do {
        /* A hole, not MADV_REMOVE, which is EINVAL where memory is locked (-k). */
        status = fallocate(tables->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (off_t)size);
    } while (status < 0 && errno == EINTR);
}
