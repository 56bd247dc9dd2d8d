/* SPDX-License-Identifier: MIT
 *
 * Values that are sent from memory that both engines have: named, pinned by both, sent to the end, and released as often as they
 * were pinned.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "move.h"
#include "riposte/reply.h"

TestSuite(frozen, .timeout = 60);

enum {
    MEMORY_SIZE = 1 << 20,
    VALUE_SIZE = MEMORY_SIZE - 16,
    REQUESTS = 6,
    MOVES = 3,
    CLIENTS = 5,
    OTHER_SIZE = 4
};

static char memory[MEMORY_SIZE];
static _Atomic int pins_count;

static void release(void *owner) {
    cr_assert_eq(owner, &pins_count);
    atomic_fetch_sub(&pins_count, 1);
}

/* Whoever looks later sees that it is gone. */
static void free_other(void *owner) {
    memset(owner, '!', OTHER_SIZE);
    free(owner);
}

static bool offset_of(void *user, struct bytes bytes, uint64_t *offset) {
    (void)user;
    *offset = (uint64_t)(bytes.data - memory);
    return true;
}

static enum engine_adoption pin(void *user, uint64_t offset, size_t size, struct bytes *bytes, void **owner) {
    enum engine_adoption *outcome = user;
    if (*outcome != ENGINE_ADOPTED) {
        return *outcome;
    }
    cr_assert_lt(offset, MEMORY_SIZE);
    cr_assert_leq(size, MEMORY_SIZE - offset);
    atomic_fetch_add(&pins_count, 1);
    *bytes = bytes_of(memory + offset, size);
    *owner = &pins_count;
    return ENGINE_ADOPTED;
}

/* One byte each: its number, the value from there on, pinned; then some bytes that are pinned elsewhere. */
static struct progress answer(void *session, const struct protocol_input *input, struct reply *reply,
                              void *context) {
    struct progress progress = {0};
    (void)session;
    (void)context;
    while (progress.consumed < input->bytes.size) {
        char number = input->bytes.data[progress.consumed++];
        char *copy = malloc(OTHER_SIZE);
        memcpy(copy, "\r\nEN", OTHER_SIZE);
        reply_copy(reply, bytes_of(&number, 1));
        atomic_fetch_add(&pins_count, 1);
        reply_pin(reply, bytes_of(memory + number, VALUE_SIZE), release, &pins_count);
        reply_pin(reply, bytes_of(copy, OTHER_SIZE), free_other, copy);
        reply_copy_string(reply, "D");
        progress.requests++;
    }
    return progress;
}

/* Its sessions are saved as those of frames, which have nothing to save. */
static const struct protocol *values_protocol(void) {
    static struct protocol protocol;
    protocol = frames_protocol;
    protocol.on_input = answer;
    return &protocol;
}

static enum engine_adoption outcome_of_pin = ENGINE_ADOPTED;

static struct move_values sharing(void) {
    return (struct move_values){.shared = {.offset_of = offset_of, .release = release},
                                .values = {.pin = pin, .release = release, .user = &outcome_of_pin}};
}

static struct engine *start(enum engine_transport transport) {
    for (size_t i = 0; i < sizeof(memory); i++) {
        memory[i] = (char)(i * 7 + i / 251);
    }
    struct engine_listen listen = dial_listen(values_protocol());
    struct engine_config config = dial_config(transport, &listen);
    return dial_start(&config);
}

/* A client with all its answers on their way. */
static int ask(const struct engine *engine) {
    static const char numbers[REQUESTS] = {0, 1, 2, 3, 4, 5};
    int fd = dial(engine);
    dial_send(fd, numbers, sizeof(numbers));
    dial_expect(fd, numbers, 1);
    return fd;
}

static void take_all(int fd) {
    for (char number = 0; number < REQUESTS; number++) {
        if (number > 0) {
            dial_expect(fd, &number, 1);
        }
        dial_expect(fd, memory + number, VALUE_SIZE);
        dial_expect(fd, "\r\nEND", 5);
    }
}

static void expect_no_pins(void) {
    struct deadline deadline = deadline_of("the end of the last pin");
    while (atomic_load(&pins_count) != 0) {
        deadline_wait(&deadline);
    }
}

static struct engine *move(const struct move_way *way, struct engine *engine, struct move_values *values) {
    struct engine_listen listen = dial_listen(values_protocol());
    struct engine_config config = dial_config(way->to, &listen);
    return move_along_sharing(way, engine, &config, values);
}

MOVE_TEST(frozen, values_that_both_have_are_sent_to_the_end) {
    struct move_values values = sharing();
    struct engine *engine = start(way->from);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = ask(engine);
    }
    for (int i = 0; i < MOVES; i++) {
        cr_assert_gt(atomic_load(&pins_count), CLIENTS, "else nothing is on its way");
        engine = move(way, engine, &values);
    }
    for (int i = 0; i < CLIENTS; i++) {
        take_all(fds[i]);
        close(fds[i]);
    }
    expect_no_pins();
    dial_stop(engine);
}

static struct engine *start_zero_copy(const struct move_way *way) {
    struct engine *engine = start(way->from);
    struct engine_listen listen = dial_listen(values_protocol());
    struct engine_config config = dial_config(way->from, &listen);
    dial_stop(engine); /* it has filled the memory */
    config.send = ENGINE_SEND_ZERO_COPY;
    return dial_start(&config);
}

/* Of the store's memory, and of others', which is gone when it is given back too early. Nobody waits for clients. */
MOVE_TEST(frozen, what_the_kernel_sends_from_its_place_stays_there) {
    struct move_values values = sharing();
    values.shared.keeps_sent = true;
    struct engine *engine = start_zero_copy(way);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = ask(engine);
    }
    cr_assert(way->from == ENGINE_EPOLL || dial_counter(engine, sends_zero_copy) > 0);
    for (int i = 0; i < MOVES; i++) {
        engine = move(way, engine, &values);
        cr_assert_eq(dial_counter(engine, connections_current), CLIENTS);
        cr_assert_gt(atomic_load(&pins_count), CLIENTS, "all of it is kept");
    }
    for (int i = 0; i < CLIENTS; i++) {
        take_all(fds[i]);
        close(fds[i]);
    }
    expect_no_pins();
    dial_stop(engine);
}

/* Where the other one does not keep it, or it has no name: waited for, and then closed. */
MOVE_TEST(frozen, what_the_kernel_sends_and_nobody_keeps_ends_its_connection) {
    struct move_values values = sharing();
    if (way->from == ENGINE_EPOLL || way->back) {
        cr_skip_test("nothing is sent so");
    }
    struct engine *engine = start_zero_copy(way);
    int fd = ask(engine);
    engine = move(way, engine, &values);
    cr_assert_eq(dial_counter(engine, connections_current), 0);
    close(fd);
    expect_no_pins();
    dial_stop(engine);
}

/* Its client takes nothing more: reset, and then nothing is kept any more. */
MOVE_TEST(frozen, what_the_kernel_sends_is_kept_until_its_connection_is_closed) {
    struct move_values values = sharing();
    values.shared.keeps_sent = true;
    struct engine *engine = start_zero_copy(way);
    int fd = ask(engine);
    engine = move(way, engine, &values);
    cr_assert_gt(atomic_load(&pins_count), 0);
    dial_stop(engine); /* clients have all of the drain time to take it */
    cr_assert_eq(atomic_load(&pins_count), 0);
    close(fd);
}

MOVE_TEST(frozen, without_such_memory_they_are_copied) {
    struct engine *engine = start(way->from);
    int fd = ask(engine);
    engine = move(way, engine, NULL);
    expect_no_pins();
    take_all(fd);
    close(fd);
    dial_stop(engine);
}

Test(frozen, what_is_named_is_not_copied) {
    struct move_values values = sharing();
    struct engine *engine = start(ENGINE_EPOLL);
    int fd = ask(engine);
    engine_share(engine, &values.shared);
    move_freeze(engine);
    struct engine_frozen frozen = engine_frozen(engine);
    cr_expect_eq(frozen.connections_count, 1);
    cr_expect_geq(frozen.values_count, 2);
    cr_expect_eq((int)frozen.values_count, atomic_load(&pins_count));
    cr_expect_lt(frozen.records_size, 4096);
    dial_stop(engine);
    expect_no_pins();
    close(fd);
}

static bool adopt(void *user, const struct engine_moved *moved) {
    struct engine *new = user;
    struct engine_moved copy = *moved;
    copy.fd = dup(moved->fd);
    cr_assert_eq(engine_adopt(new, 0, &copy), ENGINE_ADOPTED);
    return true;
}

/* The old one is as it was, and nobody's pins are left in the new one. */
static void expect_refused(enum engine_adoption refused, unsigned lost_count) {
    struct move_values values = sharing();
    struct engine *engine = start(ENGINE_EPOLL);
    struct engine_listen listen = dial_listen(values_protocol());
    struct engine_config config = dial_config(ENGINE_EPOLL, &listen);
    struct engine *new;
    struct engine_error error;
    int fds[ENGINE_WORKERS_MAX], fd = ask(engine);
    listen.inherited_count = engine_listener_fds(engine, 0, fds, ENGINE_WORKERS_MAX);
    listen.inherited_fds = fds;
    cr_assert_eq(engine_create(&config, &new, &error), 0);
    engine_stop(new, ENGINE_STOP_PAUSE);
    cr_assert_eq(engine_start(new, &error), 0);
    engine_await_pause(new);
    engine_share(engine, &values.shared);
    move_freeze(engine);
    int before = atomic_load(&pins_count);
    cr_assert_eq(engine_export(engine, adopt, new), 1);
    unsigned lost;
    outcome_of_pin = refused;
    enum engine_adoption outcome = engine_pin_values(new, &values.values, &lost);
    cr_expect_eq(outcome, refused == ENGINE_ADOPT_BAD ? ENGINE_ADOPT_BAD : ENGINE_ADOPTED);
    cr_expect_eq(lost, lost_count);
    engine_unpin_values(new);
    cr_expect_eq(atomic_load(&pins_count), before);
    dial_stop(new);
    cr_expect_eq(atomic_load(&pins_count), before);
    move_take_back(engine);
    take_all(fd);
    close(fd);
    expect_no_pins();
    dial_stop(engine);
}

Test(frozen, a_new_engine_that_pins_and_does_not_serve_changes_nothing) {
    expect_refused(ENGINE_ADOPTED, 0);
}

Test(frozen, what_cannot_be_is_refused_as_a_whole) {
    expect_refused(ENGINE_ADOPT_BAD, 0);
}

Test(frozen, for_whose_values_there_is_no_memory_is_closed_there_alone) {
    expect_refused(ENGINE_ADOPT_NO_MEMORY, 1);
}
