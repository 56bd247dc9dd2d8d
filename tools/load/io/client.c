/* SPDX-License-Identifier: MIT
 *
 * client: memory and the turn. What completions mean is in client_event.c, what is done one after the other in
 * client_phase.c.
 */
#include "client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "exit_code.h"
#include "riposte/check.h"
#include "riposte/clock.h"

enum {
    /*
     * Completions taken before what they led to is submitted. Few: the server gets work while the generator
     * still reads; many: fewer system calls (32 instead of 16: 5 % less time per request with 16 in flight).
     */
    REAP_MAX = 32,
};

/* How often all connections are looked through for one that stalls. */
#define LOOK_INTERVAL_NS (50 * CLOCK_NS_PER_MS)

/* Whether the phase has a request that should be under way by now. */
static bool request_is_due(const struct client *client) {
    const struct phase *phase = &client->phase;
    return phase->accepting && phase->starts_left > 0 && plan_due(&phase->plan, client->now_ns) &&
           plan_next_ns(&phase->plan, client->now_ns) < phase->until_ns;
}

static struct request request_pick(struct client *client) {
    struct phase *phase = &client->phase;
    if (phase->kind == PHASE_LOAD) {
        return workload_next(&client->scenario->workload, &client->random);
    }
    if (phase->kind == PHASE_LEARN) {
        return (struct request){.kind = REQUEST_GET};
    }
    assert(phase->preload_next < phase->preload_end);
    return (struct request){.key = (uint32_t)phase->preload_next++, .kind = REQUEST_SET};
}

static void request_encode(struct client *client, struct connection *connection, struct request request) {
    const struct scenario *scenario = client->scenario;
    if (request.kind == REQUEST_GET) {
        output_add_get(&connection->output, &scenario->encoder, request.key);
        return;
    }
    struct value value = value_of(&scenario->workload.values, request.key);
    output_add_set(&connection->output, &scenario->encoder, request.key, &value);
}

/*
 * Takes the next request from the plan. In a closed loop its time is when the connection became free, so that
 * what the generator itself takes to get round to it counts.
 */
static void request_start(struct client *client, struct connection *connection) {
    struct phase *phase = &client->phase;
    bool is_open_loop = phase->plan.arrival != PLAN_CLOSED;
    uint64_t now_ns = is_open_loop ? clock_monotonic_ns() : client->now_ns;
    uint64_t planned_ns = plan_take_ns(&phase->plan, client->now_ns);
    uint64_t intended_ns = is_open_loop ? planned_ns : connection->free_ns;
    uint64_t possible_ns = intended_ns > connection->free_ns ? intended_ns : connection->free_ns;
    bool is_measured =
        phase->kind == PHASE_LOAD && intended_ns >= phase->measure_from_ns && intended_ns < phase->until_ns;
    struct request request = request_pick(client);

    request_encode(client, connection, request);
    connection_push(connection, (struct pending){intended_ns, request, is_measured});
    connection->served++;
    client->outstanding_count++;
    if (connection->pending_count == 1) {
        connection->progress_ns = client->now_ns;
    }
    if (is_measured || phase->kind != PHASE_LOAD) {
        phase->starts_left--;
    }
    /* In a closed loop the requests of a batch are equally late: one stands for all. */
    if (is_measured && (is_open_loop || connection->pending_count == 1)) {
        histogram_record(&client->counts->lateness, now_ns - possible_ns);
    }
}

/* Requests that this connection may take in one go. */
static uint64_t batch_size(const struct client *client, const struct connection *connection) {
    const struct phase *phase = &client->phase;
    uint64_t count = phase->depth - connection->pending_count;
    if (phase->churn_count > 0) {
        uint64_t left = phase->churn_count - connection->served;
        count = left < count ? left : count;
    }
    /* An open loop spreads what is due over the connections that are free. */
    return phase->plan.arrival == PLAN_CLOSED ? count : 1;
}

static void dirty_add(struct client *client, struct connection *connection) {
    if (!connection->dirty_listed) {
        connection->dirty_listed = true;
        client->dirty[client->dirty_count++] = connection->index;
    }
}

static void batch_start(struct client *client, struct connection *connection) {
    bool is_closed = connection->state == CONNECTION_CLOSED;
    if (is_closed && !client_connect(client, connection)) {
        return;
    }
    for (uint64_t left = batch_size(client, connection); left > 0 && request_is_due(client); left--) {
        request_start(client, connection);
    }
    if (is_closed) {
        return; /* what was encoded leaves when the connection is there */
    }
    dirty_add(client, connection);
    if (client_may_start(client, connection)) {
        client_offer(client, connection);
    }
}

static void start_what_is_due(struct client *client) {
    while (client->ready_count > 0 && request_is_due(client)) {
        struct connection *connection = client_take_offered(client);
        if (client_may_start(client, connection)) {
            batch_start(client, connection);
        }
        if (unlikely(failure_happened(&client->failure))) {
            return;
        }
    }
}

static void flush(struct client *client) {
    for (uint32_t i = 0; i < client->dirty_count; i++) {
        struct connection *connection = &client->connections[client->dirty[i]];
        connection->dirty_listed = false;
        if (connection->state != CONNECTION_OPEN || output_is_empty(&connection->output)) {
            continue;
        }
        client_send(client, connection);
        if (!connection->receiving) {
            connection_arm_receive(connection, &client->wire);
        }
    }
    client->dirty_count = 0;
}

static void take_completions(struct client *client) {
    struct io_uring_cqe *completions[REAP_MAX];
    struct io_uring *uring = &client->wire.ring.uring;
    unsigned count = io_uring_peek_batch_cqe(uring, completions, REAP_MAX);
    for (unsigned i = 0; i < count && !failure_happened(&client->failure); i++) {
        /* The first was there when the turn looked at the clock; reading a large one takes a while. */
        client->now_ns = i == 0 ? client->now_ns : clock_monotonic_ns();
        client_on_completion(client, completions[i]);
    }
    io_uring_cq_advance(uring, count);
    if (client->wire.multishot) {
        buffers_publish(&client->wire.buffers);
    }
}

/* The turn must not sleep over the next request, but need not hurry while no connection is free. */
static uint64_t turn_deadline(const struct client *client, uint64_t deadline_ns) {
    const struct phase *phase = &client->phase;
    if (phase->accepting && phase->starts_left > 0 && client->ready_count > 0) {
        uint64_t due_ns = plan_next_ns(&phase->plan, client->now_ns);
        deadline_ns = due_ns < deadline_ns ? due_ns : deadline_ns;
    }
    return client->next_look_ns < deadline_ns ? client->next_look_ns : deadline_ns;
}

static bool is_waiting(const struct connection *connection) {
    switch (connection->state) {
    case CONNECTION_CLOSED:
        return false;
    case CONNECTION_CONNECTING:
    case CONNECTION_HANDSHAKING:
    case CONNECTION_CLOSING:
        return true;
    case CONNECTION_OPEN:
        return connection->pending_count > 0;
    }
    return false;
}

/* Ends the run when a connect, or a reply, has been waited for longer than the time-out. */
static void look_for_stalls(struct client *client) {
    uint64_t timeout_ns = client->scenario->options->timeout_ns;
    for (uint32_t i = 0; i < client->connections_count; i++) {
        const struct connection *connection = &client->connections[i];
        if (!is_waiting(connection) || client->now_ns - connection->progress_ns < timeout_ns) {
            continue;
        }
        const char *what = connection->state == CONNECTION_CONNECTING    ? "a connection is not accepted"
                           : connection->state == CONNECTION_HANDSHAKING ? "a TLS handshake is not answered"
                                                                         : "no reply";
        failure_write(&client->failure, EXIT_CODE_ENDED_EARLY,
                      "%s is dead or stalled: %s for %.3g s (--timeout)", client->scenario->target.name, what,
                      (double)timeout_ns / 1e9);
        return;
    }
}

static void __attribute__((cold)) look(struct client *client) {
    /*
     * Whoever was stopped itself (no CPU, a debugger) has replies to read before it may call the server
     * stalled.
     */
    bool was_stopped = client->now_ns - client->next_look_ns > LOOK_INTERVAL_NS;
    client->next_look_ns = client->now_ns + LOOK_INTERVAL_NS;
    if (!was_stopped) {
        look_for_stalls(client);
    }
}

bool client_turn(struct client *client, uint64_t deadline_ns) {
    start_what_is_due(client);
    flush(client);
    ring_turn(&client->wire.ring, turn_deadline(client, deadline_ns));
    client->now_ns = clock_monotonic_ns();
    take_completions(client);
    if (unlikely(client->now_ns >= client->next_look_ns)) {
        look(client);
    }
    if (unlikely(client->wire.ring.error < 0)) {
        failure_write(&client->failure, EXIT_CODE_SYSTEM, "io_uring failed: %s",
                      strerror(-client->wire.ring.error));
    }
    /* relaxed: the flag carries no data; what follows a stop is ordered by the barrier. */
    return !failure_happened(&client->failure) &&
           atomic_load_explicit(client->stop, memory_order_relaxed) != CLIENT_STOP_NOW;
}

/* --- what a client allocates at its start, and gives back at its end --- */

static bool fail_for_memory(struct client *client) {
    failure_write(&client->failure, EXIT_CODE_SYSTEM,
                  "no memory for %u connections with %u requests in flight each", client->connections_count,
                  scenario_depth_max(client->scenario));
    return false;
}

static bool connections_init(struct client *client) {
    uint64_t pending_max = power_of_two(scenario_depth_max(client->scenario));
    client->ready_max = (uint32_t)power_of_two(client->connections_count);
    client->connections = calloc(client->connections_count, sizeof(*client->connections));
    client->pendings = calloc(client->connections_count * pending_max, sizeof(*client->pendings));
    client->ready = calloc(client->ready_max, sizeof(*client->ready));
    client->dirty = calloc(client->connections_count, sizeof(*client->dirty));
    client->counts = calloc(1, sizeof(*client->counts));
    if (client->connections == NULL || client->pendings == NULL || client->ready == NULL ||
        client->dirty == NULL || client->counts == NULL) {
        return fail_for_memory(client);
    }
    for (uint32_t i = 0; i < client->connections_count; i++) {
        if (!connection_init(&client->connections[i], i, client->pendings + i * pending_max, client->scenario,
                             &client->wire)) {
            return fail_for_memory(client);
        }
    }
    return true;
}

bool client_init(struct client *client, const struct scenario *scenario, unsigned index,
                 const _Atomic int *stop) {
    const struct options *options = scenario->options;
    client->scenario = scenario;
    client->index = index;
    client->stop = stop;
    client->connections_count = (uint32_t)share_of(options->connections_count, index, options->threads_count);
    client->random.state = options->seed * 1024 + index;
    client->checker.protocol = scenario->protocol;
    client->checker.workload = &scenario->workload;
    client->checker.encoder = &scenario->encoder;
    client->checker.level = options->check;
    client->checker.reference.is_needed = !scenario->is_keyed;
    return wire_init(&client->wire, scenario, client->connections_count, &client->failure) &&
           connections_init(client);
}

void client_deinit(struct client *client) {
    /* First: it ends what the kernel still does with the memory below. */
    wire_deinit(&client->wire);
    for (uint32_t i = 0; client->connections != NULL && i < client->connections_count; i++) {
        connection_deinit(&client->connections[i]);
    }
    checker_deinit(&client->checker);
    free(client->connections);
    free(client->pendings);
    free(client->ready);
    free(client->dirty);
    free(client->counts);
    client->connections = NULL;
}
