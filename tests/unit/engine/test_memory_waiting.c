/* SPDX-License-Identifier: MIT
 *
 * Sessions that need more memory than there is and wait for it; on both transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "riposte/reply.h"

TestSuite(memory_waiting, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(memory_waiting, name)

/* HOLDERS: as many as find room. */
enum { BOUND = 2 << 20, HOLD = 100000, HOLDERS = BOUND / 8 * 6 / HOLD };

/* Each byte asks for HOLD bytes more, and waits for them where it may: '+', or '-' where it may not. */
static struct progress waiter_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)context;
    size_t *held = session;
    struct progress progress = {.next = PROTOCOL_NEXT_INPUT};
    bool has_room = *held + HOLD <= input->memory_size_max;
    if (input->bytes.size > 0 && (has_room || !input->memory_may_wait)) {
        *held += has_room ? HOLD : 0;
        reply_copy_string(reply, has_room ? "+" : "-");
        progress.consumed = progress.requests = 1;
    } else if (input->bytes.size > 0) {
        progress.next = PROTOCOL_NEXT_LATER;
    }
    progress.memory_wanted_size = input->bytes.size > 0 && !has_room ? HOLD : 0;
    progress.memory_size = *held;
    return progress;
}

static const struct protocol waiter_protocol = {
    .name = "waiter", .session_size = sizeof(size_t), .on_input = waiter_on_input};

static struct engine *start(enum engine_transport transport, unsigned workers) {
    struct engine_listen listen = dial_listen(&waiter_protocol);
    struct engine_config config = dial_config(transport, &listen);
    config.workers_count = workers;
    config.conn_memory_size_max = BOUND;
    return dial_start(&config);
}

static void hold(int fd) {
    dial_send(fd, "h", 1);
    dial_expect(fd, "+", 1);
}

ON_BOTH_TRANSPORTS(what_waits_for_room_gets_it_from_those_that_move_nothing_and_stays_itself) {
    struct engine *engine = start(*transport, 2);
    int holders[HOLDERS], client = dial(engine);
    hold(client);
    for (int i = 0; i < HOLDERS - 1; i++) {
        holders[i] = dial(engine);
        hold(holders[i]);
    }
    for (int i = 0; i < 3; i++) {
        hold(client);
    }
    cr_expect_gt(dial_counter(engine, closed_conn_memory), 0);
    for (int i = 0; i < HOLDERS - 1; i++) {
        close(holders[i]);
    }
    close(client);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(what_waits_for_room_holds_little_together) {
    struct engine *engine = start(*transport, 1);
    int holders[HOLDERS], late = dial(engine);
    for (int i = 0; i < HOLDERS; i++) {
        holders[i] = dial(engine);
        hold(holders[i]);
    }
    dial_send(holders[0], "h", 1); /* alone it holds more than those that wait may */
    struct deadline waits = deadline_of("it waits");
    while (engine_conn_memory_size(engine) < (size_t)HOLDERS * HOLD) {
        deadline_wait(&waits);
    }
    dial_send(late, "h", 1);
    dial_expect(late, "-", 1);
    for (int i = 0; i < HOLDERS; i++) {
        close(holders[i]);
    }
    close(late);
    dial_stop(engine);
}
