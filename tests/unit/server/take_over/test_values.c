/* SPDX-License-Identifier: MIT
 *
 * Values of a store that connections are being sent: pinned in the store that has them, or copied out of its file.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"
#include "riposte/clock.h"
#include "riposte/reply.h"
#include "riposte/store.h"
#include "riposte/store_file.h"
#include "values.h"

TestSuite(values, .timeout = 60);

enum { VALUE_SIZE = 900000, REQUESTS = 6, CLIENTS = 3 };

static struct item_view value; /* of the one item */

/* Every byte is answered with the value. */
static struct progress answer(void *session, const struct protocol_input *input, struct reply *reply,
                              void *context) {
    (void)session;
    (void)context;
    for (size_t i = 0; i < input->bytes.size; i++) {
        cr_assert(store_pin(&value));
        reply_pin(reply, value.value, store_unpin, value.pin);
    }
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

/* Its sessions are saved as those of frames, which have nothing to save. */
static const struct protocol *values_protocol(void) {
    static struct protocol protocol;
    protocol = frames_protocol;
    protocol.on_input = answer;
    return &protocol;
}

static struct engine_listen listen_of_test;

static struct engine_config engine_config(void) {
    listen_of_test = dial_listen(values_protocol());
    return dial_config(ENGINE_EPOLL, &listen_of_test);
}

/* A store with one item, which no worker uses any more. */
static struct store *make_store(void) {
    const struct store_config config = {.memory_size_max = 16 << 20,
                                        .item_size_max = 1 << 20,
                                        .evict = true,
                                        .workers_max = 2,
                                        .hash_seed = 1,
                                        .index_power_min = 6};
    struct store *store;
    struct item *item;
    const struct put_options options = {.mode = PUT_SET};
    cr_assert_eq(store_create(&config, &store), 0);
    struct store_worker *worker = store_worker_join(store, CLOCK_NS_PER_S);
    struct bytes key = bytes_from_string("key");
    cr_assert_eq(store_item_create(worker, key, false, 0, STORE_EXPIRES_NEVER, VALUE_SIZE, &item), STORE_OK);
    char *data = store_item_value(item);
    for (size_t i = 0; i < VALUE_SIZE; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    cr_assert_eq(store_put(worker, &item, &options, NULL), STORE_OK);
    cr_assert_eq(store_get(worker, key, &value), STORE_OK);
    store_worker_leave(worker);
    return store;
}

static bool adopt(void *user, const struct engine_moved *moved) {
    struct engine_moved copy = *moved;
    copy.fd = dup(moved->fd);
    cr_assert_eq(engine_adopt(user, 0, &copy), ENGINE_ADOPTED);
    return true;
}

/* An engine that waits, and has adopted all connections of the other one. */
static struct engine *take_over(struct engine *old, struct store *store) {
    struct engine_shared shared = values_shared(store);
    struct engine_config config = engine_config();
    struct engine *new;
    struct engine_error error;
    int fds[ENGINE_WORKERS_MAX];
    listen_of_test.inherited_count = engine_listener_fds(old, 0, fds, ENGINE_WORKERS_MAX);
    listen_of_test.inherited_fds = fds;
    cr_assert_eq(engine_create(&config, &new, &error), 0);
    engine_stop(new, ENGINE_STOP_PAUSE);
    cr_assert_eq(engine_start(new, &error), 0);
    engine_await_pause(new);
    engine_share(old, &shared);
    engine_stop(old, ENGINE_STOP_FREEZE);
    engine_await_pause(old);
    cr_assert_eq(engine_export(old, adopt, new), CLIENTS);
    cr_assert_gt(engine_frozen(old).values_count, CLIENTS);
    return new;
}

struct values_test {
    struct store *store;
    struct engine *old, *new;
    int fds[CLIENTS];
};

static struct values_test begin(void) {
    struct values_test test = {.store = make_store()};
    struct engine_config config = engine_config();
    test.old = dial_start(&config);
    for (int i = 0; i < CLIENTS; i++) {
        static const char requests[REQUESTS];
        test.fds[i] = dial(test.old);
        dial_send(test.fds[i], requests, sizeof(requests));
        dial_expect(test.fds[i], value.value.data, 1);
    }
    test.new = take_over(test.old, test.store);
    return test;
}

/* The old one is gone, all that it had is sent by the new one. */
static void expect_rest(struct values_test *test) {
    struct engine_error error;
    engine_stop(test->old, ENGINE_STOP_HAND_OVER);
    engine_join(test->old);
    engine_destroy(test->old);
    cr_assert_eq(engine_resume(test->new, &error), 0);
    for (int i = 0; i < CLIENTS; i++) {
        dial_expect(test->fds[i], value.value.data + 1, VALUE_SIZE - 1);
        for (int request = 1; request < REQUESTS; request++) {
            dial_expect(test->fds[i], value.value.data, VALUE_SIZE);
        }
        close(test->fds[i]);
    }
    dial_stop(test->new);
    store_destroy(test->store); /* which asserts that no pin is left */
}

/* Nothing of the new one is left; the old one goes on, and ends. */
static void expect_nothing_changed(struct values_test *test) {
    struct engine_error error;
    engine_unpin_values(test->new);
    dial_stop(test->new);
    cr_assert_eq(engine_resume(test->old, &error), 0);
    for (int i = 0; i < CLIENTS; i++) {
        dial_expect(test->fds[i], value.value.data + 1, VALUE_SIZE - 1);
        close(test->fds[i]);
    }
    dial_stop(test->old);
    store_destroy(test->store);
}

Test(values, are_pinned_in_the_store_that_has_them) {
    struct values_test test = begin();
    struct values_source source = {.store = test.store, .file_fd = -1};
    cr_assert_eq(values_take(&source, test.new), ENGINE_ADOPTED);
    cr_expect_eq(source.lost_count, 0);
    cr_expect_eq(source.copied_size, 0);
    expect_rest(&test);
}

Test(values, are_copied_out_of_the_file_for_another_store) {
    struct values_test test = begin();
    struct values_source source = {.file_fd = store_file_fd(test.store), .copies_size_max = SIZE_MAX};
    cr_assert_eq(values_take(&source, test.new), ENGINE_ADOPTED);
    cr_expect_eq(source.lost_count, 0);
    cr_expect_gt(source.copied_size, CLIENTS * VALUE_SIZE);
    expect_rest(&test);
}

Test(values, are_copied_up_to_a_bound) {
    struct values_test test = begin();
    size_t most = engine_frozen(test.old).values_count * (size_t)VALUE_SIZE;
    struct values_source source = {.file_fd = store_file_fd(test.store), .copies_size_max = most / 2};
    cr_assert_eq(values_take(&source, test.new), ENGINE_ADOPTED);
    cr_expect_leq(source.copied_size, most / 2);
    cr_expect_gt(source.lost_count, 0);
    cr_expect_lt(source.lost_count, CLIENTS);
    cr_expect_eq(engine_frozen(test.new).connections_count, CLIENTS - source.lost_count);
    expect_nothing_changed(&test);
}

Test(values, that_the_file_does_not_have_are_refused) {
    struct values_test test = begin();
    int fd = memfd_create("other", MFD_CLOEXEC);
    struct values_source source = {.file_fd = fd, .copies_size_max = SIZE_MAX};
    cr_expect_eq(values_take(&source, test.new), ENGINE_ADOPT_BAD);
    expect_nothing_changed(&test);
    close(fd);
}

Test(values, that_the_store_does_not_have_are_refused) {
    const struct store_config config = {
        .memory_size_max = 16 << 20, .item_size_max = 1 << 20, .workers_max = 2, .index_power_min = 6};
    struct values_test test = begin();
    struct values_source source = {.file_fd = -1};
    cr_assert_eq(store_create(&config, &source.store), 0);
    cr_expect_eq(values_take(&source, test.new), ENGINE_ADOPT_BAD);
    expect_nothing_changed(&test);
    store_destroy(source.store);
}
