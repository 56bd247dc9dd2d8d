/* SPDX-License-Identifier: MIT
 *
 * loop: waits, then takes a turn, until nothing is left to do.
 */
#include "loop.h"

#include "accept.h"
#include "arm.h"
#include "conn_list.h"
#include "cpu_relax.h"
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

/* While draining, looks come at least this often. */
enum { LOOP_DRAIN_WAIT_MS = 5 };

void loop_read_clock(struct worker *worker) {
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
    if (worker->stage != WORKER_SERVING && wait_ms > LOOP_DRAIN_WAIT_MS) {
        wait_ms = LOOP_DRAIN_WAIT_MS;
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

/* Somebody has called worker_wake: the engine stops, a connection list waits, or a filter is ready. */
static void loop_on_wake(struct worker *worker) {
    worker->woken = false;
    enum engine_stop stop = engine_stop_asked(worker->engine);
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
    affinity_turn(worker);
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
    if (engine_stop_asked(worker->engine) == ENGINE_STOP_CLOSE) {
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

void loop_run(struct worker *worker) {
    while (loop_goes_on(worker)) {
        loop_turn(worker);
    }
}
