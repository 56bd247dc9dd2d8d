/* SPDX-License-Identifier: MIT
 *
 * loop: the thread of a worker: set up, turn after turn until the last connection has ended, torn down.
 */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu_relax.h"
#include "accept.h"
#include "adopt.h"
#include "arm.h"
#include "conn_list.h"
#include "drain.h"
#include "engine_state.h"
#include "failover.h"
#include "filter.h"
#include "freeze.h"
#include "overdue.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "serve.h"
#include "shed.h"
#include "timeouts.h"

enum {
    /* Slots beyond the connection limit, for connections that are being told so. */
    WORKER_REJECT_SLOTS = 256,
    /* While draining, looks come at least this often. */
    WORKER_DRAIN_WAIT_MS = 5,
};

static void loop_read_clock(struct worker *worker) {
    worker->now_ns = clock_monotonic_ns();
    worker->now_ms = (uint32_t)((worker->now_ns - worker->engine->created_ns) / CLOCK_NS_PER_MS);
}

/* A listener is to be armed: the ring had no room for it, or accepting was resumed after they had been looked at. */
static bool loop_listener_waits(const struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        if (worker->listeners[i].wanted && !worker->listeners[i].armed) {
            return true;
        }
    }
    return false;
}

/* How long costly requests may wait: some rest (turn.h). */
static uint64_t loop_costly_wait_ns(const struct worker *worker) {
    return conn_queue_empty(&worker->run_costly) ? TRANSPORT_WAIT_FOREVER
                                                 : turn_costly_rests_ns(&worker->turn, worker->now_ns);
}

/* How long nothing may happen before this worker has something to do by itself. */
static uint64_t loop_wait_ns(const struct worker *worker) {
    uint64_t costly_wait_ns = loop_costly_wait_ns(worker);
    if (!conn_queue_empty(&worker->run) || costly_wait_ns == 0 || !conn_queue_empty(&worker->arm) ||
        !conn_queue_empty(&worker->arm_later) || worker->conn_list_wanted || loop_listener_waits(worker) ||
        (worker->place_freed && worker_accept_waits(worker))) {
        return 0;
    }
    uint32_t wait_ms = timeouts_next_ms(&worker->timeouts, &worker->conns, worker->now_ms);
    if (worker->hook_period_ms > 0 && worker->hook_period_ms < wait_ms) {
        wait_ms = worker->hook_period_ms;
    }
    if (worker_accept_waits(worker)) {
        bool passed = timeout_passed(worker->now_ms, worker->accept_look_ms);
        uint32_t left_ms = passed ? 1 : worker->accept_look_ms - worker->now_ms;
        wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
    }
    if (worker->stage != WORKER_SERVING && wait_ms > WORKER_DRAIN_WAIT_MS) {
        wait_ms = WORKER_DRAIN_WAIT_MS;
    }
    uint64_t wait_ns = wait_ms == UINT32_MAX ? TRANSPORT_WAIT_FOREVER : wait_ms * CLOCK_NS_PER_MS;
    return costly_wait_ns < wait_ns ? costly_wait_ns : wait_ns;
}

static bool loop_looks_find_work(struct worker *worker) {
    for (int look = 0; look < SPIN_LOOKS_PER_CLOCK; look++) {
        if (worker->transport->ready(worker)) {
            return true;
        }
        cpu_relax();
    }
    return false;
}

/* Looks for work without sleeping; true when there is some: what it is worth says the turn (loop_judge_spin). */
static bool loop_spin(struct worker *worker) {
    struct spin *spin = &worker->spin;
    uint64_t began_ns = clock_monotonic_ns();
    counter_add(&worker->counters.spins, 1);
    for (uint64_t looked_ns = began_ns;;) {
        worker->spin_found = loop_looks_find_work(worker);
        uint64_t now_ns = clock_monotonic_ns();
        bool lost_cpu = now_ns - looked_ns > SPIN_LOST_CPU_US * CLOCK_NS_PER_US;
        if (!worker->spin_found && !lost_cpu && now_ns - began_ns <= spin->limit_ns) {
            looked_ns = now_ns;
            continue;
        }
        /* Time without a CPU was not spent spinning. */
        counter_add(&worker->counters.spun_ns, (lost_cpu ? looked_ns : now_ns) - began_ns);
        if (!worker->spin_found) {
            lost_cpu ? spin_lost_cpu(spin) : spin_missed(spin);
        }
        return worker->spin_found;
    }
}

/* The turn has served what a spin found. */
static void loop_judge_spin(struct worker *worker) {
    if (!worker->spin_found) {
        return;
    }
    worker->spin_found = false;
    if (worker->turn.asked_again) {
        counter_add(&worker->counters.spin_hits, 1);
        spin_hit(&worker->spin);
    } else {
        spin_missed(&worker->spin);
    }
}

static void loop_sleep(struct worker *worker, uint64_t wait_ns) {
    counter_add(&worker->counters.sleeps, 1);
    if (worker->hooks->offline != NULL) {
        worker->hooks->offline(worker->user);
    }
    worker->transport->wait(worker, wait_ns);
    if (worker->hooks->online != NULL) {
        worker->hooks->online(worker->user, clock_monotonic_ns());
    }
}

static void loop_call_hook(struct worker *worker) {
    if (worker->hooks->turn != NULL) {
        worker->hook_period_ms = worker->hooks->turn(worker->user, worker->now_ns);
    }
}

static void loop_wait(struct worker *worker) {
    if (loop_wait_ns(worker) == 0) {
        worker->transport->wait(worker, 0);
        return;
    }
    if (spin_wanted(&worker->spin)) {
        /* What was armed must be on its way before a spin can find anything. */
        worker->transport->wait(worker, 0);
        if (worker->transport->ready(worker)) {
            return;
        }
        if (loop_spin(worker)) {
            worker->transport->wait(worker,
                                    0); /* the kernel may have to be entered before there is what to reap */
            return;
        }
    }
    /* Once more: a request of this turn may have left work behind, such as a flush, and nobody may ask again. */
    loop_call_hook(worker);
    uint64_t wait_ns = loop_wait_ns(worker);
    if (unlikely(wait_ns == 0)) {
        worker->transport->wait(worker, 0);
        return;
    }
    loop_sleep(worker, wait_ns);
}

/* acquire: pairs with the release in engine_stop and engine_resume: whatever was written before is seen. */
static enum engine_stop loop_stop(const struct worker *worker) {
    return atomic_load_explicit(&worker->engine->stop, memory_order_acquire);
}

/* Somebody has called worker_wake: the engine stops, a connection list waits, or a filter is ready. */
static void loop_on_wake(struct worker *worker) {
    worker->woken = false;
    enum engine_stop stop = loop_stop(worker);
    if (stop == ENGINE_STOP_FREEZE) {
        freeze_begin(worker);
    } else if (stop != ENGINE_STOP_NONE) {
        drain_begin(worker);
    }
    filter_wake(worker);
    worker->conn_list_wanted = true; /* cheap to look: a wake-up is rare */
}

/* The worker stops, in one way or another. */
static void loop_stop_turn(struct worker *worker) {
    if (worker->stage == WORKER_FREEZING || worker->stage == WORKER_FROZEN) {
        freeze_turn(worker);
    } else {
        drain_turn(worker);
    }
}

/* What the turn that begins has to do in any case. */
static enum turn_kind loop_turn_kind(const struct worker *worker) {
    if (unlikely(loop_costly_wait_ns(worker) == 0)) {
        return TURN_COSTLY;
    }
    bool has_more = !conn_queue_empty(&worker->run) || !conn_queue_empty(&worker->arm);
    return unlikely(has_more) ? TURN_BUSY : TURN_LIGHT;
}

static void loop_turn(struct worker *worker) {
    loop_wait(worker);
    loop_read_clock(worker);
    turn_begin(&worker->turn, &worker->counters, worker->now_ns, loop_turn_kind(worker));
    loop_call_hook(worker);
    worker->transport->reap(worker);
    if (unlikely(worker->woken)) {
        loop_on_wake(worker);
    }
    serve_turn(worker);
    loop_judge_spin(worker);
    worker->transport->return_buffers(worker);
    worker->plain_used_size = 0;
    overdue_turn(worker);
    accept_turn(worker);
    if (unlikely(worker->conn_list_wanted)) {
        worker->conn_list_wanted = conn_list_turn(worker);
    }
    if (unlikely(worker->stage != WORKER_SERVING)) {
        loop_stop_turn(worker);
    }
    shed_turn(worker);
    if (worker->hooks->turn_end != NULL) {
        worker->hooks->turn_end(worker->user, worker->now_ns);
    }
    arm_turn(worker);
    counter_add(&worker->counters.turns, 1);
}

/* The kernel may still give this worker a connection, which nobody would look at. Where listeners close, it is lost anyway. */
static bool loop_may_accept(const struct worker *worker) {
    if (loop_stop(worker) == ENGINE_STOP_CLOSE) {
        return false;
    }
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        if (worker->listeners[i].armed) {
            return true;
        }
    }
    return false;
}

/* False: nothing can be served any more. */
static bool loop_goes_on(struct worker *worker) {
    if (unlikely(worker->transport_failed) && !failover_turn(worker)) {
        return false;
    }
    bool is_open = worker->stage == WORKER_SERVING || worker->stage == WORKER_FREEZING;
    bool has_conns = worker->stage != WORKER_FROZEN && worker->conns.open_count > 0;
    return is_open || has_conns || loop_may_accept(worker);
}

/* --- the thread ----------------------------------------------------------------------------------------- */

static int loop_fail(struct engine_error *error, int number, const char *what) {
    error->error = number;
    snprintf(error->message, sizeof(error->message), "a worker cannot %s: %s", what, strerror(-number));
    return number;
}

/* Opens the engine's transport, and the other one where the engine decides to (start.h). */
static int loop_open_transport(struct worker *worker, struct engine_error *error) {
    struct engine *engine = worker->engine;
    for (;;) {
        /* The mutex of the start orders this with engine_start's change. */
        worker->transport = engine->transport;
        int result = worker->transport->open(worker, error);
        enum start_order order = start_report_and_wait(&engine->start, result, error, &worker->orders_seen);
        if (order == START_SERVE) {
            return 0;
        }
        if (result == 0) {
            worker->transport->close(worker);
        }
        if (order == START_GIVE_UP) {
            return -ECANCELED; /* the engine has the reason */
        }
    }
}

/* The worker's own memory; undone by loop_free_memory. */
static int loop_reserve_memory(struct worker *worker, struct engine_error *error) {
    struct engine *engine = worker->engine;
    int result = conn_table_init(&worker->conns, engine->connections_max + WORKER_REJECT_SLOTS,
                                 engine->session_size, engine->filter_state_size);
    if (result < 0) {
        return loop_fail(error, result, "reserve its connection table");
    }
    worker->plain = engine->filter_state_size > 0 ? malloc(WORKER_PLAIN_SIZE) : NULL;
    if (engine->filter_state_size > 0 && worker->plain == NULL) {
        conn_table_deinit(&worker->conns);
        return loop_fail(error, -ENOMEM, "reserve its buffer for filters");
    }
    return 0;
}

static void loop_free_memory(struct worker *worker) {
    free(worker->plain);
    conn_table_deinit(&worker->conns);
}

static void loop_fill_listens(struct worker *worker) {
    struct engine *engine = worker->engine;
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        const struct engine_listen *listen = &engine->listens[i];
        struct engine_group *group = &engine->groups[engine->listen_groups[i]];
        worker->listens[i] = (struct worker_listen){
            .protocol = listen->protocol,
            .context = listen->context_of == NULL ? worker->user : listen->context_of(worker->user),
            .filter = listen->filter,
            .filter_context =
                listen->filter_context_of == NULL ? worker->user : listen->filter_context_of(worker->user, i),
            .limits = &group->limits,
            .group = group,
        };
    }
}

/*
 * Not before this worker serves: backlog and whether an accept waits are the socket's, and another process may still accept from it. A
 * transport whose accepts must not wait sets that when it arms them.
 */
static void loop_set_listeners(struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = &worker->listeners[i];
        if (listener->is_new) {
            listener->is_new = false;
            listener_adopt(listener->fd, listener->is_unix, worker->engine->listen_backlog_wanted);
        }
        if (!worker->transport->sockets_nonblocking) {
            listener_set_blocking(listener->fd);
        }
        listener->wanted = true;
    }
}

/* What the hooks give for serving: all that can fail. */
static int loop_prepare(struct worker *worker, struct engine_error *error) {
    const struct engine_hooks *hooks = worker->hooks;
    if (!worker->prepared) {
        worker->user = hooks->worker_start == NULL ? NULL : hooks->worker_start(hooks->user, worker->index);
        worker->prepared = hooks->worker_start == NULL || worker->user != NULL;
    }
    return worker->prepared ? 0 : loop_fail(error, -ENOMEM, "start");
}

/* From now on this worker serves. */
static int loop_begin_serving(struct worker *worker, struct engine_error *error) {
    if (loop_prepare(worker, error) < 0) {
        return error->error;
    }
    worker->stage = WORKER_SERVING;
    loop_fill_listens(worker);
    loop_set_listeners(worker);
    loop_read_clock(worker);
    adopt_turn(worker);
    arm_turn(worker);
    worker->transport->wait(worker, 0);
    return 0;
}

/* What the hooks have given goes back. */
static void loop_unprepare(struct worker *worker) {
    if (worker->prepared && worker->hooks->worker_stop != NULL) {
        worker->hooks->worker_stop(worker->user);
    }
    worker->prepared = false;
}

/*
 * Makes what the loop needs besides connections, and reports what comes of it; undone by loop_tear_down. An engine that begins
 * with a pause is one that has drained already, and its hooks are called when it is over.
 */
static int loop_set_up(struct worker *worker, bool begins) {
    struct engine *engine = worker->engine;
    struct engine_error error = {0};
    worker->run = CONN_QUEUE_EMPTY;
    worker->run_costly = CONN_QUEUE_EMPTY;
    worker->arm = CONN_QUEUE_EMPTY;
    worker->arm_next_turn = CONN_QUEUE_EMPTY;
    worker->arm_later = CONN_QUEUE_EMPTY;
    worker->filter_waits = CONN_NONE;
    timeouts_init(&worker->timeouts);
    spin_init(&worker->spin, engine->config.spin_us);
    int result = loop_open_transport(worker, &error);
    if (result < 0) {
        return result;
    }
    result = loop_reserve_memory(worker, &error);
    if (result < 0) {
        goto close_transport;
    }
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!begins) {
        worker->stage = WORKER_DRAINING;
        return 0; /* loop_pause reports */
    }
    result = loop_begin_serving(worker, &error);
    if (result < 0) {
        goto free_memory;
    }
    start_report(&engine->start, 0, &error);
    return 0;

free_memory:
    close(worker->spare_fd);
    loop_free_memory(worker);
close_transport:
    worker->transport->close(worker);
    start_report(&engine->start, result, &error);
    return result;
}

static void loop_tear_down(struct worker *worker) {
    if (worker->spare_fd >= 0) {
        close(worker->spare_fd);
    }
    if (worker->transport != NULL) {
        worker->transport->close(worker);
    }
    loop_unprepare(worker);
    frozen_discard(&worker->frozen, 0);
    lent_abandon(&worker->lent);
    loop_free_memory(worker);
    reply_pool_deinit(&worker->reply_pool);
}

/* The engine pauses: waits for what comes of it. False: the end. */
static bool loop_pause(struct worker *worker) {
    struct engine_start *start = &worker->engine->start;
    struct engine_error error = {0};
    int result = 0;
    enum start_order order;
    loop_unprepare(worker);
    while ((order = start_report_and_wait(start, result, &error, &worker->orders_seen)) == START_PREPARE) {
        result = loop_prepare(worker, &error);
    }
    if (order != START_SERVE) {
        loop_unprepare(worker);
        return false;
    }
    result = loop_begin_serving(worker, &error);
    /* What one serves may concern a session that another one has yet to make: a watcher hears of all that is done from now on. */
    start_meet(start, worker->engine->workers_count);
    start_report(start, result, &error);
    return result == 0;
}

/* Another process serves: the connections that could not go there hear the end. */
static void loop_part(struct worker *worker) {
    loop_read_clock(worker);
    drain_part(worker);
    while (loop_goes_on(worker)) {
        loop_turn(worker);
    }
}

void *loop_main(void *argument) {
    struct worker *worker = argument;
    bool serves = !engine_stop_waits(loop_stop(worker));
    bool ends = false;
    worker_settle_thread(worker);
    if (loop_set_up(worker, serves) < 0) {
        return NULL;
    }
    while (!ends) {
        while (serves && loop_goes_on(worker)) {
            loop_turn(worker);
        }
        if (worker->stage == WORKER_FROZEN && worker->transport != NULL) {
            freeze_end(worker);
        }
        if (worker->transport == NULL) { /* failover.c */
            break;
        }
        ends = serves && !engine_stop_waits(loop_stop(worker));
        if (!ends) {
            serves = loop_pause(worker);
            ends = !serves;
        }
    }
    if (worker->transport != NULL && worker->conns.open_count > 0) {
        loop_part(worker);
    }
    start_leave(&worker->engine->start);
    loop_tear_down(worker);
    return NULL;
}
