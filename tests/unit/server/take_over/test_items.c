/* SPDX-License-Identifier: MIT
 *
 * Items that are asked for one by one: pieces come as long as there is time and they are wanted, and what is left is counted.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"
#include "items.h"
#include "riposte/clock.h"
#include "riposte/store.h"
#include "riposte/store_file.h"

enum { COUNT = 300, VALUE_SIZE = 20000 /* several pieces in all */ };

TestSuite(items, .timeout = 30);

struct sides {
    struct store *old;
    int old_fd, new_fd;
    int records_fd;
    struct items_out out;
    uint64_t deadline_ns;
};

static struct store *store_make_full(unsigned count) {
    const struct store_config config = {.memory_size_max = 64 << 20,
                                        .item_size_max = 1 << 20,
                                        .evict = true,
                                        .workers_max = 2,
                                        .hash_seed = 1};
    static char value[VALUE_SIZE];
    struct store *store;
    cr_assert_eq(store_create(&config, &store), 0);
    for (unsigned i = 0; i < count; i++) {
        struct store_worker *worker = store_worker_join(store, clock_monotonic_ns());
        char key[16];
        int size = snprintf(key, sizeof(key), "key%u", i);
        struct store_record set = {.key = bytes_of(key, (size_t)size), .value = bytes_of(value, VALUE_SIZE)};
        set.hash = store_hash(worker, set.key);
        cr_assert_eq(store_set(worker, &set), STORE_OK);
        store_worker_leave(worker);
    }
    return store;
}

static struct sides sides_open(void) {
    struct sides sides = {.old = store_make_full(COUNT),
                          .records_fd = memfd_create("test", MFD_CLOEXEC),
                          .deadline_ns = clock_monotonic_ns() + 20 * CLOCK_NS_PER_S};
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    sides.old_fd = fds[0];
    sides.new_fd = fds[1];
    cr_assert_eq(store_file_save(sides.old, clock_monotonic_ns()), 0);
    return sides;
}

/* The store of the old one is whole, and can be left in its memory again. */
static void sides_close(struct sides *sides) {
    struct store_levels levels;
    cr_expect(items_send_end(&sides->out));
    store_stats(sides->old, &levels);
    cr_expect_eq(levels.items_count, COUNT);
    cr_expect_eq(store_file_save(sides->old, clock_monotonic_ns()), 0);
    store_destroy(sides->old);
    close(sides->old_fd);
    close(sides->new_fd);
    close(sides->records_fd);
}

static void answer(struct sides *sides, bool no_more, uint64_t until_ns) {
    const struct message_items_wanted wanted = {.no_more = no_more};
    cr_assert_eq(items_send(&sides->out, sides->old, &wanted, sides->old_fd, sides->records_fd, until_ns,
                            sides->deadline_ns),
                 0);
}

static struct message hear(int fd, uint64_t deadline_ns) {
    struct message message;
    struct channel_fds fds;
    cr_assert_eq(channel_receive(fd, &message, &fds, deadline_ns), 0);
    return message;
}

Test(items, without_time_all_are_left_and_counted) {
    struct sides sides = sides_open();
    answer(&sides, false, 0);
    struct message message = hear(sides.new_fd, sides.deadline_ns);
    cr_assert_eq(message.kind, MESSAGE_ITEMS_END);
    cr_expect_eq(message.items_end.left_count, COUNT);
    sides_close(&sides);
}

Test(items, who_wants_no_more_hears_how_many_are_left) {
    struct sides sides = sides_open();
    answer(&sides, false, sides.deadline_ns);
    cr_assert_eq(hear(sides.new_fd, sides.deadline_ns).kind, MESSAGE_ITEMS);
    answer(&sides, true, sides.deadline_ns);
    struct message message = hear(sides.new_fd, sides.deadline_ns);
    cr_assert_eq(message.kind, MESSAGE_ITEMS_END);
    cr_expect_gt(message.items_end.left_count, 0);
    cr_expect_lt(message.items_end.left_count, COUNT);
    sides_close(&sides);
}

Test(items, all_come_in_bounded_memory) {
    struct sides sides = sides_open();
    struct store *new = store_make_full(0);
    struct store_import *target = store_import_begin(new, SIZE_MAX, clock_monotonic_ns());
    struct store_imported imported;
    unsigned wanted_count = 0;
    cr_assert_eq(items_ask(sides.new_fd, sides.deadline_ns), 0);
    for (bool goes_on = true; goes_on;) {
        struct message wanted = hear(sides.old_fd, sides.deadline_ns);
        cr_assert_eq(wanted.kind, MESSAGE_ITEMS_WANTED);
        answer(&sides, wanted.items_wanted.no_more, sides.deadline_ns);
        struct message message = hear(sides.new_fd, sides.deadline_ns);
        goes_on = message.kind == MESSAGE_ITEMS;
        wanted_count++;
        if (goes_on) {
            cr_assert_eq(
                items_take(target, &message.items, sides.new_fd, sides.records_fd, sides.deadline_ns), 0);
        }
    }
    store_import_end(target, &imported);
    struct stat status;
    cr_assert_eq(fstat(sides.records_fd, &status), 0);
    cr_expect_eq(imported.items_count, COUNT);
    cr_expect_gt(wanted_count, 5, "several pieces: %u", wanted_count);
    cr_expect_leq(status.st_size, 3 * ITEMS_PIECE_SIZE, "places are used again");
    store_destroy(new);
    sides_close(&sides);
}

Test(items, a_piece_that_is_damaged_or_not_there_is_refused) {
    struct sides sides = sides_open();
    struct store *new = store_make_full(0);
    struct store_import *target = store_import_begin(new, SIZE_MAX, clock_monotonic_ns());
    struct store_imported imported;
    answer(&sides, false, sides.deadline_ns);
    struct message_items piece = hear(sides.new_fd, sides.deadline_ns).items;
    struct message_items beyond = {.offset = piece.offset + 1, .size = piece.size};
    cr_expect_eq(items_take(target, &beyond, sides.new_fd, sides.records_fd, sides.deadline_ns), -EPROTO);
    cr_assert_eq(pwrite(sides.records_fd, "!", 1, (off_t)(piece.offset + piece.size / 2)), 1);
    cr_expect_eq(items_take(target, &piece, sides.new_fd, sides.records_fd, sides.deadline_ns), -EPROTO);
    store_import_end(target, &imported);
    cr_expect_eq(imported.items_count, 0);
    store_destroy(new);
    sides_close(&sides);
}
