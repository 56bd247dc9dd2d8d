/* SPDX-License-Identifier: MIT
 *
 * What a store has counted goes on in the next one, which knows itself what it has.
 */
#include "file_fixture.h"

static struct record_writer counted(struct fixture *fixture) {
    struct record_writer writer = {0};
    store_counters_save(fixture->store, &writer);
    cr_assert(numbers_check(bytes_of(writer.data, writer.size)));
    return writer;
}

static void load(struct fixture *fixture, struct record_writer *writer) {
    struct numbers numbers = numbers_read(bytes_of(writer->data, writer->size));
    store_counters_load(fixture->store, &numbers, fixture->now_ns);
    record_discard(writer);
}

static void expect_counts(struct fixture *fixture, uint64_t there, uint64_t added) {
    struct store_levels levels;
    store_stats(fixture->store, &levels);
    cr_expect_eq(levels.items_count, there);
    cr_expect_eq(counter_read(&levels.sums.items_added), added);
    cr_expect_eq(counter_read(&levels.sums.items_removed), added - there);
}

static struct fixture three_put_one_deleted(int fd) {
    struct fixture fixture = open_store(fd, fixture_config(), 1, STORE_IMAGE_NONE);
    fixture_set(&fixture, "a", "1");
    fixture_set(&fixture, "b", "2");
    fixture_set(&fixture, "c", "3");
    cr_assert_eq(store_delete(fixture.worker, text("b"), NULL, NULL), STORE_OK);
    return fixture;
}

Test(counters, go_on_with_the_items) {
    int fd = open_file();
    struct fixture fixture = three_put_one_deleted(fd);
    struct record_writer writer = counted(&fixture);
    fixture = reopen(&fixture, fd);
    expect_counts(&fixture, 2, 2);
    load(&fixture, &writer);
    expect_counts(&fixture, 2, 3);
    save_store(&fixture);
    close(fd);
}

Test(counters, say_of_items_that_did_not_come_that_they_are_gone) {
    int fd = open_file(), other_fd = open_file();
    struct fixture fixture = three_put_one_deleted(fd);
    struct record_writer writer = counted(&fixture);
    save_store(&fixture);
    fixture = open_store(other_fd, fixture_config(), 1, STORE_IMAGE_NONE);
    load(&fixture, &writer);
    expect_counts(&fixture, 0, 3);
    save_store(&fixture);
    close(fd);
    close(other_fd);
}
