/* SPDX-License-Identifier: MIT
 *
 * Tables: memory that another process can map, however it is backed.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tables.h"

enum { LARGE_PAGE = 2 * 1024 * 1024, PAGE = 4096, FIRST_SIZE = 5 * LARGE_PAGE + PAGE, SECOND_SIZE = 100 };

/* Two tables: one of five large pages and a small one, one of some bytes. */
struct pair {
    struct tables tables;
    char *first, *second;
};

static struct pair open_pair(int fd, bool large_pages) {
    struct pair pair;
    cr_assert_eq(tables_init(&pair.tables, fd, large_pages), 0);
    pair.first = tables_map(&pair.tables, FIRST_SIZE);
    pair.second = tables_map(&pair.tables, SECOND_SIZE);
    cr_assert(pair.first != NULL && pair.second != NULL);
    return pair;
}

static size_t memory_size(const struct tables *tables) {
    struct stat status;
    cr_assert_eq(fstat(tables->fd, &status), 0);
    return (size_t)status.st_blocks * 512;
}

static void expect_filled(const char *bytes, size_t size, char with) {
    for (size_t i = 0; i < size; i++) {
        cr_assert_eq(bytes[i], with, "byte %zu", i);
    }
}

static void limit_files(size_t size) {
    const struct rlimit limit = {size, size};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(tables, a_new_one_is_zeroes_on_large_pages_and_takes_no_memory) {
    struct pair pair = open_pair(-1, false);
    cr_assert_geq(pair.tables.fd, 0);
    cr_expect_eq((uintptr_t)pair.first % LARGE_PAGE, 0);
    cr_expect_eq((uintptr_t)pair.second % LARGE_PAGE, 0);
    cr_expect_eq(memory_size(&pair.tables), 0);
    expect_filled(pair.first, FIRST_SIZE, 0);
    expect_filled(pair.second, SECOND_SIZE, 0);
    tables_destroy(&pair.tables);
}

Test(tables, who_is_given_the_memory_has_what_the_other_wrote) {
    struct pair old = open_pair(-1, false);
    memset(old.first, 'a', FIRST_SIZE);
    memset(old.second, 'b', SECOND_SIZE);
    size_t size = memory_size(&old.tables);
    struct pair new = open_pair(old.tables.fd, false);
    expect_filled(new.first, FIRST_SIZE, 'a');
    expect_filled(new.second, SECOND_SIZE, 'b');
    cr_expect_eq(memory_size(&new.tables), size, "it is there once");
    tables_destroy(&old.tables);
    new.first[FIRST_SIZE - 1] = 'c';
    struct pair third = open_pair(new.tables.fd, false);
    cr_expect_eq(third.first[FIRST_SIZE - 1], 'c');
    tables_destroy(&new.tables);
    tables_destroy(&third.tables);
}

Test(tables, what_is_too_short_is_not_mapped) {
    struct pair old = open_pair(-1, false);
    struct tables new;
    cr_assert_eq(ftruncate(old.tables.fd, old.tables.tables[1].offset), 0);
    cr_assert_eq(tables_init(&new, old.tables.fd, false), 0);
    cr_expect_not_null(tables_map(&new, FIRST_SIZE));
    cr_expect_null(tables_map(&new, SECOND_SIZE));
    tables_destroy(&new);
    tables_destroy(&old.tables);
}

static void expect_dropped(struct pair *pair) {
    memset(pair->first, 'a', FIRST_SIZE);
    memset(pair->second, 'b', SECOND_SIZE);
    tables_drop(&pair->tables, pair->first + PAGE, FIRST_SIZE - PAGE);
    cr_expect(pair->tables.fd < 0 || memory_size(&pair->tables) == 2 * PAGE);
    expect_filled(pair->first, PAGE, 'a');
    expect_filled(pair->second, SECOND_SIZE, 'b');
    tables_drop(&pair->tables, pair->second, PAGE);
    cr_expect(pair->tables.fd < 0 || memory_size(&pair->tables) == PAGE);
    expect_filled(pair->first + PAGE, FIRST_SIZE - PAGE, 0);
    expect_filled(pair->second, SECOND_SIZE, 0);
}

Test(tables, what_is_dropped_is_zeroes_and_takes_no_memory) {
    struct pair pair = open_pair(-1, false);
    cr_assert_geq(pair.tables.fd, 0);
    expect_dropped(&pair);
    tables_destroy(&pair.tables);
}

/* Limits between no table and all: the memory is private then, and nobody can be given it. */
Test(tables, where_files_may_not_be_so_long_memory_is_private) {
    for (int whole = 1; whole >= 0; whole--) {
        limit_files(whole == 1 ? FIRST_SIZE : 0);
        struct pair pair = open_pair(-1, false);
        cr_expect_eq(pair.tables.fd, -1);
        expect_dropped(&pair);
        tables_destroy(&pair.tables);
    }
}

/* Whether there are any is the machine's to say. */
Test(tables, large_pages_change_no_byte) {
    struct pair pair = open_pair(-1, true);
    memset(pair.first, 'a', LARGE_PAGE + PAGE);
    tables_use(&pair.tables, pair.first, FIRST_SIZE);
    tables_use(&pair.tables, pair.second, PAGE);
    expect_filled(pair.first, LARGE_PAGE + PAGE, 'a');
    expect_filled(pair.first + LARGE_PAGE + PAGE, FIRST_SIZE - LARGE_PAGE - PAGE, 0);
    expect_filled(pair.second, SECOND_SIZE, 0);
    tables_destroy(&pair.tables);
}

/* A table's end, and the next one behind it in the file, are nobody's large page. */
Test(tables, a_large_page_is_made_with_its_first_byte_only) {
    struct pair pair = open_pair(-1, true);
    tables_use(&pair.tables, pair.first + PAGE, LARGE_PAGE - PAGE);
    tables_use(&pair.tables, pair.first + 5 * LARGE_PAGE, PAGE);
    cr_expect_eq(memory_size(&pair.tables), 0);
    tables_use(&pair.tables, pair.first + LARGE_PAGE, PAGE);
    cr_expect_gt(memory_size(&pair.tables), 0);
    cr_expect_leq(memory_size(&pair.tables), LARGE_PAGE);
    tables_destroy(&pair.tables);
}
