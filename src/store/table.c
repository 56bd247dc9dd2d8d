/* SPDX-License-Identifier: MIT
 *
 * table: mapping and unmapping. Fresh pages are zero, so a table is ready without being written, and a page
 * that nobody has used yet costs nothing. Any thread may call; see growth.c for who does.
 */
#include <sys/mman.h>

#include "table.h"

enum { TABLE_PAGE_SIZE = 4096, TABLE_HUGE_SIZE = 2 * 1024 * 1024 };

static size_t table_round_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

size_t table_size(unsigned power) {
    return table_round_up(sizeof(struct table) + ((size_t)BUCKET_SIZE << power), TABLE_PAGE_SIZE);
}

/* A mapping that begins on a multiple of 2 MiB: what is mapped too much on either side goes back at once. */
static void *table_map_huge(size_t size) {
    size_t wide_size = size + TABLE_HUGE_SIZE;
    char *wide =
        mmap(NULL, wide_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (wide == MAP_FAILED) {
        return NULL;
    }
    char *start = (char *)table_round_up((uintptr_t)wide, TABLE_HUGE_SIZE);
    size_t before = (size_t)(start - wide);
    if (before != 0) {
        munmap(wide, before);
    }
    munmap(start + size, wide_size - size - before);
    /*
     * Huge pages: one miss of the address cache per look-up less. Only advice: a kernel without them says
     * EINVAL, and small pages serve.
     */
    madvise(start, size, MADV_HUGEPAGE);
    return start;
}

static void *table_map_small(size_t size) {
    void *start =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

struct table *table_map(unsigned power) {
    assert(power >= TABLE_POWER_MIN && power <= TABLE_POWER_MAX);
    size_t size = table_size(power);
    struct table *table = size < TABLE_HUGE_SIZE ? table_map_small(size) : table_map_huge(size);
    if (table == NULL) {
        return NULL;
    }
    table->mask = (UINT64_C(1) << power) - 1;
    table->power = power;
    atomic_init(&table->next, NULL);
    table->migrated_count = 0;
    table->mapped_size = size;
    return table;
}

size_t table_unmap(struct table *table, size_t size_max, bool *gone) {
    size_t size = table->mapped_size;
    *gone = size <= size_max;
    if (*gone) {
        munmap(table, size);
        return size;
    }
    size_t kept = table_round_up(size - size_max, TABLE_PAGE_SIZE);
    table->mapped_size = kept;
    munmap((char *)table + kept, size - kept);
    return size - kept;
}
