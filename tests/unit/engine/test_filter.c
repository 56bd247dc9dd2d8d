/* SPDX-License-Identifier: MIT
 *
 * A filter between the wire and a protocol that does not know of it, on both transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "move.h"
#include "riposte/clock.h"
#include "riposte/reply.h"
#include "twice.h"

TestSuite(filter, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(filter, name)

/* With a greeting, for tests in which an answer waits from the beginning. */
static bool greets;

static struct engine_listen greeting_listen(void) {
    struct engine_listen listen = dial_listen(greets ? &frames_with_greeting : &frames_protocol);
    listen.filter = &twice_filter;
    return listen;
}

static struct engine *start(enum engine_transport transport) {
    struct engine_listen listen = greeting_listen();
    struct engine_config config = dial_config(transport, &listen);
    return dial_start(&config);
}

static void stop(struct engine *engine) {
    dial_stop(engine);
    cr_expect_eq(atomic_load(&twice_opened), atomic_load(&twice_closed));
    cr_expect_gt(atomic_load(&twice_opened), 0);
}

ON_BOTH_TRANSPORTS(carries_frames_of_all_sizes_in_both_directions) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    dial_send(fd, "kk", 2);
    for (size_t size = 1; size < 65536; size = size * 3 + 1) {
        size_t wire_size;
        char *wire = twice_frame(size, &wire_size);
        dial_send(fd, wire, wire_size);
        dial_expect(fd, wire, wire_size);
        free(wire);
    }
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(takes_a_frame_cut_at_every_byte) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    size_t wire_size;
    char *wire = twice_frame(100, &wire_size);
    dial_expect(fd, "hi", 2);
    dial_send(fd, "kk", 2);
    for (size_t i = 0; i < wire_size; i++) {
        dial_send(fd, wire + i, 1);
    }
    dial_expect(fd, wire, wire_size);
    free(wire);
    close(fd);
    stop(engine);
}

/* More plain bytes in a turn than the worker's buffer holds, from several connections. */
ON_BOTH_TRANSPORTS(carries_pipelines_larger_than_all_buffers) {
    enum { CLIENTS = 8, FRAMES = 60, SIZE = 20000 };
    struct engine *engine = start(*transport);
    size_t wire_size;
    char *wire = twice_frame(SIZE, &wire_size);
    for (int i = 0; i < CLIENTS; i++) {
        if (fork() == 0) {
            int fd = dial(engine);
            dial_expect(fd, "hi", 2);
            dial_send(fd, "kk", 2);
            if (fork() == 0) {
                for (int k = 0; k < FRAMES; k++) {
                    dial_send(fd, wire, wire_size);
                }
                _exit(0);
            }
            for (int k = 0; k < FRAMES; k++) {
                dial_expect(fd, wire, wire_size);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        int status = 0;
        wait(&status);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    free(wire);
    stop(engine);
}

ON_BOTH_TRANSPORTS(keeps_answers_until_the_filter_can_send_them) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    listen.filter = &twice_filter;
    struct engine_config config = dial_config(*transport, &listen);
    config.write_timeout_ms = 200;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    dial_expect_open(fd, 600); /* nothing is owed: no time-out */
    dial_send(fd, "kk", 2);
    size_t wire_size;
    char *wire = twice_frame(10, &wire_size);
    dial_send(fd, wire, wire_size);
    dial_expect(fd, wire, wire_size);
    free(wire);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(says_its_last_word_before_the_end) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    dial_send(fd, "kk\0\0\0\0", 6); /* a frame without content: the protocol closes */
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_last_word_of_the_client_ends_its_input) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    size_t wire_size;
    char *wire = twice_frame(10, &wire_size);
    dial_expect(fd, "hi", 2);
    dial_send(fd, "kk", 2);
    dial_send(fd, wire, wire_size);
    dial_send(fd, "><", 2);
    dial_expect(fd, wire, wire_size);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    free(wire);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(what_cannot_be_is_answered_and_closed) {
    struct engine *engine = start(*transport);
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    dial_send(fd, "xy", 2);
    dial_expect(fd, "error", 5);
    dial_expect_end(fd);
    close(fd);
    stop(engine);
}

/* --- what the filter cannot send ---------------------------------------------------------------------------- */

/* A client that has not opened the way out, while an answer waits for it. */
ON_BOTH_TRANSPORTS(a_client_that_ends_in_the_handshake_is_not_kept) {
    greets = true;
    struct engine *engine = start(*transport);
    int fd = twice_dial(engine);
    shutdown(fd, SHUT_WR);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_client_that_breaks_the_handshake_hears_of_it) {
    greets = true;
    struct engine *engine = start(*transport);
    int fd = twice_dial(engine);
    dial_send(fd, "xy", 2);
    dial_expect(fd, "error", 5);
    dial_expect_end(fd);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_client_that_does_not_go_on_is_idle) {
    greets = true;
    struct engine_listen listen = greeting_listen();
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.idle_timeout_ms = 300;
    struct engine *engine = dial_start(&config);
    int fd = twice_dial(engine);
    dial_expect_end(fd);
    close(fd);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_stop_does_not_wait_for_a_handshake) {
    greets = true;
    struct engine_listen listen = greeting_listen();
    struct engine_config config = dial_config(*transport, &listen);
    config.drain_timeout_ms = 60000;
    struct engine *engine = dial_start(&config);
    int fd = twice_dial(engine);
    uint64_t begun_ns = clock_monotonic_ns();
    engine_stop(engine, ENGINE_STOP_CLOSE);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    close(fd);
    engine_join(engine);
    cr_expect_lt(clock_monotonic_ns() - begun_ns, 20 * CLOCK_NS_PER_S);
    engine_destroy(engine);
}

/* --- a filter that is opening ------------------------------------------------------------------------------- */

/* The protocol greets, when the filter is open. */
static struct engine_config opening_config(enum engine_transport transport, struct engine_listen *listen) {
    greets = twice_opens = true;
    *listen = greeting_listen();
    struct engine_config config = dial_config(transport, listen);
    config.workers_count = 1;
    return config;
}

ON_BOTH_TRANSPORTS(the_protocol_hears_of_a_connection_when_its_filter_is_open) {
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    size_t wire_size;
    char *wire = twice_frame(10, &wire_size);
    int fd = twice_dial(engine);
    dial_expect_open(fd, 100);
    dial_send(fd, "k", 1);
    dial_expect_open(fd, 100);
    dial_send(fd, "k", 1);
    dial_expect(fd, "hheelllloo", 10);
    dial_send(fd, wire, wire_size);
    dial_expect(fd, wire, wire_size);
    close(fd);
    /* The first request in the same piece as the end of the handshake. */
    fd = twice_dial(engine);
    char *both = malloc(wire_size + 2);
    memcpy(both, "kk", 2);
    memcpy(both + 2, wire, wire_size);
    dial_send(fd, both, wire_size + 2);
    dial_expect(fd, "hheelllloo", 10);
    dial_expect(fd, wire, wire_size);
    close(fd);
    free(both);
    free(wire);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_filter_that_does_not_open_in_time_is_closed) {
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    config.opening_timeout_ms = 300;
    struct engine *engine = dial_start(&config);
    int fd = twice_dial(engine);
    dial_send(fd, "k", 1);
    dial_expect_end(fd);
    close(fd);
    cr_expect_eq(dial_counter(engine, closed_opening), 1);
    fd = twice_dial(engine);
    dial_send(fd, "kk", 2);
    dial_expect(fd, "hheelllloo", 10);
    dial_expect_open(fd, 900); /* its time runs no longer */
    close(fd);
    stop(engine);
}

/* Two places and four clients, of which the first two say nothing: the others wait, then have their places. */
ON_BOTH_TRANSPORTS(clients_that_say_nothing_make_room_for_others) {
    enum { PLACES = 2, CLIENTS = 8 };
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    config.openings_max = PLACES;
    config.opening_timeout_ms = 60000;
    struct engine *engine = dial_start(&config);
    int silent[PLACES], fds[CLIENTS];
    for (int i = 0; i < PLACES; i++) {
        silent[i] = twice_dial(engine);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        dial_send(fds[i], "kk", 2);
    }
    for (int i = 0; i < CLIENTS; i++) {
        dial_expect(fds[i], "hihheelllloo", 12);
        close(fds[i]);
    }
    for (int i = 0; i < PLACES; i++) {
        dial_expect_end(silent[i]);
        close(silent[i]);
    }
    cr_expect_eq(dial_counter(engine, closed_opening), PLACES);
    stop(engine);
}

ON_BOTH_TRANSPORTS(a_stop_ends_filters_that_are_opening_at_once) {
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    config.drain_timeout_ms = 60000;
    struct engine *engine = dial_start(&config);
    int fd = twice_dial(engine);
    uint64_t begun_ns = clock_monotonic_ns();
    engine_stop(engine, ENGINE_STOP_CLOSE);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    close(fd);
    engine_join(engine);
    cr_expect_lt(clock_monotonic_ns() - begun_ns, 20 * CLOCK_NS_PER_S);
    engine_destroy(engine);
}

/* Nothing can be said to who is one too many, so nothing is. */
ON_BOTH_TRANSPORTS(a_connection_over_the_limit_gets_no_filter) {
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    config.limits.connections_max = 1;
    struct engine *engine = dial_start(&config);
    int first = twice_dial(engine);
    int second = dial(engine);
    dial_expect_end(second);
    close(second);
    close(first);
    cr_expect_eq(dial_counter(engine, connections_rejected), 1);
    cr_expect_eq(atomic_load(&twice_opened), 1);
    stop(engine);
}

/* What a filter knows cannot leave the process: its last word comes, behind what was answered. */
ON_BOTH_TRANSPORTS(says_its_last_word_where_connections_are_moved) {
    struct engine *engine = start(*transport);
    int idle = dial(engine), cut = dial(engine), new = dial(engine);
    size_t wire_size;
    char *wire = twice_frame(100, &wire_size);
    dial_expect(idle, "hi", 2);
    dial_expect(cut, "hi", 2);
    dial_expect(new, "hi", 2);
    dial_send(idle, "kk", 2);
    dial_send(cut, "kk", 2);
    dial_send(idle, wire, wire_size);
    dial_expect(idle, wire, wire_size);
    dial_send(cut, wire, wire_size - 3);
    move_freeze(engine);
    dial_expect(idle, "bye", 3);
    dial_expect_end(idle);
    dial_expect(cut, "bye", 3);
    dial_expect_end(cut);
    dial_expect(new, "bye", 3);
    dial_expect_end(new);
    move_take_back(engine);
    close(idle);
    close(cut);
    close(new);
    int afterwards = dial(engine);
    dial_expect(afterwards, "hi", 2);
    dial_send(afterwards, "kk", 2);
    dial_send(afterwards, wire, wire_size);
    dial_expect(afterwards, wire, wire_size);
    free(wire);
    close(afterwards);
    struct deadline gone = deadline_of("three that were told");
    while (dial_counter(engine, closed_handed_over) < 3) {
        deadline_wait(&gone);
    }
    stop(engine);
}

/* Its client may have sent a request behind it. */
ON_BOTH_TRANSPORTS(a_stop_lets_a_handshake_under_way_end) {
    struct engine_listen listen;
    struct engine_config config = opening_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    size_t wire_size;
    char *wire = twice_frame(100, &wire_size);
    int fd = twice_dial(engine);
    dial_send(fd, "k", 1);
    engine_stop(engine, ENGINE_STOP_CLOSE);
    dial_expect_open(fd, 50);
    dial_send(fd, "k", 1);
    dial_send(fd, wire, wire_size);
    dial_expect(fd, "hheelllloo", 10);
    dial_expect(fd, wire, wire_size);
    dial_expect(fd, "bye", 3);
    dial_expect_end(fd);
    close(fd);
    free(wire);
    engine_join(engine);
    engine_destroy(engine);
}
