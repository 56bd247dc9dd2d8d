/* SPDX-License-Identifier: MIT
 *
 * What a protocol left for another call, with the end of input, a full reply or a flood behind it; on both
 * transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "riposte/clock.h"
#include "riposte/reply.h"

TestSuite(engine_again, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(engine_again, name)

/* Takes a byte and answers it in the third call after that: an answer that waits for something. */
static struct progress waiter_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)context;
    unsigned *calls = session;
    struct progress progress = {.consumed = *calls == 0 ? 1 : 0, .next = PROTOCOL_NEXT_LATER};
    (void)input;
    if (++*calls > 3) {
        reply_copy_string(reply, "answer");
        *calls = 0;
        progress.requests = 1;
        progress.next = PROTOCOL_NEXT_INPUT;
    }
    return progress;
}

static const struct protocol waiter_protocol = {
    .name = "waiter", .session_size = sizeof(unsigned), .on_input = waiter_on_input};

/* When the last request's calls came: monotonic. */
static _Atomic uint64_t called_ns[4];

static struct progress noter_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    const unsigned *calls = session;
    atomic_store(&called_ns[*calls], clock_monotonic_ns());
    return waiter_on_input(session, input, reply, context);
}

static const struct protocol noter_protocol = {
    .name = "noter", .session_size = sizeof(unsigned), .on_input = noter_on_input};

/* Each request waits three times. A machine that is busy may call late, but not each time. */
ON_BOTH_TRANSPORTS(calls_soon_at_first_and_seldom_from_then_on) {
    struct engine_listen listen = dial_listen(&noter_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    struct deadline deadline = deadline_of("a second call that comes soon");
    uint64_t soonest_ns = UINT64_MAX, longest_ns = 0;
    int fd = dial(engine);
    while (soonest_ns > PROTOCOL_LATER_MS * CLOCK_NS_PER_MS / 2) {
        dial_send(fd, "?", 1);
        dial_expect(fd, "answer", 6);
        uint64_t first_ns = called_ns[1] - called_ns[0];
        uint64_t next_ns = called_ns[3] - called_ns[1];
        soonest_ns = first_ns < soonest_ns ? first_ns : soonest_ns;
        longest_ns = next_ns > longest_ns ? next_ns : longest_ns;
        deadline_wait(&deadline);
    }
    cr_expect_geq(longest_ns, 3 * PROTOCOL_LATER_MS * CLOCK_NS_PER_MS / 2);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(answers_what_waits_although_input_has_ended) {
    struct engine_listen listen = dial_listen(&waiter_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    shutdown(fd, SHUT_WR);
    dial_expect(fd, "answer", 6);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(answers_what_waits_although_the_engine_stops) {
    struct engine_listen listen = dial_listen(&waiter_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    struct deadline received = deadline_of("the request has come");
    while (dial_counter(engine, recvs) == 0) {
        deadline_wait(&received);
    }
    engine_stop(engine, ENGINE_STOP_CLOSE);
    dial_expect(fd, "answer", 6);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

/* Wants a second byte behind the first, and says so when it has not come within PROTOCOL_REST_MS. */
static struct progress rest_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    (void)context;
    if (input->bytes.size == 2) {
        reply_copy_string(reply, "two");
        return (struct progress){.consumed = 2, .requests = 1};
    }
    uint64_t *began_ns = session;
    *began_ns = *began_ns == 0 ? input->now_ns : *began_ns;
    if (input->now_ns - *began_ns >= PROTOCOL_REST_MS * UINT64_C(900000)) {
        reply_copy_string(reply, "late");
        reply_close(reply);
    }
    return (struct progress){.next = PROTOCOL_NEXT_REST};
}

static const struct protocol rest_protocol = {
    .name = "rest", .session_size = sizeof(uint64_t), .on_input = rest_on_input};

ON_BOTH_TRANSPORTS(looks_again_at_a_request_whose_rest_does_not_come) {
    struct engine_listen listen = dial_listen(&rest_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.idle_timeout_ms = 600; /* the protocol's own bound comes first */
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    dial_expect(fd, "late", 4);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

/* Wants more for ever. */
static struct progress endless_on_input(void *session, const struct protocol_input *input,
                                        struct reply *reply, void *context) {
    (void)session;
    (void)input;
    (void)reply;
    (void)context;
    return (struct progress){.next = PROTOCOL_NEXT_REST};
}

static const struct protocol endless_protocol = {.name = "endless", .on_input = endless_on_input};

ON_BOTH_TRANSPORTS(closes_as_idle_what_has_begun_a_request_and_does_not_go_on) {
    struct engine_listen listen = dial_listen(&endless_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.idle_timeout_ms = 100;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    dial_expect_end(fd);
    struct deadline counted = deadline_of("the connection is counted as idle"); /* behind its end */
    while (dial_counter(engine, closed_idle) == 0) {
        deadline_wait(&counted);
    }
    close(fd);
    dial_stop(engine);
}

/* Greets, and judges a client that says nothing at its second look. */
static enum protocol_next judge_on_open(void *session, const struct protocol_peer *peer, struct reply *reply,
                                        void *context) {
    (void)session;
    (void)peer;
    (void)context;
    reply_copy_string(reply, "well?");
    return PROTOCOL_NEXT_REST;
}

static struct progress judge_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    unsigned *looks = session;
    (void)context;
    if (++*looks == 2) {
        reply_copy_string(reply, "silent");
        reply_close(reply);
    }
    return (struct progress){.consumed = input->bytes.size, .next = PROTOCOL_NEXT_REST};
}

static const struct protocol judge_protocol = {
    .name = "judge", .session_size = sizeof(unsigned), .on_open = judge_on_open, .on_input = judge_on_input};

ON_BOTH_TRANSPORTS(looks_at_a_client_that_says_nothing_where_on_open_asks_for_it) {
    struct engine_listen listen = dial_listen(&judge_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_expect(fd, "well?silent", 11);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(ends_with_the_client_although_the_rest_of_a_request_is_missing) {
    struct engine_listen listen = dial_listen(&rest_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    shutdown(fd, SHUT_WR);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(closes_as_idle_what_has_had_its_rest) {
    struct engine_listen listen = dial_listen(&rest_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.idle_timeout_ms = 100;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    struct deadline received = deadline_of("the first half has come");
    while (dial_counter(engine, recvs) == 0) {
        deadline_wait(&received);
    }
    dial_send(fd, "!", 1);
    dial_expect(fd, "two", 3);
    dial_expect_end(fd);
    struct deadline counted = deadline_of("the connection is counted as idle");
    while (dial_counter(engine, closed_idle) == 0) {
        deadline_wait(&counted);
    }
    close(fd);
    dial_stop(engine);
}

enum { FULL_SIZE = 4096 };

/* Two of these, a call each; the second answer fills the reply and nothing is left to do. */
static struct progress filler_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)context;
    unsigned *calls = session;
    static const char full[FULL_SIZE];
    if (++*calls < 1000) {
        return (struct progress){.consumed = input->bytes.size, .next = PROTOCOL_NEXT_AGAIN};
    }
    reply_copy(reply, bytes_of(full, sizeof(full)));
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

static const struct protocol filler_protocol = {
    .name = "filler", .session_size = sizeof(unsigned), .on_input = filler_on_input};

ON_BOTH_TRANSPORTS(ends_although_the_last_answer_has_paused_the_connection) {
    struct engine_listen listen = dial_listen(&filler_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.output_size_max = FULL_SIZE;
    struct engine *engine = dial_start(&config);
    static const char full[FULL_SIZE];
    for (int i = 0; i < 20; i++) {
        int fd = dial(engine);
        dial_send(fd, "?", 1);
        shutdown(fd, SHUT_WR);
        dial_expect(fd, full, sizeof(full));
        dial_expect_end(fd);
        close(fd);
    }
    cr_expect_geq(dial_counter(engine, output_pauses), 20);
    dial_stop(engine);
}

static _Atomic size_t most_unread;

enum { BOUND = 256 << 10, TURN_SIZE = 1 << 20, BIG_REQUEST_SIZE = BOUND / 10 * 9 };

/* Every byte is a request without an answer, but a 'B': BIG_REQUEST_SIZE bytes are. */
static struct progress counter_on_input(void *session, const struct protocol_input *input,
                                        struct reply *reply, void *context) {
    (void)session;
    (void)reply;
    (void)context;
    if (input->bytes.size > atomic_load(&most_unread)) {
        atomic_store(&most_unread, input->bytes.size);
    }
    struct progress progress = {0};
    while (progress.consumed < input->bytes.size && progress.requests < input->requests_max) {
        size_t size = input->bytes.data[progress.consumed] == 'B' ? BIG_REQUEST_SIZE : 1;
        if (size > input->bytes.size - progress.consumed) {
            return progress;
        }
        progress.consumed += size;
        progress.requests++;
    }
    progress.next = progress.consumed < input->bytes.size ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT;
    return progress;
}

static const struct protocol counter_protocol = {.name = "counter", .on_input = counter_on_input};

ON_BOTH_TRANSPORTS(bounds_what_it_reads_ahead_of_a_flood_of_requests) {
    struct engine_listen listen = dial_listen(&counter_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    enum { FLOOD_SIZE = 8 << 20 };
    config.limits.input_size_max = BOUND;
    config.limits.requests_per_round_max = 1000;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    char *flood = calloc(1, FLOOD_SIZE);
    dial_send(fd, flood, FLOOD_SIZE);
    shutdown(fd, SHUT_WR);
    dial_expect_end(fd);
    cr_expect_eq(dial_counter(engine, requests), FLOOD_SIZE);
    /* Besides the bound, what a turn or two bring before the receive has stopped. */
    cr_expect_leq(atomic_load(&most_unread), BOUND + 2 * TURN_SIZE, "%zu bytes were held unread",
                  atomic_load(&most_unread));
    free(flood);
    close(fd);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(receives_the_rest_of_a_large_request_behind_a_flood) {
    struct engine_listen listen = dial_listen(&counter_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    enum { ROUNDS = 40, SMALL_COUNT = BOUND + BOUND / 3 };
    config.limits.input_size_max = BOUND;
    config.limits.requests_per_round_max = 1000;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    char *round = calloc(1, SMALL_COUNT + BIG_REQUEST_SIZE);
    round[SMALL_COUNT] = 'B';
    for (int i = 0; i < ROUNDS; i++) {
        dial_send(fd, round, SMALL_COUNT + BIG_REQUEST_SIZE);
    }
    shutdown(fd, SHUT_WR);
    dial_expect_end(fd);
    cr_expect_eq(dial_counter(engine, requests), ROUNDS * (SMALL_COUNT + 1));
    free(round);
    close(fd);
    dial_stop(engine);
}

static _Atomic bool echo_holding, echo_held;

/* Answers each byte by itself, one a call; 'c' is costly, 'h' waits until the test lets it go on. */
static struct progress echo_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    (void)session;
    (void)context;
    char byte = input->bytes.data[0];
    if (byte == 'h') {
        atomic_store(&echo_held, true);
        struct deadline released = deadline_of("the test lets the worker go on");
        while (atomic_load(&echo_holding)) {
            deadline_wait(&released);
        }
    }
    reply_copy(reply, bytes_of(&byte, 1));
    return (struct progress){.consumed = 1,
                             .requests = 1,
                             .next = input->bytes.size > 1 ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT,
                             .work = byte == 'c' ? PROTOCOL_WORK_COSTLY : 0};
}

static const struct protocol echo_protocol = {.name = "echo", .on_input = echo_on_input};

/* Sends what has several calls, and while the first of them is held, as much of another client's. */
static void echo_beside(int fd, int other) {
    static const char text[] = "h0123456789";
    atomic_store(&echo_held, false);
    atomic_store(&echo_holding, true);
    dial_send(fd, text, sizeof(text) - 1);
    struct deadline reached = deadline_of("the worker is held");
    while (!atomic_load(&echo_held)) {
        deadline_wait(&reached);
    }
    dial_send(other, "xxxxxxxxxxx", sizeof(text) - 1);
    atomic_store(&echo_holding, false);
    dial_expect(fd, text, sizeof(text) - 1);
    dial_expect(other, "xxxxxxxxxxx", sizeof(text) - 1);
}

/* However many calls ago it was costly: one of these is the last that it is served behind all others. */
ON_BOTH_TRANSPORTS(keeps_what_is_unread_when_a_costly_client_joins_the_others_again) {
    enum { CALLS_MAX = 80 };
    struct engine_listen listen = dial_listen(&echo_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.workers_count = 1;
    config.recv_buffer_size = 4096;
    config.recv_buffer_count = 2;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine), other = dial(engine);
    for (int calls = 0; calls < CALLS_MAX; calls++) {
        dial_send(fd, "c", 1);
        dial_expect(fd, "c", 1);
        for (int i = 0; i < calls; i++) {
            dial_send(fd, ".", 1);
            dial_expect(fd, ".", 1);
        }
        echo_beside(fd, other);
    }
    close(fd);
    close(other);
    dial_stop(engine);
}

/* Answers each byte with how many ms ago it came, in calls that take 3 ms. */
static struct progress slow_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    (void)session, (void)context;
    uint64_t age_ms = (input->now_ns - input->received_ns) / CLOCK_NS_PER_MS;
    char answer = (char)('0' + (age_ms < 9 ? age_ms : 9));
    uint64_t end_ns = clock_monotonic_ns() + 3 * CLOCK_NS_PER_MS;
    while (clock_monotonic_ns() < end_ns) {
        continue;
    }
    reply_copy(reply, bytes_of(&answer, 1));
    return (struct progress){.consumed = 1,
                             .requests = 1,
                             .work = PROTOCOL_WORK_COSTLY,
                             .next = input->bytes.size > 1 ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT};
}

static const struct protocol slow_protocol = {.name = "slow", .on_input = slow_on_input};

ON_BOTH_TRANSPORTS(tells_since_when_requests_have_waited) {
    struct engine_listen listen = dial_listen(&slow_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    char ages[4];
    for (unsigned round = 0; round < 2; round++) {
        dial_send(fd, "abcd", 4);
        for (size_t size = 0; size < sizeof(ages);) {
            ssize_t got = recv(fd, ages + size, sizeof(ages) - size, 0);
            cr_assert(got > 0 || errno == EINTR || errno == EAGAIN);
            size += got > 0 ? (size_t)got : 0;
        }
        cr_expect_eq(ages[0], '0', "it came in this turn");
        cr_expect_geq(ages[2], '5', "it waited for two others, and came with the first");
        cr_expect_geq(ages[3], '8');
    }
    close(fd);
    dial_stop(engine);
}
