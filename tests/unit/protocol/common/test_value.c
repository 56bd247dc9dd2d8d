/* SPDX-License-Identifier: MIT
 *
 * value: which values are copied and which are sent from the store's memory.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "riposte/clock.h"
#include "value.h"

static struct store *store;
static struct store_worker *worker;
static struct reply reply;

static void init(void) {
    struct store_config config = {.memory_size_max = 8 << 20,
                                  .item_size_max = 1 << 20,
                                  .evict = true,
                                  .workers_max = 1,
                                  .hash_seed = 1};
    cr_assert_eq(store_create(&config, &store), 0);
    worker = store_worker_join(store, clock_monotonic_ns());
    reply = (struct reply){.unsent_size_max = 1 << 20};
}

static void deinit(void) {
    reply_discard(&reply);
    store_worker_leave(worker);
    store_destroy(store);
}

TestSuite(value, .init = init, .fini = deinit);

static void store_value(size_t size, char byte, struct item_view *view) {
    struct item *item;
    struct bytes key = bytes_from_string("key");
    struct put_options options = {.mode = PUT_SET};
    cr_assert_eq(store_item_create(worker, key, false, 0, STORE_EXPIRES_NEVER, size, &item), STORE_OK);
    memset(store_item_value(item), byte, size);
    cr_assert_eq(store_put(worker, &item, &options, NULL), STORE_OK);
    if (view != NULL) {
        cr_assert_eq(store_get(worker, key, view), STORE_OK);
    }
}

/* The reply is `size` times `byte`, in one piece. */
static void expect_reply(size_t size, char byte) {
    struct iovec iov[4];
    size_t total;
    cr_assert_eq(reply_iov(&reply, iov, 4, &total), 1);
    cr_assert_eq(total, size);
    for (size_t i = 0; i < size; i++) {
        cr_assert_eq(((const char *)iov[0].iov_base)[i], byte, "byte %zu", i);
    }
    reply_sent(&reply, total);
}

Test(value, below_the_bound_is_copied_and_from_it_on_pinned) {
    struct item_view view;
    store_value(VALUE_PIN_SIZE_MIN, 'a', &view);
    struct bytes all = view.value;
    cr_expect_not(value_reply(&reply, &view, bytes_of(all.data, VALUE_PIN_SIZE_MIN - 1)));
    expect_reply(VALUE_PIN_SIZE_MIN - 1, 'a');
    cr_expect(value_reply(&reply, &view, all));
    expect_reply(VALUE_PIN_SIZE_MIN, 'a');
}

Test(value, keeps_its_bytes_until_they_are_sent_whatever_is_stored_meanwhile) {
    struct item_view view;
    store_value(VALUE_PIN_SIZE_MIN, 'a', &view);
    cr_expect(value_reply(&reply, &view, view.value));
    for (int i = 0; i < 100; i++) {
        store_value(VALUE_PIN_SIZE_MIN, 'b', NULL);
        store_quiescent(worker, clock_monotonic_ns());
    }
    expect_reply(VALUE_PIN_SIZE_MIN, 'a');
}

Test(value, may_be_sent_in_part_and_with_the_line_end_behind_it) {
    struct item_view view;
    store_value(2 * VALUE_PIN_SIZE_MIN, 'a', &view);
    cr_expect(value_reply(&reply, &view, bytes_of(view.value.data + 7, VALUE_PIN_SIZE_MIN)));
    expect_reply(VALUE_PIN_SIZE_MIN, 'a');
    cr_expect_not(value_reply(&reply, &view, bytes_of(view.value.data + view.value.size, 2)));
    struct iovec iov[1];
    size_t size;
    reply_iov(&reply, iov, 1, &size);
    cr_expect(size == 2 && memcmp(iov[0].iov_base, "\r\n", 2) == 0);
}

Test(value, fits_a_reserve_up_to_what_its_head_leaves) {
    cr_expect(value_fits_reserve(100, REPLY_RESERVE_SIZE_MAX - 100));
    cr_expect_not(value_fits_reserve(100, REPLY_RESERVE_SIZE_MAX - 99));
    cr_expect(value_fits_reserve(REPLY_RESERVE_SIZE_MAX, 0));
}
