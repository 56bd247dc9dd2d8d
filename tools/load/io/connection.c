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
    RECORD_OVERHEAD = 32,          /* bytes of TLS around what is sent at once */
    HANDSHAKE_SIZE = 4096,         /* bytes of a server's part of a handshake, with two certificates */
    SEAL_SIZE_MAX = 256 << 10,     /* bytes of output that are encrypted at a time: 16 records */
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
    uint64_t batch_size = reply_size * options->depth + (scenario->tls != NULL ? RECORD_OVERHEAD : 0);
    bool handshakes = scenario->tls != NULL && options->churn_count > 0;
    return (uint32_t)clamp(power_of_two(batch_size), handshakes ? HANDSHAKE_SIZE : BUFFER_SIZE_MIN,
                           BUFFER_SIZE_MAX);
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
    if (scenario->tls != NULL) {
        wire->plain = malloc(TLS_PLAIN_SIZE_MAX);
        if (wire->plain == NULL) {
            return failure_set(failure, EXIT_CODE_SYSTEM, "no memory for TLS");
        }
    }
    unsigned entries =
        (unsigned)clamp(power_of_two((uint64_t)connections_count * 2), ENTRIES_MIN, ENTRIES_MAX);
    return ring_init(&wire->ring, entries, scenario->spin, failure) &&
           receive_init(wire, scenario, connections_count, failure);
}

void wire_deinit(struct wire *wire) {
    /* The ring first: it ends what the kernel still does with the buffers. */
    ring_deinit(&wire->ring);
    buffers_deinit(&wire->buffers);
    free(wire->plain);
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
    if (scenario->tls != NULL) {
        connection->tls = tls_create(scenario->tls);
        if (connection->tls == NULL) {
            return false;
        }
    }
    return output_init(&connection->output, &scenario->encoder, depth,
                       scenario->options->value_sizes.size_max) &&
           (wire->multishot || connection->input != NULL);
}

void connection_deinit(struct connection *connection) {
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    tls_destroy(connection->tls);
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

/* Encrypts a bounded part of the output. False: no memory. */
static bool output_seal(struct connection *connection) {
    const struct output *output = &connection->output;
    for (unsigned i = output->pieces_sent; i < output->pieces_count && connection->sealed < SEAL_SIZE_MAX;
         i++) {
        const struct iovec *piece = &output->pieces[i];
        size_t room = SEAL_SIZE_MAX - connection->sealed;
        size_t size = piece->iov_len < room ? piece->iov_len : room;
        if (!tls_write(connection->tls, bytes_of(piece->iov_base, size))) {
            return false;
        }
        connection->sealed += size;
    }
    return true;
}

/*
 * The piece that a send begins with and how many there are: of what is encrypted there is always one. *is_last: nothing
 * but this send is needed for what the output holds. False: no memory.
 */
static bool send_prepare(struct connection *connection, struct iovec *first, unsigned *pieces_count,
                         bool *is_last) {
    bool has_output = connection->state == CONNECTION_OPEN && !output_is_empty(&connection->output);
    *pieces_count = has_output ? output_finish(&connection->output, first) : 0;
    *is_last = *pieces_count == 1;
    if (connection->tls == NULL) {
        return true;
    }
    if (has_output && connection->sealed == 0 && !output_seal(connection)) {
        return false;
    }
    struct bytes sealed = tls_output_take(connection->tls);
    *first = (struct iovec){.iov_base = (void *)(uintptr_t)sealed.data, .iov_len = sealed.size};
    *is_last = *is_last && connection->sealed == connection->output.size;
    *pieces_count = 1;
    return true;
}

bool connection_arm_send(struct connection *connection, struct wire *wire, bool whole_batch) {
    assert((connection->state == CONNECTION_OPEN || connection->state == CONNECTION_HANDSHAKING) &&
           !connection->sending);
    struct iovec first;
    unsigned pieces_count;
    bool is_last;
    if (!send_prepare(connection, &first, &pieces_count, &is_last)) {
        return false;
    }
    struct io_uring_sqe *sqe = connection_sqe(connection, wire);
    if (sqe == NULL) {
        return true;
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
    connection->send_quiet = whole_batch && is_last && ring_has_quiet_success(&wire->ring);
    if (connection->send_quiet) {
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    return true;
}

size_t connection_sent(struct connection *connection, size_t size) {
    if (connection->tls != NULL) {
        if (!tls_output_sent(connection->tls, size)) {
            return 0;
        }
        size = connection->sealed;
        connection->sealed = 0;
    }
    if (size > 0) {
        output_sent(&connection->output, size);
    }
    return size;
}

size_t connection_end_quiet_send(struct connection *connection) {
    assert(connection->sending && connection->send_quiet && connection->in_flight > 0);
    connection->in_flight--;
    connection->sending = false;
    if (connection->tls != NULL) {
        tls_output_sent(connection->tls, tls_output_take(connection->tls).size);
        connection->sealed = 0;
    }
    return output_drop(&connection->output);
}

void connection_arm_receive(struct connection *connection, struct wire *wire) {
    assert((connection->state == CONNECTION_OPEN || connection->state == CONNECTION_HANDSHAKING) &&
           !connection->receiving);
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

/* A few bytes, once for each connection and behind all others, so that a system call of their own may send them. */
static void last_word_send(struct connection *connection) {
    tls_close(connection->tls);
    struct bytes words = tls_output_take(connection->tls);
    ssize_t sent = send(connection->fd, words.data, words.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* who does not take them learns of the end by the end */
}

void connection_begin_close(struct connection *connection, uint64_t now_ns) {
    assert(connection->state == CONNECTION_OPEN);
    if (connection->tls != NULL && !connection->sending) {
        last_word_send(connection);
    }
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
    if (connection->tls != NULL) {
        tls_end(connection->tls);
        connection->sealed = 0;
    }
    output_reset(&connection->output);
    reader_reset(&connection->reader);
    return true;
}
