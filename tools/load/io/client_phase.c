/* SPDX-License-Identifier: MIT
 *
 * client_phase: what a client does one after the other: connect, store the keys or learn the page, measure.
 */
#include "client.h"

#include <assert.h>
#include <string.h>

#include "exit_code.h"
#include "riposte/clock.h"

enum { CONNECTING_MAX = 64 }; /* at a time, so that no accept queue overflows */

/* How long a turn may last when nothing else bounds it. */
#define TURN_NS_MAX (100 * CLOCK_NS_PER_MS)

static uint64_t least(uint64_t left, uint64_t right) {
    return left < right ? left : right;
}

/* A turn of what comes before measuring: there is nothing to report yet, so any stop ends it. */
static bool turn(struct client *client) {
    /* relaxed: see client_turn. */
    return client_turn(client, client->now_ns + TURN_NS_MAX) &&
           atomic_load_explicit(client->stop, memory_order_relaxed) == CLIENT_GO;
}

static uint32_t connections_open(const struct client *client) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < client->connections_count; i++) {
        count += client->connections[i].state == CONNECTION_OPEN;
    }
    return count;
}

static bool connect_all(struct client *client) {
    for (uint32_t i = 0; i < client->connections_count; i++) {
        if (!client_connect(client, &client->connections[i])) {
            return false;
        }
        while (client->connecting_count >= CONNECTING_MAX) {
            if (!turn(client)) {
                return false;
            }
        }
    }
    while (client->connecting_count > 0) {
        if (!turn(client)) {
            return false;
        }
    }
    return true;
}

/* Turns until everything that was started is answered. */
static bool finish_phase(struct client *client) {
    while (client->phase.starts_left > 0 || client->outstanding_count > 0) {
        if (!turn(client)) {
            return false;
        }
    }
    client->phase = (struct phase){.kind = PHASE_NONE};
    return true;
}

static void begin_phase(struct client *client, const struct phase *phase) {
    client->phase = *phase;
    client->phase.accepting = true;
    /* A change of depth may let connections start that could not before; all have been free since now. */
    for (uint32_t i = 0; i < client->connections_count; i++) {
        client->connections[i].free_ns = client->now_ns;
        if (client_may_start(client, &client->connections[i])) {
            client_offer(client, &client->connections[i]);
        }
    }
}

static bool learn(struct client *client) {
    struct phase phase = {.kind = PHASE_LEARN, .depth = 1, .until_ns = UINT64_MAX, .starts_left = 1};
    client->checker.reference.learning = true;
    begin_phase(client, &phase);
    bool is_done = finish_phase(client);
    client->checker.reference.learning = false;
    return is_done;
}

static bool preload(struct client *client) {
    const struct options *options = client->scenario->options;
    uint64_t begin = share_begin(options->keys_count, client->index, options->threads_count);
    uint64_t end = share_begin(options->keys_count, client->index + 1, options->threads_count);
    struct phase phase = {
        .kind = PHASE_PRELOAD,
        .depth = scenario_preload_depth(client->scenario),
        .whole_batches = true,
        .until_ns = UINT64_MAX,
        .starts_left = end - begin,
        .preload_next = begin,
        .preload_end = end,
    };
    begin_phase(client, &phase);
    return finish_phase(client);
}

/* Connections that are to churn begin closed. */
static bool close_all(struct client *client) {
    for (uint32_t i = 0; i < client->connections_count; i++) {
        struct connection *connection = &client->connections[i];
        if (connection->state == CONNECTION_OPEN) {
            connection_begin_close(connection, client->now_ns);
            client_settle(client, connection);
        }
    }
    for (uint32_t closed = 0; closed < client->connections_count;) {
        if (!turn(client)) {
            return false;
        }
        closed = 0;
        for (uint32_t i = 0; i < client->connections_count; i++) {
            closed += client->connections[i].state == CONNECTION_CLOSED;
        }
    }
    return true;
}

bool client_prepare(struct client *client) {
    bool churns = client->scenario->options->churn_count > 0;
    client->now_ns = clock_monotonic_ns();
    client->next_look_ns = client->now_ns;
    if (!churns && !connect_all(client)) {
        return false;
    }
    assert(churns || connections_open(client) == client->connections_count);
    if (client->scenario->preload && !preload(client)) {
        return false;
    }
    if (!client->scenario->is_keyed && !learn(client)) {
        return false;
    }
    return !churns || close_all(client);
}

/* What getrusage and the ring counted up to now. */
static struct counts_usage usage_read(const struct client *client) {
    struct counts_usage usage = counts_usage_read();
    usage.elapsed_ns = client->now_ns;
    usage.idle_ns = client->wire.ring.idle_ns;
    return usage;
}

/* Until the window closes counts->usage holds what there was when it opened. */
static void window_open(struct client *client) {
    client->phase.in_window = true;
    client->counts->usage = usage_read(client);
}

static void window_close(struct client *client) {
    struct counts_usage *usage = &client->counts->usage;
    struct counts_usage end = usage_read(client);
    client->phase.in_window = false;
    usage->elapsed_ns = end.elapsed_ns - usage->elapsed_ns;
    usage->user_ns = end.user_ns - usage->user_ns;
    usage->system_ns = end.system_ns - usage->system_ns;
    usage->idle_ns = end.idle_ns - usage->idle_ns;
    usage->preemptions = end.preemptions - usage->preemptions;
    usage->wait_ns = end.wait_ns - usage->wait_ns;
    client->counts->window_ns = usage->elapsed_ns;
    /* A thread that spins always uses all of its CPU: what counts is how often it looked in vain. */
    double cpu_ns = (double)(usage->user_ns + usage->system_ns);
    double busy_ns = client->wire.ring.spin ? (double)(usage->elapsed_ns - usage->idle_ns) : cpu_ns;
    client->counts->busy_share_max = usage->elapsed_ns == 0 ? 0 : busy_ns / (double)usage->elapsed_ns;
}

/* Requests that were due in the window and never got a connection count with the time they have waited. */
static void count_unsent(struct client *client) {
    struct phase *phase = &client->phase;
    uint64_t end_ns = least(client->now_ns, phase->until_ns);
    if (phase->plan.arrival == PLAN_CLOSED) {
        return;
    }
    while (phase->starts_left > 0 && plan_next_ns(&phase->plan, end_ns) < end_ns) {
        uint64_t intended_ns = plan_take_ns(&phase->plan, end_ns);
        if (intended_ns >= phase->measure_from_ns) {
            histogram_record(&client->counts->latency, end_ns - intended_ns);
            client->counts->unsent++;
            phase->starts_left--;
        }
    }
}

static void phase_begin_load(struct client *client, const struct step *step) {
    const struct options *options = client->scenario->options;
    bool is_open_loop = step->rate_per_s > 0;
    struct phase phase = {
        .kind = PHASE_LOAD,
        .depth = (unsigned)options->depth,
        .whole_batches = !is_open_loop && options->refill == REFILL_ALL,
        .churn_count = options->churn_count,
        .measure_from_ns = step->start_ns + options->warmup_ns,
        .until_ns = UINT64_MAX,
        .starts_left = step->requests_count > 0 ? step->requests_count : UINT64_MAX,
    };
    if (options->duration_ns > 0) {
        phase.until_ns = phase.measure_from_ns + options->duration_ns;
    }
    plan_init(&phase.plan, is_open_loop ? options->arrival : PLAN_CLOSED, step->rate_per_s,
              step->start_ns + step->plan_shift_ns, options->seed * 7919 + client->index);
    begin_phase(client, &phase);
}

/* The next moment at which something has to be noticed. */
static uint64_t load_deadline(const struct client *client) {
    const struct phase *phase = &client->phase;
    uint64_t deadline_ns = least(client->now_ns + TURN_NS_MAX, phase->until_ns);
    return client->now_ns < phase->measure_from_ns ? least(deadline_ns, phase->measure_from_ns) : deadline_ns;
}

/* Notices what the last turn's clock has passed: the window's ends, the end of the load. */
static void load_advance(struct client *client) {
    struct phase *phase = &client->phase;
    /* relaxed: see client_turn. */
    if (phase->accepting && atomic_load_explicit(client->stop, memory_order_relaxed) == CLIENT_STOP_GENTLY) {
        phase->until_ns = least(phase->until_ns, client->now_ns);
    }
    if (phase->accepting && !phase->in_window && client->now_ns >= phase->measure_from_ns) {
        window_open(client);
    }
    if (phase->accepting && (client->now_ns >= phase->until_ns || phase->starts_left == 0)) {
        phase->accepting = false;
        count_unsent(client);
        if (client->now_ns >= phase->until_ns && phase->in_window) {
            window_close(client);
        }
    }
}

static bool wait_for_start(struct client *client, uint64_t start_ns) {
    client->now_ns = clock_monotonic_ns();
    while (client->now_ns < start_ns) {
        if (!client_turn(client, start_ns)) {
            return false;
        }
    }
    return true;
}

static bool load(struct client *client) {
    uint64_t timeout_ns = client->scenario->options->timeout_ns;
    uint64_t give_up_ns = UINT64_MAX;
    while (client->phase.accepting || client->outstanding_count > 0) {
        if (!client_turn(client, load_deadline(client))) {
            return false;
        }
        load_advance(client);
        if (!client->phase.accepting && give_up_ns == UINT64_MAX) {
            give_up_ns = client->now_ns + timeout_ns;
        }
        if (client->now_ns >= give_up_ns) {
            failure_write(&client->failure, EXIT_CODE_ENDED_EARLY,
                          "%llu requests were not answered within %.3g s of the end of the load (--timeout)",
                          (unsigned long long)client->outstanding_count, (double)timeout_ns / 1e9);
            return false;
        }
    }
    return true;
}

bool client_measure(struct client *client, const struct step *step) {
    memset(client->counts, 0, sizeof(*client->counts));
    if (!wait_for_start(client, step->start_ns)) {
        return false;
    }
    phase_begin_load(client, step);
    load_advance(client); /* without a warm-up the window opens before the first reply can come */
    bool is_complete = load(client);
    if (client->phase.in_window) {
        /*
         * The load ended by its number of requests, with the last reply; or by a failure: what came so far is
         * told.
         */
        window_close(client);
    }
    memcpy(client->counts->tls_suite, client->tls_suite, sizeof(client->tls_suite));
    client->phase = (struct phase){.kind = PHASE_NONE};
    return is_complete;
}
