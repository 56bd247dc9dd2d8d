/* SPDX-License-Identifier: MIT
 *
 * connection: connects, sends, receives and closes, and makes the ring and the buffers for it.
 */
#include "connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exit_code.h"

enum {
    BUFFER_SIZE_MIN = 256,
    BUFFER_SIZE_MAX = 128 * 1024,
    BUFFERS_COUNT_MIN = 16,
    BUFFERS_CACHED_MAX = 2 << 20,  /* bytes; what may be hoped to stay in a second-level cache */
    BUFFERS_MEMORY_MAX = 64 << 20, /* bytes; of buffers of one thread */
    REPLY_OVERHEAD = 64,           /* bytes of a reply beside key and value, generously */
    PAGE_SIZE_GUESS = 16384,
    ENTRIES_MIN = 64,
    ENTRIES_MAX = 8192,
};

static uint64_t clamp(uint64_t value, uint64_t minimum, uint64_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* What the body of a reply has to be reckoned with, where values have `of_values` bytes. */
static uint64_t body_size(const struct scenario *scenario, uint64_t of_values) {
    if (scenario->protocol->is_bare) {
        return 0;
    }
    return scenario->is_keyed ? of_values : PAGE_SIZE_GUESS;
}

/*
 * Room for the replies of a whole batch, so that they come in one receive, and little more: small buffers
 * stay in the first-level cache (6 % less time per request with 256 bytes than with 4 KiB, 64 connections).
 * Of a page on the web the size is not known yet.
 */
static uint32_t buffer_size(const struct scenario *scenario) {
    const struct options *options = scenario->options;
    uint64_t value_size = body_size(scenario, options->value_sizes.size_mean);
    uint64_t reply_size = value_size + options->key_size + REPLY_OVERHEAD;
    return (uint32_t)clamp(power_of_two(reply_size * options->depth), BUFFER_SIZE_MIN, BUFFER_SIZE_MAX);
}

/*
 * Enough that every connection may answer in one batch, also with replies of several buffers as long as all
 * stay within a cache. A ring that runs empty costs a request to the kernel for each receive it ends.
 */
static uint32_t buffers_count(const struct scenario *scenario, uint32_t connections_count, uint32_t size) {
    uint64_t largest = body_size(scenario, scenario->options->value_sizes.size_max);
    uint64_t pieces = 1 + largest * scenario->options->depth / size;
    uint64_t cached =
        clamp(power_of_two(connections_count * pieces), BUFFERS_COUNT_MIN, BUFFERS_CACHED_MAX / size);
    uint64_t needed = clamp(power_of_two(connections_count), BUFFERS_COUNT_MIN, BUFFERS_COUNT_MAX);
    uint64_t wanted = clamp(cached, needed, BUFFERS_COUNT_MAX);
    uint64_t affordable = BUFFERS_MEMORY_MAX / size;
    return (uint32_t)(wanted < affordable ? wanted : affordable);
}

/* Chooses how to receive; multishot falls back to single where the kernel lacks it and nobody insists. */
static bool receive_init(struct wire *wire, const struct scenario *scenario, uint32_t connections_count,
                         struct failure *failure) {
    wire->input_size = buffer_size(scenario);
    if (scenario->single_receive) {
        return true;
    }
    int status = -EOPNOTSUPP;
    if (ring_has_multishot_receive(&wire->ring)) {
        uint32_t count = buffers_count(scenario, connections_count, wire->input_size);
        status = buffers_init(&wire->buffers, &wire->ring, count, wire->input_size);
    }
    wire->multishot = status == 0;
    if (status < 0 && (scenario->options->receive == RECEIVE_MULTISHOT || status == -ENOMEM)) {
        failure_write(failure, EXIT_CODE_SYSTEM,
                      "receive buffers cannot be shared with the kernel (%s): try --receive single",
                      strerror(-status));
        return false;
    }
    return true;
}

bool wire_init(struct wire *wire, const struct scenario *scenario, uint32_t connections_count,
               struct failure *failure) {
    wire->target = &scenario->target;
    wire->rotate_sources = scenario->rotate_sources;
    unsigned entries = (unsigned)clamp(power_of_two(connections_count * 2), ENTRIES_MIN, ENTRIES_MAX);
    return ring_init(&wire->ring, entries, scenario->spin, failure) &&
           receive_init(wire, scenario, connections_count, failure);
}

void wire_deinit(struct wire *wire) {
    /* The ring first: it ends what the kernel still does with the buffers. */
    ring_deinit(&wire->ring);
    buffers_deinit(&wire->buffers);
}

bool connection_init(struct connection *connection, uint32_t index, struct pending *pending,
                     const struct scenario *scenario, const struct wire *wire) {
    unsigned depth = scenario_depth_max(scenario);
    *connection = (struct connection){
        .fd = -1,
        .index = index,
        .pending = pending,
        .pending_max = (uint32_t)power_of_two(depth),
    };
    if (!wire->multishot) {
        connection->input = malloc(wire->input_size);
    }
    return output_init(&connection->output, &scenario->encoder, depth,
                       scenario->options->value_sizes.size_max) &&
           (wire->multishot || connection->input != NULL);
}

void connection_deinit(struct connection *connection) {
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    free(connection->input);
    output_deinit(&connection->output);
    reader_deinit(&connection->reader);
}

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
