/* SPDX-License-Identifier: MIT
 *
 * A store in a file: what one has left is taken by the next, and nothing else is.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "file_fixture.h"

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

/* Each stop cuts off a part of a second of the store's clock, which must not fall behind the wall clock by them. */
Test(store_file, times_of_day_are_those_of_the_clock_after_any_number_of_restarts) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    store_clock_shift_wall(fixture.store, -5); /* as much as some restarts would cut off */
    fixture = reopen(&fixture, fd);
    uint64_t told_s = store_clock_unix_s(fixture.store, fixture.now_ns);
    uint64_t real_s = clock_real_ns() / CLOCK_NS_PER_S;
    cr_expect(told_s + 1 >= real_s && told_s <= real_s + 1, "%" PRIu64 " of %" PRIu64, told_s, real_s);
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

/* Sizes that are no whole number of segments, as -m less the buffers of a server is. Where the system has no addresses for more, the highest is the first. */
Test(store_file, the_limit_may_be_the_highest_one) {
    struct store_config config = fixture_config();
    config.memory_size_max += 1000;
    int fd = open_file();
    struct fixture fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    cr_assert_eq(fixture_set(&fixture, "a", "v"), STORE_OK);
    save_store(&fixture);
    config.memory_size_max *= 4;
    fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    expect_value(&fixture, "a", "v");
    cr_expect_eq(levels_of(&fixture).memory_size_max, config.memory_size_max);
    save_store(&fixture);
    config.memory_size_max += 1;
    fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_LIMIT);
    expect_missing(&fixture, "a");
    fixture_close(&fixture);
    close(fd);
}

/* --- two processes that agree who has it --- */

/* Each has it for 1.9 s. */
Test(store_file, no_part_of_a_second_is_lost_from_one_to_the_next) {
    enum { TURNS = 10, HELD_MS = 1900 };
    int fd = open_file();
    struct store_config config = fixture_config();
    struct fixture fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    uint32_t begin = store_now_tick(fixture.worker);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        enum store_image image;
        fixture_turn(&fixture, HELD_MS);
        save_store(&fixture);
        cr_assert_eq(store_file_take(&config, fd, -1, fixture.now_ns, &image, &fixture.store), 0);
        store_file_settle(fixture.store);
        fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    }
    cr_expect_eq(store_now_tick(fixture.worker), begin + TURNS * HELD_MS / 1000);
    fixture_close(&fixture);
    close(fd);
}

/* --- what is not taken --- */

/* It is not damaged, and no store in other memory takes its place. */
Test(store_file, without_a_descriptor_nothing_is_made_and_that_is_said) {
    struct store_config config = fixture_config();
    struct fixture fixture = fixture_open();
    struct store *store = NULL;
    enum store_image image;
    int fd = make_image();
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int last = open_file(); /* all below are open then */
    limit.rlim_cur = (rlim_t)last + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(store_file_take(&config, fd, -1, CLOCK_NS_PER_S, &image, &store), -EMFILE);
    cr_expect_eq(store_create(&config, &store), -EMFILE);
    cr_expect_eq(store_file_save(fixture.store, fixture.now_ns), -EMFILE);
    limit.rlim_cur += 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(store_file_take(&config, fd, -1, CLOCK_NS_PER_S, &image, &store), 0);
    store_destroy(store);
    fixture_close(&fixture);
}

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

/* pwrite at the beginning of a file answers EIO from here on, and whatever else is asked for is done. */
static void forbid_root_blocks(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(store_file, a_root_block_that_cannot_be_written_leaves_the_store_whole) {
    int fd = open_file();
    struct store_config config = fixture_config();
    config.memory_size_max = (size_t)64 * FIXTURE_MIB;
    config.index_power_min = 15; /* 2 MiB of buckets, whose memory is given back as they are written */
    struct fixture fixture = open_store(fd, config, CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < 2000; i++) {
        fixture_set_number(&fixture, i, 20);
    }
    store_worker_leave(fixture.worker);
    forbid_root_blocks();
    cr_assert_eq(store_file_save(fixture.store, fixture.now_ns), -EIO);
    cr_expect(index_check(fixture.store));
    fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    for (uint64_t i = 0; i < 2000; i++) {
        struct item_view view;
        cr_assert_eq(fixture_get_number(&fixture, i, &view), STORE_OK);
    }
    fixture_close(&fixture);
    close(fd);
}

/* --- the note --- */

Test(store_file, a_note_goes_with_the_items_until_another_takes_its_place) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    cr_assert_eq(store_note(fixture.store).size, 0);
    cr_assert_eq(store_note_set(fixture.store, text("first")), 0);
    for (unsigned i = 0; i < 3; i++) {
        fixture = reopen(&fixture, fd);
        cr_assert(bytes_equal_string(store_note(fixture.store), "first"));
    }
    cr_assert_eq(store_note_set(fixture.store, text("second")), 0);
    fixture = reopen(&fixture, fd);
    cr_assert(bytes_equal_string(store_note(fixture.store), "second"));
    cr_assert_eq(store_note_set(fixture.store, bytes_of(NULL, 0)), 0);
    fixture = reopen(&fixture, fd);
    cr_assert_eq(store_note(fixture.store).size, 0);
    fixture_close(&fixture);
    close(fd);
}

Test(store_file, a_note_has_at_most_1_mib) {
    static char note[STORE_NOTE_SIZE_MAX + 1];
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    memset(note, 'n', sizeof(note));
    cr_assert_eq(store_note_set(fixture.store, bytes_of(note, STORE_NOTE_SIZE_MAX)), 0);
    cr_assert_eq(store_note_set(fixture.store, bytes_of(note, sizeof(note))), -E2BIG);
    fixture = reopen(&fixture, fd);
    cr_assert(bytes_equal(store_note(fixture.store), bytes_of(note, STORE_NOTE_SIZE_MAX)));
    fixture_close(&fixture);
    close(fd);
}
