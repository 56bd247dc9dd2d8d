/* SPDX-License-Identifier: MIT
 *
 * Connections that cannot be moved, and have not heard the end when all others are, on both transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "move.h"
#include "riposte/reply.h"
#include "twice.h"

TestSuite(retain, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(retain, name)

static struct engine_listen greeting_listen(void) {
    struct engine_listen listen = dial_listen(&frames_with_greeting);
    listen.filter = &twice_filter;
    return listen;
}

static struct engine_config one_worker_config(enum engine_transport transport, struct engine_listen *listen) {
    twice_opens = true;
    *listen = greeting_listen();
    struct engine_config config = dial_config(transport, listen);
    config.workers_count = 1;
    return config;
}

/* A client whose connection has a filter that is opening. */
static int dial_silent(struct engine *engine) {
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    return fd;
}

/* The engine is another process's past: of its connections those that stay behind hear the end. */
static void give_away(struct engine *engine) {
    engine_stop(engine, ENGINE_STOP_HAND_OVER);
    engine_join(engine);
    engine_destroy(engine);
}

/* The client believes that it is served: the end of its handshake and a request are on their way when the engine freezes. */
ON_BOTH_TRANSPORTS(a_handshake_that_is_cut_by_a_move_ends_and_then_the_connection_does) {
    struct engine_listen listen;
    struct engine_config config = one_worker_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    size_t wire_size;
    char *wire = twice_frame(100, &wire_size);
    int late = dial_silent(engine), silent = dial_silent(engine), asked = dial_silent(engine);
    dial_send(late, "k", 1);
    dial_send(asked, "kk", 2);
    dial_expect(asked, "hheelllloo", 10);
    move_freeze(engine);
    cr_expect_eq(engine_frozen(engine).connections_count, 1); /* the one that has heard the end */
    dial_expect_open(late, 100);
    dial_expect_open(silent, 0);
    dial_send(late, "k", 1);
    dial_send(late, wire, wire_size);
    give_away(engine);
    dial_expect(late, "bye", 3);
    dial_expect_end(late);
    dial_expect(silent, "bye", 3);
    dial_expect_end(silent);
    dial_expect(asked, "bye", 3);
    dial_expect_end(asked);
    cr_expect_eq(atomic_load(&twice_opened), atomic_load(&twice_closed));
    close(late);
    close(silent);
    close(asked);
    free(wire);
}

ON_BOTH_TRANSPORTS(a_handshake_goes_on_where_a_move_is_taken_back) {
    struct engine_listen listen;
    struct engine_config config = one_worker_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    size_t wire_size;
    char *wire = twice_frame(100, &wire_size);
    int before = dial_silent(engine), after = dial_silent(engine);
    dial_send(before, "k", 1);
    dial_send(after, "k", 1);
    move_freeze(engine);
    dial_send(before, "k", 1);
    dial_send(before, wire, wire_size);
    move_take_back(engine);
    dial_send(after, "k", 1);
    dial_send(after, wire, wire_size);
    int fds[] = {before, after};
    for (int i = 0; i < 2; i++) {
        dial_expect(fds[i], "hheelllloo", 10);
        dial_expect(fds[i], wire, wire_size);
        close(fds[i]);
    }
    free(wire);
    dial_stop(engine);
}

/* Reads whole frames and what is behind them, to the end; returns how many. */
static unsigned expect_frames_and_bye(int fd, const char *wire, size_t wire_size) {
    char *read_back = malloc(wire_size);
    for (unsigned count = 0;; count++) {
        size_t size = 0;
        ssize_t got = 1;
        while (size < wire_size && got > 0) {
            got = recv(fd, read_back + size, wire_size - size, 0);
            size += got > 0 ? (size_t)got : 0;
        }
        cr_assert_eq(memcmp(read_back, size < wire_size ? "bye" : wire, size), 0);
        if (size < wire_size) {
            cr_assert_eq(got, 0, "it ends with a reset");
            cr_assert_eq(size, 3);
            free(read_back);
            return count;
        }
    }
}

/* More was answered than the filter may have on its way at a time, and more was asked for than was answered. */
ON_BOTH_TRANSPORTS(a_slow_client_that_cannot_be_moved_has_its_answers_and_the_end) {
    enum { SIZE = 60000 };
    struct engine_listen listen;
    struct engine_config config = one_worker_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    size_t wire_size;
    char *wire = twice_frame(SIZE, &wire_size);
    int fd = dial_silent(engine);
    dial_send(fd, "kk", 2);
    dial_expect(fd, "hheelllloo", 10);
    struct deadline slow = deadline_of("a client that is not read from");
    for (size_t at = 0; dial_counter(engine, output_pauses) == 0;) {
        ssize_t sent = send(fd, wire + at, wire_size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at = (at + (sent > 0 ? (size_t)sent : 0)) % wire_size;
        if (sent < 0) {
            deadline_wait(&slow);
        }
    }
    uint64_t asked = dial_counter(engine, requests);
    move_freeze(engine);
    cr_expect_eq(engine_frozen(engine).connections_count, 0);
    engine_stop(engine, ENGINE_STOP_HAND_OVER);
    cr_expect_geq(expect_frames_and_bye(fd, wire, wire_size), asked);
    close(fd);
    free(wire);
    engine_join(engine);
    engine_destroy(engine);
    cr_expect_eq(atomic_load(&twice_opened), atomic_load(&twice_closed));
}
