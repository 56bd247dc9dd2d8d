/* SPDX-License-Identifier: MIT
 *
 * A store that goes from one process to another while both are there: with its tables or a copy of them, and back.
 */
#include "file_fixture.h"

static uint32_t state_in_file(int fd) {
    struct image_root root;
    cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    return root.state;
}

/* Leaves the store for another process, with its tables or a copy of them. */
static void give(struct fixture *fixture, bool shares) {
    store_worker_leave(fixture->worker);
    int status = shares ? store_file_share(fixture->store, fixture->now_ns)
                        : store_file_save(fixture->store, fixture->now_ns);
    cr_assert_eq(status, 0);
    cr_assert_eq(store_file_tables_fd(fixture->store) >= 0, shares);
}

/* It is another one's from now on, once it is settled. */
static struct store *take(const struct fixture *old, int fd) {
    struct store_config config = fixture_config();
    struct store *new;
    enum store_image image;
    int tables_fd = store_file_tables_fd(old->store);
    cr_assert_eq(store_file_take(&config, fd, tables_fd, old->now_ns, &image, &new), 0);
    cr_assert_eq(image, STORE_IMAGE_TAKEN);
    cr_assert(index_check(new));
    return new;
}

static void join(struct fixture *fixture, struct store *store) {
    fixture->store = store;
    fixture->worker = store_worker_join(store, fixture->now_ns);
}

enum { GIVEN_COUNT = 5000 };

static struct fixture open_full(int fd) {
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < GIVEN_COUNT; i++) {
        fixture_set_number(&fixture, i, 300);
    }
    store_flush_prefix(fixture.worker, text("x"));
    return fixture;
}

static void expect_full(struct fixture *fixture) {
    for (uint64_t i = 0; i < GIVEN_COUNT; i++) {
        struct item_view view;
        cr_assert_eq(fixture_get_number(fixture, i, &view), STORE_OK);
    }
}

static void expect_taken_back(bool shares, bool other_looks) {
    int fd = open_file();
    struct fixture fixture = open_full(fd);
    give(&fixture, shares);
    if (other_looks) {
        store_destroy(take(&fixture, fd));
    }
    store_file_resume(fixture.store);
    cr_assert(index_check(fixture.store));
    join(&fixture, fixture.store);
    expect_full(&fixture);
    fixture_set(&fixture, "more", "v");
    fixture = reopen(&fixture, fd);
    expect_value(&fixture, "more", "v");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file_share, what_was_given_can_be_taken_back) {
    for (unsigned way = 0; way < 4; way++) {
        expect_taken_back((way & 1) != 0, (way & 2) != 0);
    }
}

static void expect_settled(bool shares) {
    int fd = open_file();
    struct fixture fixture = open_full(fd);
    give(&fixture, shares);
    struct store *new = take(&fixture, fd);
    store_destroy(fixture.store);
    cr_expect_eq(state_in_file(fd), shares ? IMAGE_SHARED : IMAGE_COMPLETE,
                 "a new one that is too late has written nothing");
    off_t size = lseek(fd, 0, SEEK_END);
    store_file_settle(new);
    cr_expect_lt(lseek(fd, 0, SEEK_END), size);
    cr_expect_eq(state_in_file(fd), IMAGE_IN_USE);
    join(&fixture, new);
    expect_full(&fixture);
    fixture_close(&fixture);
    close(fd);
}

Test(store_file_share, the_other_one_has_all_of_it_once_it_is_settled) {
    expect_settled(false);
    expect_settled(true);
}

static size_t file_size(int fd) {
    return (size_t)lseek(fd, 0, SEEK_END);
}

/* What is written to be given does not grow with the number of items. */
Test(store_file_share, tables_that_are_shared_are_not_copied) {
    size_t sizes[2];
    for (unsigned i = 0; i < 2; i++) {
        int fd = open_file();
        struct fixture fixture = open_full(fd);
        size_t before_size = file_size(fd);
        give(&fixture, i == 1);
        sizes[i] = file_size(fd) - before_size;
        store_file_resume(fixture.store);
        join(&fixture, fixture.store);
        fixture_close(&fixture);
        close(fd);
    }
    cr_expect_geq(sizes[0], GIVEN_COUNT * sizeof(uint32_t) + sizes[1]);
    cr_expect_leq(sizes[1], 64 * 1024);
}

/* From one to the next, growing and shrinking in each; in the end into the file alone. */
Test(store_file_share, shared_tables_live_on_in_one_after_the_other) {
    enum { LIVES = 6, STEP = 20000 };
    int fd = open_file();
    struct fixture fixture = open_full(fd);
    for (unsigned life = 0; life < LIVES; life++) {
        for (uint64_t i = life % 2 == 0 ? 0 : GIVEN_COUNT; i < STEP; i++) {
            char key[32];
            snprintf(key, sizeof(key), "key-%" PRIu64, i);
            if (life % 2 == 0) {
                fixture_set_number(&fixture, i, 10);
            } else {
                store_delete(fixture.worker, text(key), NULL, NULL);
            }
        }
        fixture_turn(&fixture, 10);
        uint64_t count = levels_of(&fixture).items_count;
        give(&fixture, life % 3 != 2);
        struct store *new = take(&fixture, fd);
        store_destroy(fixture.store);
        store_file_settle(new);
        join(&fixture, new);
        cr_assert_eq(levels_of(&fixture).items_count, count);
    }
    fixture = reopen(&fixture, fd);
    expect_full(&fixture);
    fixture_close(&fixture);
    close(fd);
}

Test(store_file_share, what_was_left_without_its_tables_is_not_taken) {
    int fd = open_file();
    struct fixture fixture = open_full(fd);
    give(&fixture, true);
    struct store_config config = fixture_config();
    struct store *other;
    enum store_image image;
    cr_expect_eq(store_file_take(&config, fd, -1, fixture.now_ns, &image, &other), -EEXIST);
    cr_expect_eq(image, STORE_IMAGE_UNCLEAN);
    store_destroy(fixture.store); /* a server that was killed here */
    fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_UNCLEAN);
    expect_missing(&fixture, "key-0");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file_share, tables_that_are_others_are_not_taken) {
    int fd = open_file(), short_fd = open_file();
    struct fixture fixture = open_full(fd);
    give(&fixture, true);
    struct store_config config = fixture_config();
    struct store *other;
    enum store_image image;
    cr_expect_lt(store_file_take(&config, fd, short_fd, fixture.now_ns, &image, &other), 0);
    store_file_resume(fixture.store);
    join(&fixture, fixture.store);
    expect_full(&fixture);
    fixture_close(&fixture);
    close(fd);
    close(short_fd);
}

/* Fields of the root block that lie, with a right checksum: nothing is read or written outside of what has come. */
Test(store_file_share, sizes_that_lie_reach_nothing_else) {
    static const uint64_t values[] = {0, 1, 64, 1000, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    int fd = open_file();
    struct fixture fixture = open_full(fd);
    struct image_root root, lie;
    give(&fixture, true);
    cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    for (size_t at = offsetof(struct image_root, limit); at < offsetof(struct image_root, sequence);
         at += sizeof(uint64_t)) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            struct store_config config = fixture_config();
            struct store *other;
            enum store_image image;
            lie = root;
            memcpy((char *)&lie + at, &values[i], sizeof(uint64_t));
            image_root_seal(&lie);
            cr_assert_eq(pwrite(fd, &lie, sizeof(lie), 0), (ssize_t)sizeof(lie));
            if (store_file_take(&config, fd, store_file_tables_fd(fixture.store), fixture.now_ns, &image,
                                &other) == 0) {
                store_destroy(other);
            }
        }
    }
    store_file_resume(fixture.store);
    join(&fixture, fixture.store);
    expect_full(&fixture);
    fixture_close(&fixture);
    close(fd);
}
