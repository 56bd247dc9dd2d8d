/* SPDX-License-Identifier: MIT
 *
 * Listeners that have to wait before they accept: for room in the ring, for descriptors.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "riposte/reply.h"

TestSuite(engine_accept, .timeout = 60);

static void echo(int fd) {
    const char frame[] = {0, 1, 'x'};
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
}

Test(engine_accept, serves_more_addresses_than_the_ring_has_entries) {
    enum { LISTENS = 20 };
    struct engine_listen listens[LISTENS];
    for (int i = 0; i < LISTENS; i++) {
        listens[i] = dial_listen(&frames_protocol);
    }
    struct engine_config config = dial_config(ENGINE_URING, listens);
    config.listens_count = LISTENS;
    config.ring_entries = 8;
    struct engine *engine = dial_start(&config);
    for (unsigned i = LISTENS; i-- > 0;) {
        int fd = dial_port(engine, i);
        echo(fd);
        close(fd);
    }
    dial_stop(engine);
}

enum { DESCRIPTORS_MAX = 100 };

/* Before the engine starts: a request keeps the limit of the time when it was armed. */
static void limit_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = DESCRIPTORS_MAX;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Takes every descriptor that is left; returns how many. */
static unsigned take_descriptors(int *fds) {
    unsigned count = 0;
    while ((fds[count] = dup(STDIN_FILENO)) >= 0) {
        count++;
    }
    return count;
}

DIAL_ON_BOTH_TRANSPORTS(engine_accept, goes_on_when_a_descriptor_has_become_free) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.workers_count = 1;
    limit_descriptors();
    struct engine *engine = dial_start(&config);
    int served = dial(engine);
    echo(served);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    int taken[DESCRIPTORS_MAX + 1];
    unsigned taken_count = take_descriptors(taken);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(engine_port(engine, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(late, (struct sockaddr *)&address, sizeof(address)), 0);
    dial_expect(late, "full\r\n", 6);
    dial_expect_end(late);
    struct deadline paused = deadline_of("accepting pauses without descriptors");
    while (dial_counter(engine, accept_backoffs) == 0) {
        deadline_wait(&paused);
    }
    while (taken_count > 0) {
        close(taken[--taken_count]);
    }
    close(served); /* this worker's connection ends: it accepts again, also before its pause is over */
    struct deadline closed = deadline_of("the server closes, too");
    while (dial_counter(engine, connections_current) > 0) {
        deadline_wait(&closed);
    }
    int next = dial(engine);
    echo(next);
    close(next);
    close(late);
    dial_stop(engine);
}

static _Atomic bool holding, held;

/* Answers a byte by a byte; an 'h' keeps the worker from everything else meanwhile. */
static struct progress gate_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    (void)session;
    (void)context;
    atomic_store(&held, input->bytes.data[0] == 'h');
    struct deadline released = deadline_of("the test lets the worker go on");
    while (input->bytes.data[0] == 'h' && atomic_load(&holding)) {
        deadline_wait(&released);
    }
    reply_copy_string(reply, "!");
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

static const struct protocol gate_protocol = {.name = "gate", .on_input = gate_on_input};

DIAL_ON_BOTH_TRANSPORTS(engine_accept, keeps_a_client_of_each_address_until_there_is_a_place) {
    enum { LISTENS = 3 };
    struct engine_listen listens[LISTENS];
    for (int i = 0; i < LISTENS; i++) {
        listens[i] = dial_listen(&gate_protocol);
    }
    struct engine_config config = dial_config(*transport, listens);
    config.listens_count = LISTENS;
    config.workers_count = 1;
    config.limits.connections_max = 1;
    config.limits.reject_when_full = false;
    struct engine *engine = dial_start(&config);
    int served = dial(engine);
    atomic_store(&holding, true);
    dial_send(served, "h", 1);
    struct deadline reached = deadline_of("the worker is held");
    while (!atomic_load(&held)) {
        deadline_wait(&reached);
    }
    struct pollfd waiting[LISTENS];
    for (unsigned i = 0; i < LISTENS; i++) { /* while the worker is held: it finds all of them in one turn */
        waiting[i] = (struct pollfd){.fd = dial_port(engine, i), .events = POLLIN};
        dial_send(waiting[i].fd, "?", 1);
    }
    atomic_store(&holding, false);
    dial_expect(served, "!", 1);
    close(served);
    for (int i = 0; i < LISTENS; i++) {
        cr_assert_eq(poll(waiting, LISTENS, 20000), 1, "one place, one client");
        for (int k = 0; k < LISTENS; k++) {
            if (waiting[k].revents != 0) {
                dial_expect(waiting[k].fd, "!", 1);
                close(waiting[k].fd);
                waiting[k].fd = -1;
            }
        }
    }
    cr_expect_eq(dial_counter(engine, connections_rejected), 0);
    dial_stop(engine);
}

/* As when memory ends in the middle of a greeting. */
static enum protocol_next broken_on_open(void *session, const struct protocol_peer *peer, struct reply *reply,
                                         void *context) {
    (void)session;
    (void)peer;
    (void)context;
    reply_copy_string(reply, "half a greet");
    reply->broken = true;
    return PROTOCOL_NEXT_INPUT;
}

static struct progress broken_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)session;
    (void)reply;
    (void)context;
    return (struct progress){.consumed = input->bytes.size};
}

static const struct protocol broken_protocol = {
    .name = "broken", .on_open = broken_on_open, .on_input = broken_on_input};

DIAL_ON_BOTH_TRANSPORTS(engine_accept, closes_a_connection_whose_greeting_found_no_memory) {
    struct engine_listen listen = dial_listen(&broken_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}
