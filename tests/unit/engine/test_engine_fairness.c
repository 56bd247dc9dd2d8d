/* SPDX-License-Identifier: MIT
 *
 * A quiet client beside several that have sent more than a turn's receive memory: how much of theirs goes
 * before it.
 *
 * The worker is held inside on_input until all have sent, so that what it finds is the same in every run.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "riposte/reply.h"

TestSuite(engine_fairness, .timeout = 60);

static _Atomic bool holding, held;
static _Atomic bool holding_costly;
static _Atomic size_t taken_size; /* of the heavy clients */
static _Atomic size_t taken_before_quiet;

/*
 * 'h': the worker waits; 'H': the same, in a costly request; 'q': the quiet client asks; '.': a heavy client's; 'c': the
 * same, and costly. All is answered by one byte.
 */
static void wait_while(const _Atomic bool *flag) {
    struct deadline released = deadline_of("the test lets the worker go on");
    while (atomic_load(flag)) {
        deadline_wait(&released);
    }
}

static struct progress gate_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    (void)session;
    (void)context;
    char letter = input->bytes.data[0];
    if (letter == 'h') {
        atomic_store(&held, true);
        wait_while(&holding);
    } else if (letter == 'H') {
        wait_while(&holding_costly);
    } else if (letter == 'q') {
        atomic_store(&taken_before_quiet, atomic_load(&taken_size));
    } else {
        atomic_fetch_add(&taken_size, input->bytes.size);
    }
    reply_copy_string(reply, "!");
    return (struct progress){.consumed = input->bytes.size,
                             .requests = 1,
                             .work = letter == 'c' || letter == 'H' ? PROTOCOL_WORK_COSTLY : 0};
}

static const struct protocol gate_protocol = {.name = "gate", .on_input = gate_on_input};

/* Sends what the socket takes at once. */
static size_t fill(int fd) {
    static char bytes[16384];
    memset(bytes, '.', sizeof(bytes));
    size_t size = 0;
    ssize_t sent;
    while ((sent = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
        size += (size_t)sent;
    }
    return size;
}

/* The worker waits in a request of `holder`; what comes meanwhile is all there when it goes on. */
static void hold(int holder) {
    atomic_store(&taken_size, 0);
    atomic_store(&held, false);
    atomic_store(&holding, true);
    dial_send(holder, "h", 1);
    struct deadline reached = deadline_of("the worker is held");
    while (!atomic_load(&held)) {
        deadline_wait(&reached);
    }
}

DIAL_ON_BOTH_TRANSPORTS(engine_fairness, a_quiet_client_waits_for_a_turn_of_each_heavy_one) {
    struct engine_listen listen = dial_listen(&gate_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    /* epoll receives as much of one connection in a turn; io_uring no more than its two buffers. */
    enum { HEAVY = 12, TURN_SIZE_MAX = 64 * 1024 };
    config.workers_count = 1;
    config.recv_buffer_size = 4096;
    config.recv_buffer_count = 2;
    struct engine *engine = dial_start(&config);
    int holder = dial(engine), quiet = dial(engine), heavy[HEAVY];
    for (int i = 0; i < HEAVY; i++) {
        heavy[i] = dial(engine);
        dial_send(heavy[i], ".", 1);
        dial_expect(heavy[i], "!", 1);
    }
    hold(holder);
    size_t sent_size = 0;
    for (int i = 0; i < HEAVY; i++) {
        sent_size += fill(heavy[i]);
    }
    dial_send(quiet, "q", 1);
    atomic_store(&holding, false);
    dial_expect(quiet, "!", 1);
    if (sent_size < (size_t)4 * TURN_SIZE_MAX * HEAVY) {
        cr_skip_test("the sockets here hold too little to fill a server's turn");
    }
    cr_expect_leq(atomic_load(&taken_before_quiet), (size_t)TURN_SIZE_MAX * HEAVY);
    for (int i = 0; i < HEAVY; i++) {
        close(heavy[i]);
    }
    close(quiet);
    close(holder);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine_fairness, a_quiet_client_goes_before_those_with_costly_requests) {
    enum { HOGS = 20 };
    struct engine_listen listen = dial_listen(&gate_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.workers_count = 1;
    struct engine *engine = dial_start(&config);
    int holder = dial(engine), quiet = dial(engine), hogs[HOGS];
    for (int i = 0; i < HOGS; i++) {
        hogs[i] = dial(engine);
        dial_send(hogs[i], "c", 1);
        dial_expect(hogs[i], "!", 1);
        dial_send(hogs[i], ".", 1); /* something cheap does not bring it to the front again */
        dial_expect(hogs[i], "!", 1);
    }
    hold(holder);
    for (int i = 0; i < HOGS; i++) {
        dial_send(hogs[i], "c", 1);
    }
    dial_send(quiet, "q", 1);
    atomic_store(&holding, false);
    dial_expect(quiet, "!", 1);
    cr_expect_eq(atomic_load(&taken_before_quiet), 0);
    for (int i = 0; i < HOGS; i++) { /* they are served, too */
        dial_expect(hogs[i], "!", 1);
        close(hogs[i]);
    }
    close(quiet);
    close(holder);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine_fairness,
                        a_quiet_client_does_not_wait_for_a_turn_of_each_that_is_known_as_heavy) {
    struct engine_listen listen = dial_listen(&gate_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    enum { HEAVY = 24, BUFFER_SIZE = 64 * 1024, TURN_SIZE_MAX = 512 * 1024 };
    static char much[BUFFER_SIZE];
    config.workers_count = 1;
    config.recv_buffer_size = BUFFER_SIZE;
    config.recv_buffer_count = 2;
    struct engine *engine = dial_start(&config);
    int holder = dial(engine), quiet = dial(engine), heavy[HEAVY];
    memset(much, '.', sizeof(much));
    for (int i = 0; i < HEAVY; i++) {
        heavy[i] = dial(engine);
    }
    hold(holder);
    for (int i = 0; i < HEAVY; i++) { /* they become known */
        dial_send(heavy[i], much, sizeof(much));
    }
    atomic_store(&holding, false);
    for (int i = 0; i < HEAVY; i++) {
        dial_expect(heavy[i], "!", 1);
    }
    struct deadline taken = deadline_of("all of it is taken");
    while (atomic_load(&taken_size) < HEAVY * sizeof(much)) {
        deadline_wait(&taken);
    }
    hold(holder);
    size_t sent_size = 0;
    for (int i = 0; i < HEAVY; i++) {
        sent_size += fill(heavy[i]);
    }
    dial_send(quiet, "q", 1);
    atomic_store(&holding, false);
    dial_expect(quiet, "!", 1);
    if (sent_size < (size_t)2 * TURN_SIZE_MAX) {
        cr_skip_test("the sockets here hold too little to fill a server's turn");
    }
    cr_expect_leq(atomic_load(&taken_before_quiet), TURN_SIZE_MAX);
    for (int i = 0; i < HEAVY; i++) {
        close(heavy[i]);
    }
    close(quiet);
    close(holder);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine_fairness, answers_are_sent_before_costly_requests_are_served) {
    struct engine_listen listen = dial_listen(&gate_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.workers_count = 1;
    struct engine *engine = dial_start(&config);
    int holder = dial(engine), quiet = dial(engine), hog = dial(engine);
    dial_send(hog, "c", 1);
    dial_expect(hog, "!", 1);
    hold(holder);
    atomic_store(&holding_costly, true);
    dial_send(hog, "H", 1);
    dial_send(quiet, "q", 1);
    atomic_store(&holding, false);
    dial_expect(quiet, "!", 1); /* the worker is in the hog's request, and stays there until this has come */
    atomic_store(&holding_costly, false);
    dial_expect(hog, "!", 1);
    close(hog);
    close(quiet);
    close(holder);
    dial_stop(engine);
}
