/* SPDX-License-Identifier: MIT
 *
 * A filter that has much work with few bytes: what waits for it, and what others have meanwhile. On both transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"
#include "twice.h"

TestSuite(filter_work, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(filter_work, name)

static _Atomic unsigned turn_steps_max; /* of one turn */

/* At the begin of each turn: what the one before has had. */
static unsigned watch_turn(void *user, uint64_t now_ns) {
    static unsigned before;
    (void)user;
    (void)now_ns;
    unsigned now = atomic_load(&twice_steps);
    if (now - before > atomic_load(&turn_steps_max)) {
        atomic_store(&turn_steps_max, now - before);
    }
    before = now;
    return 0;
}

static struct engine *start_working(enum engine_transport transport) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    listen.filter = &twice_filter;
    struct engine_config config = dial_config(transport, &listen);
    config.workers_count = 1;
    config.hooks.turn = watch_turn;
    twice_step_size = 32;
    return dial_start(&config);
}

static void stop(struct engine *engine) {
    dial_stop(engine);
    cr_expect_eq(atomic_load(&twice_opened), atomic_load(&twice_closed));
}

/* 700 steps of a tenth of a millisecond come at once: a turn has 1 ms and half of one more, and another client its answer in between. */
ON_BOTH_TRANSPORTS(much_work_of_one_client_is_spread_over_turns) {
    enum { SIZE = 11000, TURN_STEPS_MAX = 40 };
    struct engine *engine = start_working(*transport);
    int hog = twice_dial_opened(engine), victim = twice_dial_opened(engine);
    size_t wire_size, small_size;
    char *wire = twice_frame(SIZE, &wire_size), *small = twice_frame(10, &small_size);
    dial_send(hog, wire, wire_size);
    while (atomic_load(&twice_steps) == 0) {
        continue;
    }
    dial_send(victim, small, small_size);
    dial_expect(victim, small, small_size);
    cr_expect_lt(atomic_load(&twice_steps), wire_size / twice_step_size - TURN_STEPS_MAX,
                 "the hog was served first");
    dial_expect(hog, wire, wire_size);
    cr_expect_lt(atomic_load(&turn_steps_max), TURN_STEPS_MAX);
    dial_send(hog, small, small_size); /* in one step, and soon */
    dial_expect(hog, small, small_size);
    free(wire);
    free(small);
    close(hog);
    close(victim);
    stop(engine);
}

/* The work of many, of whom each has little: half of a turn at most as it comes, and all are answered. */
ON_BOTH_TRANSPORTS(a_little_work_of_many_clients_is_spread_over_turns) {
    enum { CLIENTS = 100, TURN_STEPS_MAX = 40 };
    struct engine *engine = start_working(*transport);
    int fds[CLIENTS];
    size_t wire_size;
    char *wire = twice_frame(20, &wire_size);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = twice_dial_opened(engine);
    }
    for (int rounds = 0; rounds < 3; rounds++) {
        for (int i = 0; i < CLIENTS; i++) {
            dial_send(fds[i], wire, wire_size);
        }
        for (int i = 0; i < CLIENTS; i++) {
            dial_expect(fds[i], wire, wire_size);
        }
    }
    cr_expect_lt(atomic_load(&turn_steps_max), TURN_STEPS_MAX);
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    free(wire);
    stop(engine);
}

/* More than a connection may have waiting: the rest stays in the socket. */
ON_BOTH_TRANSPORTS(what_waits_for_the_filter_is_bounded) {
    enum { SIZE = 60000, FRAMES = 20, HELD_MAX = 2 * 1024 * 1024 };
    struct engine *engine = start_working(*transport);
    twice_step_size = 8192;
    int fd = twice_dial_opened(engine);
    size_t wire_size;
    char *wire = twice_frame(SIZE, &wire_size);
    if (fork() == 0) {
        for (int i = 0; i < FRAMES; i++) {
            dial_send(fd, wire, wire_size);
        }
        _exit(0);
    }
    uint64_t held_size_max = 0;
    for (int i = 0; i < FRAMES; i++) {
        dial_expect(fd, wire, wire_size);
        uint64_t held_size = engine_conn_memory_size(engine);
        held_size_max = held_size > held_size_max ? held_size : held_size_max;
    }
    wait(NULL);
    cr_expect_lt(held_size_max, (uint64_t)HELD_MAX);
    free(wire);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(what_waits_for_the_filter_is_answered_after_the_client_has_ended) {
    enum { SIZE = 4000 };
    struct engine *engine = start_working(*transport);
    int fd = twice_dial_opened(engine);
    size_t wire_size;
    char *wire = twice_frame(SIZE, &wire_size);
    dial_send(fd, wire, wire_size);
    dial_send(fd, wire, wire_size);
    shutdown(fd, SHUT_WR);
    dial_expect(fd, wire, wire_size);
    dial_expect(fd, wire, wire_size);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    free(wire);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(what_cannot_be_among_what_waits_is_answered_and_closed) {
    enum { SIZE = 2000 };
    struct engine *engine = start_working(*transport);
    int fd = twice_dial_opened(engine);
    size_t wire_size;
    char *wire = twice_frame(SIZE, &wire_size);
    dial_send(fd, wire, wire_size);
    dial_expect(fd, wire, wire_size);
    memcpy(wire + wire_size / 2 / 2 * 2, "xy", 2);
    dial_send(fd, wire, wire_size);
    dial_send(fd, wire, wire_size); /* and what comes behind is nobody's */
    dial_expect(fd, "error", 5);
    free(wire);
    close(fd);
    stop(engine);
}

/* A client that is gone while its bytes wait, a hundred times. */
ON_BOTH_TRANSPORTS(what_waits_for_the_filter_goes_with_its_client) {
    struct engine *engine = start_working(*transport);
    size_t wire_size;
    char *wire = twice_frame(2000, &wire_size);
    for (int i = 0; i < 100; i++) {
        int fd = twice_dial_opened(engine);
        dial_send(fd, wire, wire_size);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
    }
    int fd = twice_dial_opened(engine);
    dial_send(fd, wire, wire_size);
    dial_expect(fd, wire, wire_size);
    close(fd);
    free(wire);
    stop(engine);
}
