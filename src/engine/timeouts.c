/* SPDX-License-Identifier: MIT */
#include "timeouts.h"

#include <assert.h>

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
