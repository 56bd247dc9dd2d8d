/* SPDX-License-Identifier: MIT
 *
 * What all connections hold together: its bound, who is closed for it, what a session may take; on both
 * transports.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "riposte/clock.h"
#include "riposte/reply.h"

TestSuite(memory, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(memory, name)

/* WIDE: a sixteenth of it holds an answer, a chunk and a step of each worker. */
enum { BOUND = 2 << 20, WIDE_BOUND = 8 << 20, HOLD = 100000 };

/* 'h': the session holds HOLD bytes more; 'H': whether it may or not, so that the bound is passed; 'g': it gives all back; 'm': how much it may hold; all answered. */
static struct progress holder_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)context;
    size_t *held = session;
    struct progress progress = {.consumed = 1, .requests = 1};
    char command = input->bytes.size > 0 ? input->bytes.data[0] : 0;
    if (command == 'H') {
        *held += HOLD;
        reply_copy_string(reply, "+");
    } else if (command == 'h' && *held + HOLD <= input->memory_size_max) {
        *held += HOLD;
        reply_copy_string(reply, "+");
    } else if (command == 'h') {
        progress.memory_wanted_size = HOLD;
        reply_copy_string(reply, "-");
    } else if (command == 'g') {
        *held = 0;
        reply_copy_string(reply, "0");
    } else {
        reply_copy_string(reply, "?");
    }
    progress.memory_size = *held;
    progress.next = input->bytes.size > 1 ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT;
    return progress;
}

static const struct protocol holder_protocol = {
    .name = "holder", .session_size = sizeof(size_t), .on_input = holder_on_input};

static struct engine *start(enum engine_transport transport, const struct protocol *protocol,
                            unsigned workers, size_t bound_size) {
    struct engine_listen listen = dial_listen(protocol);
    struct engine_config config = dial_config(transport, &listen);
    config.workers_count = workers;
    config.conn_memory_size_max = bound_size;
    return dial_start(&config);
}

/*
 * recv of all bytes, again where it was interrupted: with a time-out it is not restarted, and task work of a ring that this
 * thread has had interrupts it, too.
 */
static bool receive(int fd, char *data, size_t size) {
    size_t received = 0;
    while (received < size) {
        ssize_t more = recv(fd, data + received, size - received, 0);
        if (more == 0 || (more < 0 && errno != EINTR)) {
            return false;
        }
        received += more > 0 ? (size_t)more : 0;
    }
    return true;
}

/* 'x': the server has closed the connection. */
static char ask(int fd, char command) {
    char answer = 0;
    bool asked = send(fd, &command, 1, MSG_NOSIGNAL) == 1;
    return asked && receive(fd, &answer, 1) ? answer : 'x';
}

ON_BOTH_TRANSPORTS(a_session_may_hold_what_the_bound_leaves_and_not_more) {
    struct engine *engine = start(*transport, &holder_protocol, 1, BOUND);
    int fd = dial(engine);
    int taken = 0;
    while (ask(fd, 'h') == '+') {
        taken++;
        cr_assert_leq(taken, BOUND / HOLD);
    }
    cr_expect_geq(taken, (BOUND / 8 * 6) / HOLD);
    cr_expect_eq(ask(fd, 'h'), '-', "it is refused, not closed");
    cr_expect_eq(dial_counter(engine, closed_conn_memory), 0);
    close(fd);
    dial_stop(engine);
}

/* Two workers, since who holds and who is refused may be at different ones, of which the first sleeps. */
ON_BOTH_TRANSPORTS(who_holds_and_moves_nothing_gives_way_to_what_is_refused_and_nobody_else_does) {
    enum { HOLDERS = BOUND / 8 * 6 / HOLD };
    struct engine *engine = start(*transport, &holder_protocol, 2, BOUND);
    int holders[HOLDERS], busy = dial(engine);
    for (int i = 0; i < HOLDERS - 1; i++) {
        holders[i] = dial(engine);
        cr_assert_eq(ask(holders[i], 'h'), '+');
    }
    cr_assert_eq(ask(busy, 'h'), '+');
    struct deadline room = deadline_of("those that move nothing give way");
    int client = dial(engine);
    while (ask(client, 'h') != '+') {
        cr_assert_eq(ask(busy, 'm'), '?', "who goes on stays");
        deadline_wait(&room);
    }
    cr_expect_gt(dial_counter(engine, closed_conn_memory), 0);
    cr_expect_lt(dial_counter(engine, closed_conn_memory), HOLDERS - 1, "no more than was asked for");
    cr_expect_eq(ask(busy, 'm'), '?');
    for (int i = 0; i < HOLDERS - 1; i++) {
        close(holders[i]);
    }
    close(busy);
    close(client);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(what_a_session_gives_back_is_there_for_others) {
    struct engine *engine = start(*transport, &holder_protocol, 1, BOUND);
    for (int round = 0; round < 5; round++) {
        int fd = dial(engine);
        for (int i = 0; i < BOUND / 8 * 6 / HOLD; i++) {
            cr_assert_eq(ask(fd, 'h'), '+');
        }
        if (round % 2 == 0) {
            cr_assert_eq(ask(fd, 'g'), '0');
        }
        close(fd); /* or its end does */
        struct deadline gone = deadline_of("the connection is gone");
        while (dial_counter(engine, connections_current) > 0) {
            deadline_wait(&gone);
        }
    }
    cr_expect_eq(dial_counter(engine, closed_conn_memory), 0);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(what_sessions_take_in_one_turn_they_take_together) {
    enum { CLIENTS = 40, ROUNDS = 20 };
    struct engine *engine = start(*transport, &holder_protocol, 1, BOUND);
    for (int round = 0; round < ROUNDS; round++) {
        int clients[CLIENTS], taken = 0;
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = dial(engine);
        }
        for (int i = 0; i < CLIENTS; i++) {
            dial_send(clients[i], "h", 1);
        }
        for (int i = 0; i < CLIENTS; i++) {
            char answer = 'x';
            cr_assert(receive(clients[i], &answer, 1), "refused, not closed");
            taken += answer == '+';
        }
        cr_expect_leq(taken, BOUND / 8 * 6 / HOLD);
        cr_expect_gt(taken, 0);
        for (int i = 0; i < CLIENTS; i++) {
            close(clients[i]);
        }
        struct deadline gone = deadline_of("the connections are gone");
        while (dial_counter(engine, connections_current) > 0) {
            deadline_wait(&gone);
        }
    }
    dial_stop(engine);
}

/* --- a turn adds no more than what room is left --- */

static struct engine *_Atomic watched_engine;
static _Atomic uint64_t watched_size_max; /* the most that was held when a request was served */

static void watch_memory(void) {
    struct engine *engine = atomic_load(&watched_engine);
    uint64_t size = engine == NULL ? 0 : engine_conn_memory_size(engine);
    uint64_t most = atomic_load(&watched_size_max);
    while (size > most && !atomic_compare_exchange_weak(&watched_size_max, &most, size)) {
    }
}

/* Each byte but '.' is a request that is answered with 1000 bytes; behind a '.' a request never ends. */
static struct progress teller_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    static const char answer[1000] = {'t'};
    (void)session;
    (void)context;
    watch_memory();
    struct progress progress = {0};
    while (progress.consumed < input->bytes.size && input->bytes.data[progress.consumed] != '.') {
        if (progress.requests == input->requests_max || reply_full(reply)) {
            progress.next = PROTOCOL_NEXT_AGAIN;
            break;
        }
        reply_copy(reply, bytes_of(answer, sizeof(answer)));
        progress.consumed++;
        progress.requests++;
    }
    return progress;
}

static const struct protocol teller_protocol = {.name = "teller", .on_input = teller_on_input};

/* Many clients send at once what cannot all be held; the most that was held is looked at in each call. */
static void the_bound_is_not_passed(enum engine_transport transport, unsigned workers, const char *data,
                                    size_t size) {
    enum { CLIENTS = 200, ROUNDS = 20 };
    struct engine *engine = start(transport, &teller_protocol, workers, WIDE_BOUND);
    atomic_store(&watched_engine, engine);
    int victim = dial(engine);
    for (int round = 0; round < ROUNDS; round++) {
        int clients[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = dial(engine);
        }
        for (int i = 0; i < CLIENTS; i++) {
            ssize_t sent = send(clients[i], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            (void)sent;
        }
        cr_assert_eq(ask(victim, 'v'), 't');
        char rest[999];
        cr_assert(receive(victim, rest, sizeof(rest)));
        for (int i = 0; i < CLIENTS; i++) {
            close(clients[i]);
        }
    }
    uint64_t most = atomic_load(&watched_size_max);
    cr_expect_leq(most, (uint64_t)WIDE_BOUND, "%" PRIu64 " bytes", most);
    cr_expect_geq(most, (uint64_t)WIDE_BOUND / 2, "it was not put to the test");
    close(victim);
    atomic_store(&watched_engine, NULL);
    dial_stop(engine);
}

static void answers_do_not_pass_the_bound(enum engine_transport transport, unsigned workers) {
    static char requests[30000];
    memset(requests, 'a', sizeof(requests));
    the_bound_is_not_passed(transport, workers, requests, sizeof(requests));
}

ON_BOTH_TRANSPORTS(what_a_turn_answers_does_not_pass_the_bound) {
    answers_do_not_pass_the_bound(*transport, 1);
}

ON_BOTH_TRANSPORTS(what_several_workers_answer_does_not_pass_the_bound) {
    answers_do_not_pass_the_bound(*transport, 3);
}

ON_BOTH_TRANSPORTS(what_a_turn_receives_does_not_pass_the_bound) {
    static char unfinished[60000];
    memset(unfinished, '.', sizeof(unfinished));
    the_bound_is_not_passed(*transport, 1, unfinished, sizeof(unfinished));
}

/* Until the server takes no more; what it answers is not read. */
static void flood(int fd) {
    static char frame[30002] = {(char)(30000 >> 8), (char)(30000 & 0xff)};
    size_t partial = 0;
    for (int i = 0; i < 200000; i++) {
        ssize_t sent = send(fd, frame + partial, sizeof(frame) - partial, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return;
        }
        partial = (partial + (size_t)sent) % sizeof(frame);
    }
}

static void clients_that_do_not_read_are_closed(enum engine_transport transport, unsigned workers) {
    enum { READERS = 120 };
    struct engine *engine = start(transport, &frames_protocol, workers, WIDE_BOUND);
    int victim = dial(engine), readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = dial(engine);
    }
    struct deadline closed = deadline_of("some of those that hold memory are closed");
    uint64_t most_size = 0;
    while (dial_counter(engine, closed_conn_memory) == 0) {
        for (int i = 0; i < READERS; i++) {
            flood(readers[i]);
            uint64_t size = engine_conn_memory_size(engine);
            most_size = size > most_size ? size : most_size;
        }
        dial_send(victim, "\0\1x", 3);
        dial_expect(victim, "\0\1x", 3);
        deadline_wait(&closed);
    }
    cr_expect_leq(most_size, WIDE_BOUND, "%" PRIu64 " bytes were held, %d may", most_size, WIDE_BOUND);
    dial_send(victim, "\0\1x", 3);
    dial_expect(victim, "\0\1x", 3);
    for (int i = 0; i < READERS; i++) {
        close(readers[i]);
    }
    close(victim);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(clients_that_do_not_read_are_closed_at_the_bound) {
    clients_that_do_not_read_are_closed(*transport, 1);
}

ON_BOTH_TRANSPORTS(clients_that_do_not_read_are_closed_on_several_workers) {
    clients_that_do_not_read_are_closed(*transport, 3);
}

enum { QUIET = 10, MOVER_HOLDS = 4 };

/* True when the one that moves has survived; *stalled when this thread was away, so that it did not move. */
static bool mover_survives(struct engine *engine, bool *stalled) {
    int quiet[QUIET], mover = dial(engine);
    uint64_t closed_before = dial_counter(engine, closed_conn_memory);
    for (int i = 0; i < MOVER_HOLDS; i++) { /* more than each of the others */
        ask(mover, 'H');
    }
    for (int i = 0; i < QUIET; i++) {
        quiet[i] = dial(engine);
        ask(quiet[i], 'H');
    }
    uint64_t moved_ns = clock_monotonic_ns();
    uint64_t quiet_ns = moved_ns + 200 * CLOCK_NS_PER_MS; /* SHED_QUIET_MS, twice */
    bool survived = true;
    struct deadline closed = deadline_of("a quiet one is closed");
    *stalled = false;
    while (dial_counter(engine, closed_conn_memory) == closed_before && survived) {
        survived = ask(mover, 'm') == '?';
        if (clock_monotonic_ns() > quiet_ns) {
            int more = dial(engine);
            ask(more, 'H');
            close(more);
            ask(mover, 'H');
        }
        uint64_t now_ns = clock_monotonic_ns();
        *stalled = *stalled || now_ns - moved_ns > 50 * CLOCK_NS_PER_MS;
        moved_ns = now_ns;
        deadline_wait(&closed);
    }
    survived = survived && ask(mover, 'm') == '?';
    *stalled = *stalled || clock_monotonic_ns() - moved_ns > 50 * CLOCK_NS_PER_MS;
    for (int i = 0; i < QUIET; i++) {
        close(quiet[i]);
    }
    close(mover);
    struct deadline gone = deadline_of("all are gone");
    while (dial_counter(engine, connections_current) > 0) {
        deadline_wait(&gone);
    }
    return survived;
}

ON_BOTH_TRANSPORTS(those_that_move_nothing_go_before_one_that_does) {
    struct engine *engine = start(*transport, &holder_protocol, 1, BOUND);
    for (int round = 0; round < 10; round++) {
        bool stalled = false;
        bool survived = mover_survives(engine, &stalled);
        if (!stalled) {
            cr_expect(survived);
            dial_stop(engine);
            return;
        }
    }
    dial_stop(engine);
    cr_skip_test("this machine is too busy to move every 50 ms");
}

/* Sends what the socket takes of a stream of frames; `*partial` bytes of the present one are gone. */
static void send_some(int fd, size_t *partial) {
    enum { SIZE = 60000 };
    static const char frame[SIZE + 2] = {(char)(SIZE >> 8), (char)(SIZE & 0xff)};
    ssize_t sent = 1;
    for (int i = 0; i < 100 && sent > 0; i++) {
        sent = send(fd, frame + *partial, sizeof(frame) - *partial, MSG_NOSIGNAL | MSG_DONTWAIT);
        *partial = sent > 0 ? (*partial + (size_t)sent) % sizeof(frame) : *partial;
    }
}

/* A client whose kernel takes little ahead: every read of it is seen by the server's kernel soon. */
static int dial_small_window(const struct engine *engine) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 8192;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(engine_port(engine, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

enum { WRITE_TIMEOUT_MS = 800 };

/* recv of what is there; again where task work of this thread's ring interrupted it (receive). */
static ssize_t receive_some(int fd, char *data, size_t size) {
    ssize_t received;
    do {
        received = recv(fd, data, size, 0);
    } while (received < 0 && errno == EINTR);
    return received;
}

/*
 * Reads 4000 bytes every 30 ms for four times the time-out: true when it was not cut off. What counts is that some of it leaves the
 * kernel's queue. *stalled when this thread was away for half a time-out, so that nothing left.
 */
static bool reader_survives(int fd, bool *stalled) {
    char piece[4000];
    uint64_t read_ns = clock_monotonic_ns();
    uint64_t end_ns = read_ns + 4 * WRITE_TIMEOUT_MS * CLOCK_NS_PER_MS;
    struct deadline pace = deadline_of("the reader has read for four time-outs");
    *stalled = false;
    while (read_ns < end_ns) {
        *stalled = *stalled || clock_monotonic_ns() - read_ns > WRITE_TIMEOUT_MS / 2 * CLOCK_NS_PER_MS;
        if (receive_some(fd, piece, sizeof(piece)) <= 0) {
            return false;
        }
        read_ns = clock_monotonic_ns();
        for (int i = 0; i < 30; i++) {
            deadline_wait(&pace);
        }
    }
    return true;
}

/* The same with a server and a connection of its own; true when it was put to the test. */
static bool try_slow_reader(enum engine_transport transport) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(transport, &listen);
    config.write_timeout_ms = WRITE_TIMEOUT_MS;
    struct engine *engine = dial_start(&config);
    int fd = dial_small_window(engine);
    size_t partial = 0;
    struct deadline full = deadline_of("the server's socket is full");
    while (dial_counter(engine, output_pauses) == 0) {
        send_some(fd, &partial);
        deadline_wait(&full);
    }
    bool stalled;
    bool survived = reader_survives(fd, &stalled);
    if (!stalled) {
        cr_expect(survived, "cut off: %s", strerror(errno));
        cr_expect_eq(dial_counter(engine, closed_slow_reader), 0);
    }
    close(fd);
    dial_stop(engine);
    return !stalled;
}

ON_BOTH_TRANSPORTS(a_slow_but_steady_reader_is_not_cut_off) {
    for (int round = 0; round < 10; round++) {
        if (try_slow_reader(*transport)) {
            return;
        }
    }
    cr_skip_test("this machine is too busy to read every 400 ms");
}

ON_BOTH_TRANSPORTS(a_reader_that_takes_nothing_is_cut_off) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.write_timeout_ms = 200;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    size_t partial = 0;
    struct deadline cut = deadline_of("the reader is cut off");
    while (dial_counter(engine, closed_slow_reader) == 0) {
        send_some(fd, &partial);
        deadline_wait(&cut);
    }
    close(fd);
    dial_stop(engine);
}
