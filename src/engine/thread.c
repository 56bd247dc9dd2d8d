/* SPDX-License-Identifier: MIT
 *
 * thread: sets a worker up, lets its loop run, pauses it, tears it down.
 */
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt.h"
#include "arm.h"
#include "drain.h"
#include "engine_state.h"
#include "failure.h"
#include "freeze.h"
#include "loop.h"

/* Slots beyond the connection limit, for connections that are being told so. */
enum { THREAD_REJECT_SLOTS = 256 };

static int thread_fail(struct engine_error *error, int number, const char *what) {
    error->error = number;
    const char *cure = number == -ENOMEM ? "; " FAILURE_MEMORY_CURE : "";
    snprintf(error->message, sizeof(error->message), "a worker cannot %s: %s%s", what, strerror(-number),
             cure);
    return number;
}

/* Opens the engine's transport, and the other one where the engine decides to (start.h). */
static int thread_open_transport(struct worker *worker, struct engine_error *error) {
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

/* The worker's own memory; undone by thread_free_memory. */
static int thread_reserve_memory(struct worker *worker, struct engine_error *error) {
    struct engine *engine = worker->engine;
    int result = conn_table_init(&worker->conns, engine->connections_max + THREAD_REJECT_SLOTS,
                                 engine->session_size, engine->filter_state_size);
    if (result < 0) {
        return thread_fail(error, result, "reserve its connection table");
    }
    worker->plain = engine->filter_state_size > 0 ? malloc(WORKER_PLAIN_SIZE) : NULL;
    if (engine->filter_state_size > 0 && worker->plain == NULL) {
        conn_table_deinit(&worker->conns);
        return thread_fail(error, -ENOMEM, "reserve its buffer for filters");
    }
    return 0;
}

static void thread_free_memory(struct worker *worker) {
    free(worker->plain);
    conn_table_deinit(&worker->conns);
}

static void thread_fill_listens(struct worker *worker) {
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
static void thread_set_listeners(struct worker *worker) {
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
static int thread_prepare(struct worker *worker, struct engine_error *error) {
    const struct engine_hooks *hooks = worker->hooks;
    if (!worker->prepared) {
        worker->user = hooks->worker_start == NULL ? NULL : hooks->worker_start(hooks->user, worker->index);
        worker->prepared = hooks->worker_start == NULL || worker->user != NULL;
    }
    if (worker->prepared) {
        return 0;
    }
    /* A hook does not say which of both it is. */
    error->error = -ENOMEM;
    snprintf(error->message, sizeof(error->message),
             "a worker cannot start: memory or a thread is refused; " FAILURE_MEMORY_CURE
             "; " FAILURE_THREAD_CURE);
    return error->error;
}

/* From now on this worker serves. */
static int thread_begin_serving(struct worker *worker, struct engine_error *error) {
    if (thread_prepare(worker, error) < 0) {
        return error->error;
    }
    worker->stage = WORKER_SERVING;
    thread_fill_listens(worker);
    thread_set_listeners(worker);
    loop_read_clock(worker);
    adopt_turn(worker);
    arm_turn(worker);
    worker->transport->wait(worker, 0);
    return 0;
}

/* What the hooks have given goes back. */
static void thread_unprepare(struct worker *worker) {
    if (worker->prepared && worker->hooks->worker_stop != NULL) {
        worker->hooks->worker_stop(worker->user);
    }
    worker->prepared = false;
}

/*
 * Makes what the loop needs besides connections, and reports what comes of it; undone by thread_tear_down. An engine that begins
 * with a pause is one that has drained already, and its hooks are called when it is over.
 */
static int thread_set_up(struct worker *worker, bool begins) {
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
    int result = thread_open_transport(worker, &error);
    if (result < 0) {
        return result;
    }
    result = thread_reserve_memory(worker, &error);
    if (result < 0) {
        goto close_transport;
    }
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!begins) {
        worker->stage = WORKER_DRAINING;
        return 0; /* thread_pause reports */
    }
    result = thread_begin_serving(worker, &error);
    if (result < 0) {
        goto free_memory;
    }
    start_report(&engine->start, 0, &error);
    return 0;

free_memory:
    close(worker->spare_fd);
    thread_free_memory(worker);
close_transport:
    worker->transport->close(worker);
    start_report(&engine->start, result, &error);
    return result;
}

static void thread_tear_down(struct worker *worker) {
    if (worker->spare_fd >= 0) {
        close(worker->spare_fd);
    }
    if (worker->transport != NULL) {
        worker->transport->close(worker);
    }
    thread_unprepare(worker);
    frozen_discard(&worker->frozen, 0);
    lent_abandon(&worker->lent);
    thread_free_memory(worker);
    reply_pool_deinit(&worker->reply_pool);
    affinity_end(worker);
}

/* The engine pauses: waits for what comes of it. False: the end. */
static bool thread_pause(struct worker *worker) {
    struct engine_start *start = &worker->engine->start;
    struct engine_error error = {0};
    int result = 0;
    enum start_order order;
    thread_unprepare(worker);
    while ((order = start_report_and_wait(start, result, &error, &worker->orders_seen)) == START_PREPARE) {
        result = thread_prepare(worker, &error);
    }
    if (order != START_SERVE) {
        thread_unprepare(worker);
        return false;
    }
    result = thread_begin_serving(worker, &error);
    /* What one serves may concern a session that another one has yet to make: a watcher hears of all that is done from now on. */
    start_meet(start, worker->engine->workers_count);
    start_report(start, result, &error);
    return result == 0;
}

/* Another process serves: the connections that could not go there hear the end. */
static void thread_part(struct worker *worker) {
    loop_read_clock(worker);
    drain_part(worker);
    loop_run(worker);
}

void *thread_main(void *argument) {
    struct worker *worker = argument;
    bool serves = !engine_stop_waits(engine_stop_asked(worker->engine));
    bool ends = false;
    worker_settle_thread(worker);
    if (thread_set_up(worker, serves) < 0) {
        affinity_end(worker);
        return NULL;
    }
    while (!ends) {
        if (serves) {
            loop_run(worker);
        }
        if (worker->stage == WORKER_FROZEN && worker->transport != NULL) {
            freeze_end(worker);
        }
        if (worker->transport == NULL) { /* failover.c */
            break;
        }
        ends = serves && !engine_stop_waits(engine_stop_asked(worker->engine));
        if (!ends) {
            serves = thread_pause(worker);
            ends = !serves;
        }
    }
    if (worker->transport != NULL && worker->conns.open_count > 0) {
        thread_part(worker);
    }
    start_leave(&worker->engine->start);
    thread_tear_down(worker);
    return NULL;
}
