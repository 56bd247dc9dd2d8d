/* SPDX-License-Identifier: MIT
 *
 * timeouts: puts connections into the lists they wait in, and takes them out.
 */
#include "timeouts.h"

#include <assert.h>

#include "engine_state.h"
#include "riposte/check.h"
#include "worker.h"

enum {
    TIMEOUT_LOOK_MS =
        250 /* between two looks at a connection that may be idle, or whose filter is not open */
};

/* Puts it into a list for so long from now. */
static void timeouts_watch(struct worker *worker, struct conn *conn, enum timeout_kind kind,
                           uint32_t time_ms) {
    timeouts_add(&worker->timeouts, &worker->conns, conn, kind, worker->now_ms + time_ms);
}

void timeouts_unwatch(struct worker *worker, struct conn *conn) {
    timeouts_remove(&worker->timeouts, &worker->conns, conn);
}

static uint32_t timeouts_write_look_ms(const struct worker *worker) {
    return (worker->engine->config.write_timeout_ms + TIMEOUT_WRITE_LOOKS - 1) / TIMEOUT_WRITE_LOOKS;
}

/*
 * A connection that waits for its client to take output is looked after by the write time-out instead of the
 * idle one.
 */
void timeouts_watch_output(struct worker *worker, struct conn *conn) {
    if (conn->timeout == TIMEOUT_WRITE) {
        return;
    }
    timeouts_unwatch(worker, conn);
    conn->stalled_count = 0;
    timeouts_watch(worker, conn, TIMEOUT_WRITE, timeouts_write_look_ms(worker));
}

void timeouts_watch_file(struct worker *worker, struct conn *conn) {
    timeouts_unwatch(worker, conn);
    timeouts_watch(worker, conn, TIMEOUT_FILE, PROTOCOL_LATER_MS);
    counter_add(&worker->counters.file_waits, 1);
}

void timeouts_watch_sent(struct worker *worker, struct conn *conn) {
    timeouts_unwatch(worker, conn);
    timeouts_watch(worker, conn, TIMEOUT_SENT, PROTOCOL_LATER_MS);
}

enum timeout_kind timeouts_kind(const struct conn *conn) {
    switch ((enum protocol_next)conn->next) {
    case PROTOCOL_NEXT_INPUT:
    case PROTOCOL_NEXT_AGAIN:
        return TIMEOUT_NONE;
    case PROTOCOL_NEXT_REST:
        return TIMEOUT_REST;
    case PROTOCOL_NEXT_LATER:
    case PROTOCOL_NEXT_EVENT:
        return conn->waited ? TIMEOUT_LATER : TIMEOUT_SOON;
    }
    return TIMEOUT_NONE;
}

/* How long it waits in the list of that kind. */
static uint32_t timeouts_next_call_ms(enum timeout_kind kind) {
    return kind == TIMEOUT_REST   ? PROTOCOL_REST_MS
           : kind == TIMEOUT_SOON ? PROTOCOL_SOON_MS
                                  : PROTOCOL_LATER_MS;
}

void timeouts_watch_quiet(struct worker *worker, struct conn *conn) {
    if (unlikely(conn->state == CONN_OPENING)) {
        if (conn->timeout == TIMEOUT_NONE) {
            timeouts_watch(worker, conn, TIMEOUT_OPENING, TIMEOUT_LOOK_MS);
        }
        return;
    }
    enum timeout_kind kind = timeouts_kind(conn);
    if (unlikely(kind != TIMEOUT_NONE) && conn->state == CONN_OPEN && conn->timeout != kind) {
        timeouts_unwatch(worker, conn);
        timeouts_watch(worker, conn, kind, timeouts_next_call_ms(kind));
    }
    if (unlikely(conn->waited)) { /* until it asks for nothing any more */
        conn->waited = conn->next != PROTOCOL_NEXT_INPUT && conn->next != PROTOCOL_NEXT_REST;
    }
    if (unlikely(worker_listen(worker, conn)->limits->idle_timeout_ms > 0) && conn->timeout == TIMEOUT_NONE &&
        conn->counted && !conn->is_unix && conn->state == CONN_OPEN) {
        timeouts_watch(worker, conn, TIMEOUT_IDLE, TIMEOUT_LOOK_MS);
    }
}

void timeouts_watch_again(struct worker *worker, struct conn *conn, enum timeout_kind kind) {
    timeouts_watch(worker, conn, kind,
                   kind == TIMEOUT_WRITE ? timeouts_write_look_ms(worker) : TIMEOUT_LOOK_MS);
}

void timeouts_watch_linger(struct worker *worker, struct conn *conn) {
    timeouts_unwatch(worker, conn);
    timeouts_watch(worker, conn, TIMEOUT_LINGER, worker->engine->config.linger_timeout_ms);
}

/* --- the lists --------------------------------------------------------------------------------------- */

void timeouts_init(struct timeouts *timeouts) {
    for (int kind = 0; kind < TIMEOUT_KIND_COUNT; kind++) {
        timeouts->lists[kind] = (struct timeout_list){.first = CONN_NONE, .last = CONN_NONE};
    }
}

void timeouts_add(struct timeouts *timeouts, struct conn_table *table, struct conn *conn,
                  enum timeout_kind kind, uint32_t deadline_ms) {
    assert(conn->timeout == TIMEOUT_NONE && kind != TIMEOUT_NONE);
    struct timeout_list *list = &timeouts->lists[kind];
    conn->timeout = (uint8_t)kind;
    conn->deadline_ms = deadline_ms;
    conn->timeout_previous = list->last;
    conn->timeout_next = CONN_NONE;
    if (list->last == CONN_NONE) {
        list->first = conn->index;
    } else {
        conn_at(table, list->last)->timeout_next = conn->index;
    }
    list->last = conn->index;
}

void timeouts_remove(struct timeouts *timeouts, struct conn_table *table, struct conn *conn) {
    if (conn->timeout == TIMEOUT_NONE) {
        return;
    }
    struct timeout_list *list = &timeouts->lists[conn->timeout];
    if (conn->timeout_previous == CONN_NONE) {
        list->first = conn->timeout_next;
    } else {
        conn_at(table, conn->timeout_previous)->timeout_next = conn->timeout_next;
    }
    if (conn->timeout_next == CONN_NONE) {
        list->last = conn->timeout_previous;
    } else {
        conn_at(table, conn->timeout_next)->timeout_previous = conn->timeout_previous;
    }
    conn->timeout = TIMEOUT_NONE;
}

struct conn *timeouts_due(const struct timeouts *timeouts, const struct conn_table *table,
                          enum timeout_kind kind, uint32_t now_ms) {
    uint32_t first = timeouts->lists[kind].first;
    if (first == CONN_NONE) {
        return NULL;
    }
    struct conn *conn = conn_at(table, first);
    return timeout_passed(now_ms, conn->deadline_ms) ? conn : NULL;
}

uint32_t timeouts_next_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms) {
    uint32_t next_ms = UINT32_MAX;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = timeouts->lists[kind].first;
        if (first == CONN_NONE) {
            continue;
        }
        uint32_t deadline_ms = conn_at(table, first)->deadline_ms;
        uint32_t left_ms = timeout_passed(now_ms, deadline_ms) ? 1 : deadline_ms - now_ms;
        next_ms = left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms;
}

uint32_t timeouts_late_ms(const struct timeouts *timeouts, const struct conn_table *table, uint32_t now_ms) {
    uint32_t late_ms = 0;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = timeouts->lists[kind].first;
        if (first == CONN_NONE || !timeout_passed(now_ms, conn_at(table, first)->deadline_ms)) {
            continue;
        }
        uint32_t passed_ms = now_ms - conn_at(table, first)->deadline_ms;
        late_ms = passed_ms > late_ms ? passed_ms : late_ms;
    }
    return late_ms;
}
