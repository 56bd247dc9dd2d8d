/* SPDX-License-Identifier: MIT
 *
 * deadlines: adds to the end of a list, takes out of its middle, looks at its head.
 */
#include "deadlines.h"

#include <assert.h>

void deadlines_init(struct deadlines *deadlines) {
    for (int kind = 0; kind < TIMEOUT_KIND_COUNT; kind++) {
        deadlines->lists[kind] = (struct deadline_list){.first = CONN_NONE, .last = CONN_NONE};
    }
}

void deadlines_add(struct deadlines *deadlines, struct conn_table *table, struct conn *conn,
                   enum timeout_kind kind, uint32_t deadline_ms) {
    assert(conn->timeout == TIMEOUT_NONE && kind != TIMEOUT_NONE);
    struct deadline_list *list = &deadlines->lists[kind];
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

void deadlines_remove(struct deadlines *deadlines, struct conn_table *table, struct conn *conn) {
    if (conn->timeout == TIMEOUT_NONE) {
        return;
    }
    struct deadline_list *list = &deadlines->lists[conn->timeout];
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

struct conn *deadlines_due(const struct deadlines *deadlines, const struct conn_table *table,
                           enum timeout_kind kind, uint32_t now_ms) {
    uint32_t first = deadlines->lists[kind].first;
    if (first == CONN_NONE) {
        return NULL;
    }
    struct conn *conn = conn_at(table, first);
    return deadline_passed(now_ms, conn->deadline_ms) ? conn : NULL;
}

uint32_t deadlines_next_ms(const struct deadlines *deadlines, const struct conn_table *table,
                           uint32_t now_ms) {
    uint32_t next_ms = UINT32_MAX;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = deadlines->lists[kind].first;
        if (first == CONN_NONE) {
            continue;
        }
        uint32_t deadline_ms = conn_at(table, first)->deadline_ms;
        uint32_t left_ms = deadline_passed(now_ms, deadline_ms) ? 1 : deadline_ms - now_ms;
        next_ms = left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms;
}

uint32_t deadlines_late_ms(const struct deadlines *deadlines, const struct conn_table *table,
                           uint32_t now_ms) {
    uint32_t late_ms = 0;
    for (int kind = TIMEOUT_NONE + 1; kind < TIMEOUT_KIND_COUNT; kind++) {
        uint32_t first = deadlines->lists[kind].first;
        if (first == CONN_NONE || !deadline_passed(now_ms, conn_at(table, first)->deadline_ms)) {
            continue;
        }
        uint32_t passed_ms = now_ms - conn_at(table, first)->deadline_ms;
        late_ms = passed_ms > late_ms ? passed_ms : late_ms;
    }
    return late_ms;
}
