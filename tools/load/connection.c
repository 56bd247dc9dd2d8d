/* SPDX-License-Identifier: MIT
 *
 * connection: see connection.h.
 */
#include "connection.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

struct pending connection_pop(struct connection *connection) {
    assert(connection->pending_count > 0);
    struct pending pending = *connection_oldest(connection);
    connection->pending_begin++;
    connection->pending_count--;
    return pending;
}

void connection_push(struct connection *connection, struct pending pending) {
    assert(connection->pending_count < connection->pending_max);
    uint32_t at = (connection->pending_begin + connection->pending_count) & (connection->pending_max - 1);
    connection->pending[at] = pending;
    connection->pending_count++;
}

/*
 * An entry for this connection, counted as in flight. NULL: the ring has failed, which ends the run at the
 * end of the turn.
 */
static struct io_uring_sqe *connection_sqe(struct connection *connection, struct wire *wire) {
    struct io_uring_sqe *sqe = ring_sqe(&wire->ring);
    connection->in_flight += sqe != NULL;
    return sqe;
}

static uint64_t connection_tag(const struct connection *connection, enum tag_operation operation) {
    return tag_pack(operation, connection->generation, connection->index);
}

int connection_connect(struct connection *connection, struct wire *wire) {
    assert(connection->state == CONNECTION_CLOSED && connection->in_flight == 0);
    int fd = target_socket(wire->target, wire->rotate_sources ? ++wire->sources_used : 0);
    if (fd < 0) {
        return fd;
    }
    connection->fd = fd;
    connection->state = CONNECTION_CONNECTING;
    connection->served = 0;
    struct io_uring_sqe *sqe = connection_sqe(connection, wire);
    if (sqe != NULL) {
        io_uring_prep_connect(sqe, fd, (const struct sockaddr *)&wire->target->address,
                              wire->target->address_size);
        io_uring_sqe_set_data64(sqe, connection_tag(connection, TAG_CONNECT));
    }
    return 0;
}

void connection_arm_send(struct connection *connection, struct wire *wire, bool whole_batch) {
    assert(connection->state == CONNECTION_OPEN && !connection->sending);
    struct iovec first;
    unsigned pieces_count = output_finish(&connection->output, &first);
    struct io_uring_sqe *sqe = connection_sqe(connection, wire);
    if (sqe == NULL) {
        return;
    }
    /*
     * MSG_WAITALL: the kernel goes on after a short send instead of coming back with it (5.19); it may still
     * be short.
     */
    if (pieces_count == 1) {
        io_uring_prep_send(sqe, connection->fd, first.iov_base, first.iov_len, MSG_NOSIGNAL | MSG_WAITALL);
    } else {
        io_uring_prep_sendmsg(sqe, connection->fd, output_message(&connection->output),
                              MSG_NOSIGNAL | MSG_WAITALL);
    }
    io_uring_sqe_set_data64(sqe, connection_tag(connection, TAG_SEND));
    connection->sending = true;
    /* A send that is short fails because of MSG_WAITALL, and is heard of. */
    connection->send_quiet = whole_batch && pieces_count == 1 && ring_has_quiet_success(&wire->ring);
    if (connection->send_quiet) {
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
}

size_t connection_end_quiet_send(struct connection *connection) {
    assert(connection->sending && connection->send_quiet && connection->in_flight > 0);
    connection->in_flight--;
    connection->sending = false;
    return output_drop(&connection->output);
}

void connection_arm_receive(struct connection *connection, struct wire *wire) {
    assert(connection->state == CONNECTION_OPEN && !connection->receiving);
    struct io_uring_sqe *sqe = connection_sqe(connection, wire);
    if (sqe == NULL) {
        return;
    }
    if (wire->multishot) {
        io_uring_prep_recv_multishot(sqe, connection->fd, NULL, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = BUFFERS_GROUP;
    } else {
        io_uring_prep_recv(sqe, connection->fd, connection->input, wire->input_size, 0);
    }
    io_uring_sqe_set_data64(sqe, connection_tag(connection, TAG_RECEIVE));
    connection->receiving = true;
}

void connection_begin_close(struct connection *connection, uint64_t now_ns) {
    assert(connection->state == CONNECTION_OPEN);
    connection->state = CONNECTION_CLOSING;
    connection->progress_ns = now_ns;
    if (connection->receiving) {
        /* An armed receive holds the socket: close() alone would send no FIN. It completes with 0 now. */
        shutdown(connection->fd, SHUT_RDWR);
    }
}

bool connection_finish_close(struct connection *connection) {
    if (connection->state != CONNECTION_CLOSING || connection->in_flight > 0) {
        return false;
    }
    close(connection->fd);
    connection->fd = -1;
    connection->state = CONNECTION_CLOSED;
    connection->generation++;
    connection->sending = false;
    connection->receiving = false;
    output_reset(&connection->output);
    reader_reset(&connection->reader);
    return true;
}
