/* SPDX-License-Identifier: MIT
 *
 * shed: chooses the connections that are closed at the bound of memory. See shed.h.
 */
#include "shed.h"

#include <poll.h>

#include "close.h"
#include "memory.h"

enum {
    /* A connection that has moved nothing for so long is closed before one that moves. */
    SHED_QUIET_MS = 100,
    SHED_STALE_MS = 2000,  /* one that has moved nothing for so long gives way to what is refused otherwise */
    SHED_WANTED_MS = 1000, /* so long after it was; who tries again says so again */
    SHED_VAIN_MS = 50,     /* between two looks when there was none */
    SHED_LITTLE_SHARE = 8, /* an eighth of the average is little */
    SHED_CLOSES_MAX = 16,  /* of one turn */
    SHED_SLOTS_PER_TURN = 4096, /* looked at in one turn: a table may have a million */
};

/* What one connection holds. */
static size_t shed_conn_size(const struct conn *conn) {
    /* Where bytes are filtered, conn_output is not the protocol's reply. */
    size_t output_size = conn->filter_offset == 0 ? 0 : conn_output(conn)->memory_size;
    return (size_t)conn->held_size + conn->reply.memory_size + output_size;
}

/* What gives way to others: not what a filter keeps of an open connection, which may rest with nothing under way. */
static size_t shed_pending_size(const struct conn *conn) {
    size_t filter_size =
        conn->filter_offset == 0 ? 0 : conn_filter((struct conn *)(uintptr_t)conn)->held_size;
    return shed_conn_size(conn) - filter_size;
}

/* --- who may be closed --- */

/* One that may be closed. */
struct candidate {
    struct conn *conn;
    size_t size;
    bool quiet;
};

/* Which of two is closed first. Those that wait for room come last: they hold little together, and the room is made for them. */
static bool candidate_before(const struct candidate *left, const struct candidate *right) {
    if (unlikely(left->conn->awaits_room != right->conn->awaits_room)) {
        return right->conn->awaits_room;
    }
    return left->quiet != right->quiet ? left->quiet : left->size > right->size;
}

/* Keeps the list ordered, the first to be closed first; what falls off its end is forgotten. */
static void candidates_add(struct candidate *list, unsigned *count, struct candidate candidate) {
    unsigned place = *count;
    while (place > 0 && candidate_before(&candidate, &list[place - 1])) {
        if (place < SHED_CLOSES_MAX) {
            list[place] = list[place - 1];
        }
        place--;
    }
    if (place < SHED_CLOSES_MAX) {
        list[place] = candidate;
        *count += *count < SHED_CLOSES_MAX;
    }
}

/*
 * The candidates among the next slots that have moved nothing for still_ms, going on where the turn before has ended; in *leaving_size what is about to
 * be freed, since its connections are closing; in *mean_size what those that hold anything hold on average.
 */
static unsigned shed_find(struct worker *worker, uint32_t still_ms, struct candidate list[SHED_CLOSES_MAX],
                          uint64_t *leaving_size, uint64_t *mean_size) {
    unsigned count = 0;
    uint64_t seen_size = 0, seen_count = 0;
    uint32_t slots_count = worker->conns.used_count;
    uint32_t looks = slots_count < SHED_SLOTS_PER_TURN ? slots_count : SHED_SLOTS_PER_TURN;
    for (uint32_t i = 0; i < looks; i++) {
        worker->shed_next = worker->shed_next + 1 < slots_count ? worker->shed_next + 1 : 0;
        struct conn *conn = conn_at(&worker->conns, worker->shed_next);
        if (conn->state == CONN_FREE || shed_conn_size(conn) == 0) {
            continue;
        }
        if (conn->state == CONN_CLOSING) {
            *leaving_size += shed_conn_size(conn);
            continue;
        }
        bool gives_way =
            worker->now_ms - conn->active_ms >= still_ms && (still_ms == 0 || shed_pending_size(conn) > 0);
        if (!gives_way) {
            continue;
        }
        seen_size += shed_conn_size(conn);
        seen_count++;
        candidates_add(list, &count,
                       (struct candidate){
                           .conn = conn,
                           .size = shed_conn_size(conn),
                           .quiet = worker->now_ms - conn->active_ms >= SHED_QUIET_MS,
                       });
    }
    *mean_size = seen_count == 0 ? 0 : seen_size / seen_count;
    return count;
}

static bool candidates_any_holds(const struct candidate *list, unsigned count, uint64_t size) {
    for (unsigned i = 0; i < count; i++) {
        if (list[i].size >= size) {
            return true;
        }
    }
    return false;
}

/*
 * Its client has moved, and this worker has not seen it yet: bytes wait, or there is room for output. After a time in which the worker did
 * not run (SIGSTOP, a CPU that others had) that is so for many.
 */
static bool shed_client_moves(struct conn *conn) {
    short what = conn_output(conn)->unsent_size > 0 ? POLLOUT : POLLIN;
    struct pollfd look = {.fd = conn->fd, .events = what};
    return conn->queued[CONN_QUEUE_RUN] || (poll(&look, 1, 0) == 1 && (look.revents & what) != 0);
}

/* As many in a while as there are connections: above the bound nobody is served, and what waits for that would spare all for ever. */
static bool shed_may_spare(struct worker *worker) {
    if (timeout_passed(worker->now_ms, worker->shed_spared_ms + SHED_STALE_MS)) {
        worker->shed_spared_ms = worker->now_ms;
        worker->shed_spared_count = 0;
    }
    return worker->shed_spared_count < worker->conns.used_count;
}

/* True for one that only looks as if it moved nothing: from now on it does not. */
static bool shed_spares(struct worker *worker, const struct candidate *candidate) {
    if (!candidate->quiet || !shed_may_spare(worker) || !shed_client_moves(candidate->conn)) {
        return false;
    }
    candidate->conn->active_ms = worker->now_ms;
    worker->shed_spared_count++;
    return true;
}

/*
 * A connection that holds little against the average is kept while another on the list holds more: closing it would free nothing, and
 * the bound is there to protect such ones. Where all on the list hold little (many are quiet), they are closed: each turn frees some.
 */
static void shed_close(struct worker *worker, uint32_t still_ms, uint64_t excess_size) {
    struct candidate list[SHED_CLOSES_MAX];
    uint64_t freed_size = 0, mean_size = 0;
    unsigned count = shed_find(worker, still_ms, list, &freed_size, &mean_size);
    uint64_t little_size = mean_size / SHED_LITTLE_SHARE;
    uint64_t floor_size = candidates_any_holds(list, count, little_size) ? little_size : 0;
    bool spared = false;
    for (unsigned i = 0; i < count && freed_size < excess_size; i++) {
        if (list[i].size < floor_size) {
            continue;
        }
        if (shed_spares(worker, &list[i])) {
            spared = true;
            continue;
        }
        freed_size += list[i].size;
        close_begin(worker, list[i].conn, CLOSE_CONN_MEMORY);
    }
    if (freed_size == 0 && !spared) {
        worker->shed_vain_ms = worker->now_ms;
    }
}

/* Workers above their share are to close connections; they may sleep, since nothing happens on what they hold. */
static void shed_wake_others(const struct worker *worker, uint64_t share_size) {
    const struct engine *engine = worker->engine;
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct worker *other = engine->workers[i];
        /* relaxed: as memory_publish. */
        if (other != worker &&
            atomic_load_explicit(&other->published_size, memory_order_relaxed) > share_size) {
            worker_wake(other);
        }
    }
}

/* Others, once a ms: this worker's own turn comes. */
static void shed_wake(struct worker *worker, uint64_t share_size) {
    if (worker->shed_woke_ms != worker->now_ms) {
        worker->shed_woke_ms = worker->now_ms;
        shed_wake_others(worker, share_size);
    }
}

/* Who is to go: whoever has moved nothing for still_ms, until left_size is left. */
struct shed_goal {
    uint64_t left_size;
    uint32_t still_ms;
};

/* What was refused just now has room below what sessions may hold, and what workers have not published. */
static uint64_t shed_wanted_left_size(const struct worker *worker) {
    const struct engine *engine = worker->engine;
    uint64_t most_size = engine->config.conn_memory_size_max / 16 * 11;
    /* relaxed, both: as memory_publish. */
    uint64_t wanted_size = atomic_load_explicit(&engine->memory_wanted_size, memory_order_relaxed);
    uint32_t wanted_ms = atomic_load_explicit(&engine->memory_wanted_ms, memory_order_relaxed);
    if (likely(wanted_size == 0 || timeout_passed(worker->now_ms, wanted_ms + SHED_WANTED_MS))) {
        return UINT64_MAX;
    }
    return wanted_size < most_size ? most_size - wanted_size : 0;
}

static struct shed_goal shed_goal(const struct worker *worker, uint64_t all_size) {
    uint64_t bound_size = worker->engine->config.conn_memory_size_max;
    if (all_size > bound_size / 16 * 13) {
        return (struct shed_goal){.left_size = bound_size / 4 * 3};
    }
    return (struct shed_goal){.left_size = shed_wanted_left_size(worker), .still_ms = SHED_STALE_MS};
}

/* Closes connections above the bound, or for what is wanted. */
static void shed_excess(struct worker *worker) {
    const struct engine *engine = worker->engine;
    /* relaxed: as memory_publish. */
    uint64_t all_size = atomic_load_explicit(&engine->conn_memory_size, memory_order_relaxed);
    struct shed_goal goal = shed_goal(worker, all_size);
    if (likely(all_size <= goal.left_size)) {
        return;
    }
    if (goal.still_ms > 0 && !timeout_passed(worker->now_ms, worker->shed_vain_ms + SHED_VAIN_MS)) {
        return;
    }
    uint64_t share_size = goal.left_size / engine->workers_count;
    uint64_t own_size = memory_worker_size(worker);
    uint64_t excess_size = all_size - goal.left_size;
    if (own_size > share_size) {
        uint64_t own_excess_size = own_size - share_size;
        shed_close(worker, goal.still_ms, own_excess_size < excess_size ? own_excess_size : excess_size);
    }
    shed_wake(worker, share_size);
}

void shed_turn(struct worker *worker) {
    memory_publish(worker);
    if (memory_worker_size(worker) > 0) {
        shed_excess(worker);
    }
}

void shed_want(struct worker *worker, uint64_t size) {
    struct engine *engine = worker->engine;
    /* relaxed, both: as memory_publish. */
    atomic_store_explicit(&engine->memory_wanted_size, size, memory_order_relaxed);
    atomic_store_explicit(&engine->memory_wanted_ms, worker->now_ms, memory_order_relaxed);
    shed_wake(worker, shed_wanted_left_size(worker) / engine->workers_count);
}
