/* SPDX-License-Identifier: MIT
 *
 * unread: sets memory aside before bytes are copied into it, and stops and starts receives.
 */
#include "unread.h"

#include "close.h"
#include "engine_state.h"
#include "memory.h"
#include "riposte/check.h"

enum {
    /* Unread bytes of requests that wait for their turn. */
    UNREAD_AHEAD_SIZE_MAX = 64 * 1024,
    /* Unread bytes that are kept in any case: of who asks for little. */
    UNREAD_KEPT_SIZE_MAX = 4 * 1024,
};

/*
 * What is unread is to be kept, and `size` bytes more. Where all connections together hold what they may there is no place for many of
 * them, and no way back into the socket: false, the connection is closed.
 */
static bool unread_has_place(struct worker *worker, struct conn *conn, const struct input *input,
                             size_t size) {
    size_t growth_size = input_growth(input, size);
    if (likely(growth_size == 0 || input_size(input) + size <= UNREAD_KEPT_SIZE_MAX)) {
        return true;
    }
    if (memory_reserve(worker, growth_size)) {
        return true;
    }
    close_begin(worker, conn, CLOSE_CONN_MEMORY);
    return false;
}

/* What was set aside for its input is what the input has now. */
static void unread_charge(struct worker *worker, struct conn *conn, const struct input *input) {
    worker_charge(worker, conn);
    if (input_size(input) > UNREAD_KEPT_SIZE_MAX) {
        memory_publish_difference(worker);
    }
}

bool unread_append(struct worker *worker, struct conn *conn, struct input *input, struct bytes bytes) {
    if (input_can_borrow(input, bytes.data)) {
        input_append(input, bytes);
        return true;
    }
    if (!unread_has_place(worker, conn, input, bytes.size)) {
        return false;
    }
    if (input_append(input, bytes) < 0) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
        return false;
    }
    unread_charge(worker, conn, input);
    return true;
}

/* False: the connection is closed. */
static bool unread_detach(struct worker *worker, struct conn *conn, struct input *input) {
    if (input->borrowed_size == 0) {
        return true;
    }
    if (!unread_has_place(worker, conn, input, 0)) {
        return false;
    }
    counter_add(&worker->counters.input_copies, 1);
    if (input_detach(input) < 0) {
        close_begin(worker, conn, CLOSE_NO_MEMORY);
        return false;
    }
    unread_charge(worker, conn, input);
    return true;
}

void unread_keep(struct worker *worker, struct conn *conn) {
    if (unread_detach(worker, conn, &conn->input) && unlikely(conn->filter_offset != 0)) {
        unread_detach(worker, conn, &conn_filter(conn)->wire);
    }
}

uint32_t unread_size_max(const struct worker *worker, const struct conn *conn) {
    uint32_t size_max = worker_listen(worker, conn)->limits->input_size_max;
    return size_max < UNREAD_AHEAD_SIZE_MAX ? size_max : UNREAD_AHEAD_SIZE_MAX;
}

void unread_throttle(struct worker *worker, struct conn *conn) {
    uint32_t size_max = unread_size_max(worker, conn);
    if (input_size(&conn->input) > size_max || conn_wire_size(conn) > size_max) {
        conn->throttled |= THROTTLED_INPUT;
        unread_stop_recv(conn);
        worker_queue_arm(worker, conn);
    }
}

void unread_release(struct worker *worker, struct conn *conn) {
    if (conn_wire_size(conn) > unread_size_max(worker, conn) / 2) {
        return;
    }
    conn->throttled &= (uint8_t)~THROTTLED_INPUT;
    unread_start_recv(conn);
}
