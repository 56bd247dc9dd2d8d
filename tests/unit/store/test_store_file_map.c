/* SPDX-License-Identifier: MIT
 *
 * What one store has left in memory comes into the page tables of the next one, and nothing else does.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "file_fixture.h"

TestSuite(store_file_map, .timeout = 30);

enum { COUNT = 200, VALUE_SIZE = 20000, PIECE_SIZE = 64 * 1024 };

/* Bytes of files of memory that this process has in its page tables. */
static uint64_t mapped_size(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long kib = 0;
    cr_assert_not_null(status);
    while (fgets(line, sizeof(line), status) != NULL) {
        sscanf(line, "RssShmem: %lu kB", &kib);
    }
    fclose(status);
    return (uint64_t)kib * 1024;
}

/* Bytes of the file that are in memory. */
static uint64_t held_size(int fd) {
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static struct fixture open_full(int fd) {
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < COUNT; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, VALUE_SIZE), STORE_OK);
    }
    return fixture;
}

Test(store_file_map, brings_in_what_was_left_a_piece_at_a_time) {
    int fd = open_file(), result;
    struct fixture fixture = open_full(fd);
    fixture = reopen(&fixture, fd);
    const struct arena *arena = &fixture.store->arena;
    /* As another process has it: the fixture looks at every item. Of a file only the page tables forget. */
    cr_assert_eq(madvise(arena->base, arena->mapped_size, MADV_DONTNEED), 0);
    uint64_t before = mapped_size(), held = held_size(fd), at = 0, was_at = 0;
    unsigned pieces = 0;
    while ((result = store_file_map(fixture.store, &at, PIECE_SIZE)) > 0) {
        cr_assert_gt(at, was_at);
        was_at = at;
        pieces++;
    }
    cr_expect_eq(result, 0);
    cr_expect_geq(pieces, (unsigned)(COUNT * VALUE_SIZE / PIECE_SIZE));
    cr_expect_geq(mapped_size() - before, (uint64_t)COUNT * VALUE_SIZE, "all items are there");
    cr_expect_eq(held_size(fd), held, "no hole is filled");
    cr_expect_eq(store_file_map(fixture.store, &at, PIECE_SIZE), 0, "for good");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file_map, has_nothing_to_bring_into_an_empty_store) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    uint64_t at = 0;
    int result = 1;
    for (int i = 0; i < COUNT && result > 0; i++) { /* what it has opened by itself */
        result = store_file_map(fixture.store, &at, PIECE_SIZE);
    }
    cr_expect_eq(result, 0);
    fixture_close(&fixture);
    close(fd);
}

/* The index is no item's memory, and is used as often. */
Test(store_file_map, brings_in_the_tables_too) {
    int fd = open_file(), result = 1;
    struct fixture fixture = open_full(fd);
    const struct tables *tables = &fixture.store->tables;
    uint64_t at = 0;
    cr_assert_eq(madvise(tables->tables[0].memory, tables->tables[0].size, MADV_DONTNEED), 0);
    uint64_t before = mapped_size(), held = held_size(tables->fd);
    while (result > 0) {
        result = store_file_map(fixture.store, &at, PIECE_SIZE);
    }
    cr_expect_eq(result, 0);
    cr_expect_geq(mapped_size() - before, fixture.store->index.homes_size);
    cr_expect_eq(held_size(tables->fd), held, "no hole is filled");
    fixture_close(&fixture);
    close(fd);
}
