/* SPDX-License-Identifier: MIT
 *
 * A filter that waits for another thread: it is not called meanwhile, whatever comes, and goes on when it is ready.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "riposte/clock.h"
#include "riposte/filter.h"
#include "riposte/reply.h"

TestSuite(filter_later, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(filter_later, name)

/* The first byte of a client takes another thread until the test opens the gate; what follows is plain. */
static _Atomic bool gate;
static _Atomic unsigned waiting, early, closed;

struct later {
    bool waits;
    bool is_open;
};

static struct filter_progress later_open(void *state, struct reply *output, void *context) {
    (void)state;
    (void)output;
    (void)context;
    return (struct filter_progress){.next = FILTER_NEXT_INPUT, .opening = true};
}

static struct filter_progress later_receive(void *state, struct bytes wire, char *plain,
                                            size_t plain_size_max, struct reply *output, void *context) {
    struct later *later = state;
    (void)output;
    (void)context;
    if (!later->is_open && !later->waits) {
        later->waits = wire.size > 0;
        atomic_fetch_add(&waiting, later->waits);
        return (struct filter_progress){.next = later->waits ? FILTER_NEXT_LATER : FILTER_NEXT_INPUT,
                                        .consumed = later->waits,
                                        .opening = true};
    }
    atomic_fetch_add(&early, !atomic_load(&gate));
    later->is_open = true;
    size_t size = wire.size < plain_size_max ? wire.size : plain_size_max;
    if (size > 0) { /* it is called as well where nothing has come */
        memcpy(plain, wire.data, size);
    }
    return (struct filter_progress){.next = size < wire.size ? FILTER_NEXT_AGAIN : FILTER_NEXT_INPUT,
                                    .consumed = size,
                                    .plain_size = size};
}

static bool later_ready(const void *state) {
    cr_assert(((const struct later *)state)->waits);
    return atomic_load(&gate);
}

static size_t later_send(void *state, const struct iovec *plain, unsigned plain_count, struct reply *output,
                         void *context) {
    (void)state;
    (void)plain_count;
    (void)context;
    reply_copy(output, bytes_of(plain[0].iov_base, plain[0].iov_len));
    return plain[0].iov_len;
}

static void later_close(void *state, void *context) {
    (void)state;
    (void)context;
    atomic_fetch_add(&closed, 1);
}

static const struct filter later_filter = {.name = "later",
                                           .state_size = sizeof(struct later),
                                           .open = later_open,
                                           .receive = later_receive,
                                           .ready = later_ready,
                                           .send = later_send,
                                           .close = later_close};

static struct engine *start(enum engine_transport transport) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    listen.filter = &later_filter;
    struct engine_config config = dial_config(transport, &listen);
    config.workers_count = 1;
    return dial_start(&config);
}

static void open_gate(struct engine *engine) {
    atomic_store(&gate, true);
    engine_wake_worker(engine, 0);
}

static void await(const _Atomic unsigned *number, unsigned count) {
    struct deadline deadline = deadline_of("connections that wait, or have closed");
    while (atomic_load(number) != count) {
        deadline_wait(&deadline);
    }
}

ON_BOTH_TRANSPORTS(keeps_what_comes_meanwhile) {
    enum { SIZE = 200, FRAMES = 1000 }; /* more than is received ahead */
    static char frame[SIZE + 2] = {0, (char)SIZE};
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    dial_send(fd, "k", 1);
    await(&waiting, 1);
    for (int i = 0; i < FRAMES; i++) {
        dial_send(fd, frame, sizeof(frame));
    }
    dial_expect_open(fd, 50);
    cr_expect_eq(dial_counter(engine, requests), 0);
    open_gate(engine);
    for (int i = 0; i < FRAMES; i++) {
        dial_expect(fd, frame, sizeof(frame));
    }
    close(fd);
    dial_stop(engine);
    cr_expect_eq(atomic_load(&early), 0, "calls before it was ready");
}

/* The first, one in the middle and the last of those that wait leave, in ways that differ; their slots get new owners. */
ON_BOTH_TRANSPORTS(forgets_those_that_leave_meanwhile) {
    enum { CLIENTS = 9 };
    struct engine *engine = start(*transport);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        dial_send(fds[i], "k", 1);
        await(&waiting, (unsigned)i + 1);
    }
    for (int i = 0; i < CLIENTS; i += 4) {
        struct linger reset = {.l_onoff = 1};
        setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fds[i]);
    }
    await(&closed, 3);
    fds[0] = dial(engine);
    dial_send(fds[0], "k", 1);
    await(&waiting, CLIENTS + 1);
    open_gate(engine);
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 4 != 0 || i == 0) {
            dial_send(fds[i], "\0\1x", 3);
            dial_expect(fds[i], "\0\1x", 3);
            close(fds[i]);
        }
    }
    dial_stop(engine);
    cr_expect_eq(atomic_load(&early), 0, "calls before it was ready");
    cr_expect_eq(atomic_load(&closed), CLIENTS + 1);
}

ON_BOTH_TRANSPORTS(does_not_hold_up_a_stop) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    dial_send(fd, "k", 1);
    await(&waiting, 1);
    dial_stop(engine);
    cr_expect_eq(atomic_load(&closed), 1);
    close(fd);
}

/* As a signature with a slow key on a busy machine: its client is not late, and has its time to answer from then on. */
ON_BOTH_TRANSPORTS(is_waited_for_in_a_stop_longer_than_a_client_is) {
    enum { LATE_MS = 400 /* than a client may be: 250 */ };
    static const char request[] = {0, 1, 'x'};
    struct engine *engine = start(*transport);
    int waits = dial(engine), silent = dial(engine);
    dial_send(waits, "k", 1);
    await(&waiting, 1);
    uint64_t began_ns = clock_monotonic_ns();
    engine_stop(engine, ENGINE_STOP_CLOSE);
    dial_expect_end(silent);
    struct deadline late = deadline_of("the time of a client is over");
    while (clock_monotonic_ns() - began_ns < LATE_MS * CLOCK_NS_PER_MS) {
        deadline_wait(&late);
    }
    open_gate(engine);
    dial_send(waits, request, sizeof(request));
    dial_expect(waits, request, sizeof(request));
    dial_expect_end(waits);
    engine_join(engine);
    engine_destroy(engine);
    close(waits);
    close(silent);
}
