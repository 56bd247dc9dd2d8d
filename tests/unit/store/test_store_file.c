/* SPDX-License-Identifier: MIT
 *
 * A store in a file: what one has left is taken by the next, and nothing else is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture.h"
#include "image.h"
#include "riposte/store_file.h"

static int open_file(void) {
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

/* A store in the file at `now_ns`, with a worker; the verdict is as expected. */
static struct fixture open_store(int fd, struct store_config config, uint64_t now_ns,
                                 enum store_image expected) {
    struct fixture fixture = {.now_ns = now_ns};
    enum store_image image;
    cr_assert_eq(store_file_create(&config, fd, now_ns, &image, &fixture.store), 0);
    cr_assert_eq(image, expected, "%d", image);
    fixture.worker = store_worker_join(fixture.store, now_ns);
    cr_assert_not_null(fixture.worker);
    cr_assert(index_check(fixture.store));
    return fixture;
}

/* Leaves it there. */
static void save_store(struct fixture *fixture) {
    cr_assert(index_check(fixture->store));
    store_worker_leave(fixture->worker);
    cr_assert_eq(store_file_save(fixture->store, fixture->now_ns), 0);
    store_destroy(fixture->store);
}

static struct fixture reopen(struct fixture *fixture, int fd) {
    uint64_t now_ns = fixture->now_ns;
    save_store(fixture);
    return open_store(fd, fixture_config(), now_ns, STORE_IMAGE_TAKEN);
}

static uint64_t cas_of(struct fixture *fixture, const char *key) {
    struct item_view view;
    cr_assert_eq(store_get(fixture->worker, text(key), &view), STORE_OK, "%s", key);
    return view.cas;
}

static void expect_value(struct fixture *fixture, const char *key, const char *value) {
    struct item_view view;
    cr_assert_eq(store_get(fixture->worker, text(key), &view), STORE_OK, "%s", key);
    cr_expect(bytes_equal(view.value, text(value)), "%s", key);
}

static void expect_missing(struct fixture *fixture, const char *key) {
    struct item_view view;
    cr_expect_eq(store_get(fixture->worker, text(key), &view), STORE_MISS, "%s", key);
}

static struct store_levels levels_of(const struct fixture *fixture) {
    struct store_levels levels;
    store_stats(fixture->store, &levels);
    return levels;
}

Test(store_file, an_empty_file_makes_an_empty_store) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    expect_missing(&fixture, "a");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, what_one_store_leaves_the_next_one_has) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    const struct put_options set = {.mode = PUT_SET}, chosen = {.mode = PUT_SET, .cas_new = 77};
    fixture_set(&fixture, "deleted", "x");
    fixture_set(&fixture, "replaced", "old");
    fixture_set(&fixture, "replaced", "new");
    store_delete(fixture.worker, text("deleted"), NULL, NULL);
    fixture_put(&fixture, text("flags"), text("v"), 0xdeadbeef, STORE_EXPIRES_NEVER, &set, NULL);
    fixture_put(&fixture, text("chosen"), text("v"), 0, STORE_EXPIRES_NEVER, &chosen, NULL);
    uint64_t cas = cas_of(&fixture, "replaced");
    uint64_t size = levels_of(&fixture).items_size;

    fixture = reopen(&fixture, fd);
    struct item_view view;
    expect_missing(&fixture, "deleted");
    expect_value(&fixture, "replaced", "new");
    cr_expect_eq(cas_of(&fixture, "replaced"), cas);
    cr_expect_eq(cas_of(&fixture, "chosen"), 77);
    cr_assert_eq(store_get(fixture.worker, text("flags"), &view), STORE_OK);
    cr_expect_eq(view.client_flags, 0xdeadbeef);
    cr_expect_eq(levels_of(&fixture).items_count, 3);
    cr_expect_eq(levels_of(&fixture).items_size, size);
    fixture_set(&fixture, "replaced", "newer");
    cr_expect_gt(cas_of(&fixture, "replaced"), cas, "numbers go on rising");
    fixture_set(&fixture, "deleted", "again");
    cr_expect_gt(cas_of(&fixture, "deleted"), 1, "above what it was before it was deleted");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, items_of_all_sizes_survive_in_number) {
    enum { COUNT = 20000, LARGE = 3 };
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < COUNT; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, i % 100), STORE_OK);
    }
    for (uint64_t i = 0; i < LARGE; i++) {
        cr_assert_eq(fixture_set_number(&fixture, COUNT + i, 900000), STORE_OK);
    }
    for (int round = 0; round < 3; round++) {
        fixture = reopen(&fixture, fd);
        for (uint64_t i = 0; i < COUNT + LARGE; i++) {
            struct item_view view;
            cr_assert_eq(fixture_get_number(&fixture, i, &view), STORE_OK, "%" PRIu64, i);
            cr_assert_eq(view.value.size, i < COUNT ? i % 100 : 900000);
        }
        cr_expect_eq(levels_of(&fixture).items_count, COUNT + LARGE);
    }
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, expiry_goes_on) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set_expiring(&fixture, "short", "v", store_expiry(fixture.worker, 50));
    fixture_set_expiring(&fixture, "long", "v", store_expiry(fixture.worker, 5000));
    fixture_turn(&fixture, 30 * 1000);
    fixture = reopen(&fixture, fd);
    expect_value(&fixture, "short", "v");
    fixture_turn(&fixture, 25 * 1000);
    expect_missing(&fixture, "short");
    expect_value(&fixture, "long", "v");
    fixture_close(&fixture);
    close(fd);
}

/* Changes the root block that lies in the file. */
static void change_root(int fd, void (*change)(struct image_root *root), bool seal) {
    struct image_root root;
    cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    change(&root);
    if (seal) {
        image_root_seal(&root);
    }
    cr_assert_eq(pwrite(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
}

static void stopped_a_minute_ago(struct image_root *root) {
    root->stopped_unix_s -= 60;
}

static void stopped_in_an_hour(struct image_root *root) {
    root->stopped_unix_s += 3600;
}

Test(store_file, the_time_without_a_server_counts) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set_expiring(&fixture, "short", "v", store_expiry(fixture.worker, 50));
    fixture_set_expiring(&fixture, "long", "v", store_expiry(fixture.worker, 100));
    save_store(&fixture);
    change_root(fd, stopped_a_minute_ago, true);
    fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    expect_missing(&fixture, "short");
    expect_value(&fixture, "long", "v");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, a_clock_that_was_set_back_ends_nothing_early) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set_expiring(&fixture, "short", "v", store_expiry(fixture.worker, 50));
    save_store(&fixture);
    change_root(fd, stopped_in_an_hour, true);
    fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    expect_value(&fixture, "short", "v");
    fixture_turn(&fixture, 51 * 1000);
    expect_missing(&fixture, "short");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, what_was_flushed_stays_flushed) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set(&fixture, "before", "v");
    store_flush(fixture.worker, store_now_tick(fixture.worker));
    fixture_set(&fixture, "user:1", "v");
    fixture_set(&fixture, "host:1", "v");
    cr_assert_eq(store_flush_prefix(fixture.worker, text("user:")), STORE_FLUSHED);
    fixture_set(&fixture, "user:2", "v");
    fixture = reopen(&fixture, fd);
    for (int i = 0; i < 50; i++) {
        expect_missing(&fixture, "before");
        expect_missing(&fixture, "user:1");
        expect_value(&fixture, "user:2", "v");
        expect_value(&fixture, "host:1", "v");
        fixture_turn(&fixture, 10);
    }
    cr_expect_eq(levels_of(&fixture).flushed_prefixes, 0, "the round goes on, and ends");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, a_delayed_flush_falls_due_all_the_same) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set(&fixture, "a", "v");
    store_flush(fixture.worker, store_now_tick(fixture.worker) + 20);
    fixture = reopen(&fixture, fd);
    expect_value(&fixture, "a", "v");
    fixture_turn(&fixture, 21 * 1000);
    expect_missing(&fixture, "a");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, a_full_store_goes_on_evicting) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, 300), STORE_OK);
        if (i % 100 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    uint64_t count = levels_of(&fixture).items_count;
    fixture = reopen(&fixture, fd);
    cr_expect_geq(levels_of(&fixture).items_count, count - count / 20);
    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert_eq(fixture_set_number(&fixture, i, 300), STORE_OK);
        if (i % 100 == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, the_limit_may_be_another_one) {
    static const size_t limits[] = {(size_t)6 * FIXTURE_MIB, (size_t)48 * FIXTURE_MIB};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        int fd = open_file();
        struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
        for (uint64_t number = 0; number < 10000; number++) {
            fixture_set_number(&fixture, number, 1000);
        }
        save_store(&fixture);
        struct store_config config = fixture_config();
        config.memory_size_max = limits[i];
        fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
        cr_expect_eq(levels_of(&fixture).memory_size_max, limits[i]);
        cr_expect_leq(levels_of(&fixture).memory_size, limits[i]);
        cr_expect_gt(levels_of(&fixture).items_count, 3000);
        fixture_close(&fixture);
        close(fd);
    }
}

/* --- what is not taken --- */

Test(store_file, a_store_that_was_not_saved_is_not_taken) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set(&fixture, "a", "v");
    fixture_close(&fixture);
    fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_UNCLEAN);
    expect_missing(&fixture, "a");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, an_image_is_taken_once) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    fixture_set(&fixture, "a", "v");
    fixture = reopen(&fixture, fd);
    fixture_close(&fixture); /* not saved */
    fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_UNCLEAN);
    expect_missing(&fixture, "a");
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, a_file_that_is_something_else_is_left_alone) {
    static const char words[] = "a file that somebody wants to keep, and no image of a store";
    struct store_config config = fixture_config();
    struct store *store;
    enum store_image image;
    for (size_t size = 1; size <= sizeof(words); size++) {
        int fd = open_file();
        char found[sizeof(words) + 1];
        cr_assert_eq(write(fd, words, size), (ssize_t)size);
        cr_assert_eq(store_file_create(&config, fd, 1, &image, &store), -EEXIST);
        cr_assert_eq(image, STORE_IMAGE_FOREIGN);
        cr_assert_eq(pread(fd, found, sizeof(found), 0), (ssize_t)size);
        cr_assert_eq(memcmp(found, words, size), 0);
        close(fd);
    }
}

/* A file with an image of a few items of all kinds. */
static int make_image(void) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < 2000; i++) {
        fixture_set_number(&fixture, i, 20);
    }
    store_flush_prefix(fixture.worker, text("x"));
    save_store(&fixture);
    return fd;
}

static void expect_refused(int fd, struct store_config config, enum store_image expected) {
    struct fixture fixture = open_store(fd, config, CLOCK_NS_PER_S, expected);
    cr_expect_eq(levels_of(&fixture).items_count, 0);
    cr_expect_eq(fixture_set(&fixture, "a", "v"), STORE_OK);
    fixture_close(&fixture);
    close(fd);
}

static void of_version_2(struct image_root *root) {
    root->version++;
}

static void of_another_boot(struct image_root *root) {
    root->boot[0] ^= 1;
}

Test(store_file, says_why_an_image_is_not_taken) {
    struct store_config config = fixture_config();
    int fd = make_image();
    change_root(fd, of_version_2, true);
    expect_refused(fd, config, STORE_IMAGE_VERSION);
    fd = make_image();
    change_root(fd, of_another_boot, true);
    expect_refused(fd, config, STORE_IMAGE_BOOT);
    config.item_size_max = 2 * FIXTURE_MIB;
    expect_refused(make_image(), config, STORE_IMAGE_ITEM_SIZE);
    config = fixture_config();
    config.memory_size_max = 65 * (size_t)FIXTURE_MIB;
    expect_refused(make_image(), config, STORE_IMAGE_LIMIT);
    config.memory_size_max = 64 * (size_t)FIXTURE_MIB;
    struct fixture fixture = open_store(make_image(), config, CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    fixture_close(&fixture);
}

/* Every byte of the root block, wrong once: what it says is not believed. */
Test(store_file, every_byte_of_the_root_block_counts) {
    int whole = make_image();
    struct image_root root, wrong;
    char boot[IMAGE_BOOT_SIZE];
    struct store_config config = fixture_config();
    image_boot(boot);
    cr_assert_eq(pread(whole, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    cr_assert_eq(image_judge(&root, sizeof(root), boot, &config), STORE_IMAGE_TAKEN);
    for (size_t at = 0; at < sizeof(root); at++) {
        wrong = root;
        ((unsigned char *)&wrong)[at] ^= 0x41;
        cr_assert_neq(image_judge(&wrong, sizeof(wrong), boot, &config), STORE_IMAGE_TAKEN, "byte %zu", at);
    }
    for (size_t size = 0; size < sizeof(root); size++) {
        cr_assert_neq(image_judge(&root, size, boot, &config), STORE_IMAGE_TAKEN, "%zu bytes", size);
    }
    close(whole);
}

/* Fields of the root block that lie, with a right checksum: whoever made it so, nothing is read or written outside. */
Test(store_file, sizes_that_cannot_be_are_refused) {
    size_t first = offsetof(struct image_root, limit), last = offsetof(struct image_root, sequence);
    static const uint64_t values[] = {0, 1, 63, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    for (size_t at = first; at < last; at += sizeof(uint64_t)) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            int fd = make_image();
            struct image_root root;
            struct store_config config = fixture_config();
            struct store *store;
            enum store_image image;
            cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
            bool harmless = at == offsetof(struct image_root, hash_seed) ||
                            at == offsetof(struct image_root, overflow_count) ||
                            (at == offsetof(struct image_root, overflow_free) && values[i] < UINT32_MAX) ||
                            memcmp((char *)&root + at, &values[i], sizeof(uint64_t)) == 0;
            memcpy((char *)&root + at, &values[i], sizeof(uint64_t));
            image_root_seal(&root);
            cr_assert_eq(pwrite(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
            cr_assert_eq(store_file_create(&config, fd, 1, &image, &store), 0);
            cr_assert(harmless || image != STORE_IMAGE_TAKEN, "field at %zu: %" PRIu64, at, values[i]);
            store->is_moved =
                true; /* numbers that say nothing of the file's size are not checked by anything */
            store_destroy(store);
            close(fd);
        }
    }
}

/* A byte of each section, wrong once. */
Test(store_file, every_section_is_checked) {
    for (unsigned section = 0; section < IMAGE_SECTIONS_COUNT; section++) {
        int fd = make_image();
        struct image_root root;
        char byte;
        cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
        off_t size = lseek(fd, 0, SEEK_END), behind = 0;
        for (unsigned i = IMAGE_SECTIONS_COUNT; i-- > section;) {
            behind +=
                (off_t)((root.sections[i].size + ARENA_PAGE_SIZE - 1) / ARENA_PAGE_SIZE * ARENA_PAGE_SIZE);
        }
        size = (size + ARENA_PAGE_SIZE - 1) / ARENA_PAGE_SIZE * ARENA_PAGE_SIZE;
        if (root.sections[section].size == 0) {
            close(fd);
            continue;
        }
        cr_assert_eq(pread(fd, &byte, 1, size - behind), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, size - behind), 1);
        expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
    }
}

Test(store_file, a_file_that_was_cut_is_damaged) {
    int fd = make_image();
    cr_assert_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
    expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
}

/* --- a file system without room --- */

Test(store_file, a_file_that_cannot_grow_any_more_leaves_the_store_whole) {
    int fd = make_image();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    store_worker_leave(fixture.worker);
    cr_assert_eq(close(store_file_fd(fixture.store)), 0);
    /* Nothing can be written there: the store's descriptor is one that can only be read. */
    cr_assert_eq(open("/dev/null", O_RDONLY), store_file_fd(fixture.store));
    cr_assert_lt(store_file_save(fixture.store, fixture.now_ns), 0);
    cr_expect(index_check(fixture.store));
    store_destroy(fixture.store);
    close(fd);
}
