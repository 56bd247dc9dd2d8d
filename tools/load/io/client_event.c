/* SPDX-License-Identifier: MIT
 *
 * client_event: what completions mean for a client.
 *
 * The life of a reply: kernel fills a buffer -> on_receive -> (TLS: read_records) -> read_replies -> reader_next ->
 * on_reply -> counts, buffer goes back.
 */
#include "client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "riposte/check.h"
#include "riposte/clock.h"

/*
 * A large value may take longer than the time-out as long as it comes at a pace: so many bytes count as
 * progress. A server that drips a byte a second makes none.
 */
enum { PROGRESS_SIZE = 64 * 1024 };

static const char *server_name(const struct client *client) {
    return client->scenario->target.name;
}

static void __attribute__((cold)) on_connect_failed(struct client *client, int status) {
    const char *cure = status == -EADDRNOTAVAIL
                           ? " (no free port: fewer connections, or --churn at a lower --rate)"
                       : status == -EMFILE ? " (raise the limit of open files: ulimit -n)"
                                           : "";
    failure_write(&client->failure, status == -EMFILE ? EXIT_CODE_SYSTEM : EXIT_CODE_ENDED_EARLY,
                  "cannot connect to %s: %s%s", server_name(client), strerror(-status), cure);
}

bool client_connect(struct client *client, struct connection *connection) {
    int status = connection_connect(connection, &client->wire);
    if (status < 0) {
        on_connect_failed(client, status);
        return false;
    }
    client->connecting_count++;
    connection->progress_ns = client->now_ns;
    return true;
}

/*
 * The server ended the connection after its last reply: what it left unanswered is sent again on a new one.
 */
static void pending_encode_again(struct client *client, struct connection *connection) {
    const struct scenario *scenario = client->scenario;
    for (uint32_t i = 0; i < connection->pending_count; i++) {
        uint32_t at = (connection->pending_begin + i) & (connection->pending_max - 1);
        struct request request = connection->pending[at].request;
        if (request.kind == REQUEST_GET) {
            output_add_get(&connection->output, &scenario->encoder, request.key);
        } else {
            struct value value = value_of(&scenario->workload.values, request.key);
            output_add_set(&connection->output, &scenario->encoder, request.key, &value);
        }
    }
    connection->served = connection->pending_count;
}

static void on_closed(struct client *client, struct connection *connection) {
    if (connection->pending_count == 0) {
        client_offer(client, connection);
    } else if (client_connect(client, connection)) {
        pending_encode_again(client, connection);
    }
}

static bool is_used_up(const struct client *client, const struct connection *connection) {
    uint64_t churn_count = client->phase.churn_count;
    return churn_count > 0 && connection->served >= churn_count && connection->pending_count == 0 &&
           !connection->sending;
}

/* The reply to the last request of a batch came: the server has read all of it. Or nobody cares any more. */
static bool quiet_send_is_over(const struct connection *connection) {
    return connection->sending && connection->send_quiet &&
           (connection->pending_count == 0 || connection->state == CONNECTION_CLOSING);
}

void client_settle(struct client *client, struct connection *connection) {
    if (quiet_send_is_over(connection)) {
        size_t size = connection_end_quiet_send(connection);
        client->counts->bytes_sent += client->phase.in_window ? size : 0;
    }
    if (connection->state == CONNECTION_OPEN && is_used_up(client, connection)) {
        connection_begin_close(connection, client->now_ns);
    }
    if (connection_finish_close(connection)) {
        on_closed(client, connection);
        return;
    }
    if (connection->state == CONNECTION_HANDSHAKING && !connection->receiving) {
        connection_arm_receive(connection, &client->wire);
    }
    if (connection->state != CONNECTION_OPEN) {
        return;
    }
    /* Armed one by one, a receive is armed when there is something to receive. */
    if (!connection->receiving && (client->wire.multishot || connection->pending_count > 0)) {
        connection_arm_receive(connection, &client->wire);
    }
    if (client_may_start(client, connection)) {
        client_offer(client, connection);
    }
}

void client_send(struct client *client, struct connection *connection) {
    if (!connection_arm_send(connection, &client->wire, client->phase.whole_batches)) {
        failure_write(&client->failure, EXIT_CODE_SYSTEM, "no memory for what TLS sends");
    }
}

static void send_what_waits(struct client *client, struct connection *connection) {
    if (!connection->sending && connection_has_output(connection)) {
        client_send(client, connection);
    }
}

/* It may take requests; those that were encoded meanwhile leave. */
static void on_open(struct client *client, struct connection *connection) {
    client->connecting_count--;
    connection->state = CONNECTION_OPEN;
    connection->progress_ns = client->now_ns;
    client->counts->connects += client->phase.in_window;
    send_what_waits(client, connection);
}

static void __attribute__((cold)) on_tls_broken(struct client *client, const struct connection *connection) {
    bool is_handshake = connection->state == CONNECTION_HANDSHAKING;
    failure_write(&client->failure, EXIT_CODE_ENDED_EARLY, "%s with %s failed: %s",
                  is_handshake ? "the TLS handshake" : "TLS", server_name(client),
                  tls_reason(connection->tls));
}

/* As far as what was received allows. */
static void handshake_advance(struct client *client, struct connection *connection) {
    switch (tls_handshake(connection->tls)) {
    case TLS_MORE:
        send_what_waits(client, connection);
        break;
    case TLS_DONE:
        client->counts->resumed += client->phase.in_window && tls_is_resumed(connection->tls);
        if (client->tls_suite[0] == '\0') {
            tls_suite(connection->tls, client->tls_suite);
        }
        on_open(client, connection);
        break;
    case TLS_ENDED:
    case TLS_BROKEN:
        on_tls_broken(client, connection);
        break;
    }
}

static void on_connect(struct client *client, struct connection *connection, int result) {
    connection->in_flight--;
    if (result < 0) {
        on_connect_failed(client, result);
        return;
    }
    if (connection->tls == NULL) {
        on_open(client, connection);
    } else if (tls_begin(connection->tls)) {
        connection->state = CONNECTION_HANDSHAKING;
        handshake_advance(client, connection);
    } else {
        failure_write(&client->failure, EXIT_CODE_SYSTEM, "no memory for TLS");
    }
    client_settle(client, connection);
}

static void on_send(struct client *client, struct connection *connection, int result) {
    if (unlikely(!connection->sending)) {
        return; /* a quiet send that failed after its replies: they answered what was not asked yet */
    }
    connection->in_flight--;
    connection->sending = false;
    if (connection->state == CONNECTION_OPEN || connection->state == CONNECTION_HANDSHAKING) {
        if (result < 0) {
            failure_write(&client->failure, EXIT_CODE_ENDED_EARLY, "sending to %s failed: %s",
                          server_name(client), strerror(-result));
            return;
        }
        size_t size = connection_sent(connection, (size_t)result);
        client->counts->bytes_sent += client->phase.in_window ? size : 0;
        if (connection_has_output(connection)) {
            client_send(client, connection);
            return;
        }
    }
    client_settle(client, connection);
}

/* Remembers what was wrong with the first wrong reply. */
static void wrong_sample_keep(struct client *client, struct request request, enum outcome outcome) {
    char *sample = client->counts->wrong_sample;
    char key[KEY_SIZE_MAX];
    if (sample[0] != '\0' || outcome == OUTCOME_ERROR) {
        return;
    }
    const struct keys *keys = &client->scenario->workload.keys;
    key_write(keys, request.key, key);
    snprintf(sample, CHECKER_LINE_SIZE_MAX, "%s of %.*s: %s", request.kind == REQUEST_GET ? "get" : "set",
             (int)(keys->size < 40 ? keys->size : 40), key, outcome_name(outcome));
}

/* A reply that is not what a good server says. */
static void __attribute__((cold))
on_fault(struct client *client, const struct pending *pending, enum outcome outcome) {
    counter_add(&client->live_faults, 1);
    /*
     * Faults count in the warm-up too: a run with wrong replies must not look clean because they came early.
     */
    client->counts->outcomes[outcome] += !pending->measured;
    wrong_sample_keep(client, pending->request, outcome);
    if (client->checker.error_line[0] != '\0' && client->counts->error_line[0] == '\0') {
        memcpy(client->counts->error_line, client->checker.error_line, CHECKER_LINE_SIZE_MAX);
    }
}

/* Before the load every reply has to be as expected, or what follows means nothing. */
static void __attribute__((cold)) on_prepared(struct client *client, enum outcome outcome) {
    bool is_learning = client->phase.kind == PHASE_LEARN;
    if (outcome == (is_learning ? OUTCOME_HIT : OUTCOME_STORED)) {
        return;
    }
    const char *line = client->checker.error_line;
    failure_write(&client->failure, EXIT_CODE_ENDED_EARLY, "%s: %s answered: %s",
                  is_learning ? "the first request" : "storing the keys (see --preload)", server_name(client),
                  line[0] != '\0' ? line : outcome_name(outcome));
}

static void on_reply(struct client *client, struct connection *connection, enum outcome outcome) {
    struct pending pending = connection_pop(connection);
    client->outstanding_count--;
    connection->progress_ns = client->now_ns;
    connection->bytes_since_progress = 0;
    counter_add(&client->live_replies, 1);
    client->counts->replies_in_window += client->phase.in_window;
    if (likely(pending.measured)) {
        histogram_record(&client->counts->latency, client->now_ns - pending.intended_ns);
        client->counts->outcomes[outcome]++;
    }
    if (unlikely(outcome >= OUTCOME_ERROR)) {
        on_fault(client, &pending, outcome);
    }
    if (unlikely(client->phase.kind != PHASE_LOAD)) {
        on_prepared(client, outcome);
    }
}

/* The beginning of what came, for a message. */
static void __attribute__((cold)) on_garbage(struct client *client, struct bytes input, const char *reason) {
    char shown[41];
    size_t size = input.size < sizeof(shown) - 1 ? input.size : sizeof(shown) - 1;
    for (size_t i = 0; i < size; i++) {
        shown[i] = input.data[i] >= ' ' && input.data[i] <= '~' ? input.data[i] : '.';
    }
    shown[size] = '\0';
    failure_write(&client->failure, EXIT_CODE_ENDED_EARLY, "%s does not speak %s as expected: %s: \"%s\"",
                  server_name(client), client->scenario->protocol->title, reason, shown);
}

static void read_replies(struct client *client, struct connection *connection, struct bytes input) {
    while (input.size > 0) {
        enum outcome outcome;
        if (unlikely(connection->pending_count == 0)) {
            on_garbage(client, input, "bytes that no request asked for");
            return;
        }
        struct request request = connection_oldest(connection)->request;
        switch (reader_next(&connection->reader, &client->checker, request, &input, &outcome)) {
        case READER_MORE:
            return;
        case READER_BROKEN:
            on_garbage(client, input, connection->reader.reason);
            return;
        case READER_REPLY:
            on_reply(client, connection, outcome);
            break;
        }
        if (unlikely(connection->reader.head.closes)) {
            connection_begin_close(connection, client->now_ns);
            return;
        }
    }
}

static void on_input(struct client *client, struct connection *connection, struct bytes input) {
    client->counts->bytes_received += client->phase.in_window ? input.size : 0;
    if (connection->state != CONNECTION_OPEN) {
        return; /* what comes behind a last reply is nobody's */
    }
    connection->bytes_since_progress += input.size;
    if (connection->bytes_since_progress >= PROGRESS_SIZE) {
        connection->bytes_since_progress = 0;
        connection->progress_ns = client->now_ns;
    }
    read_replies(client, connection, input);
}

/* The receive brought no bytes. */
static void __attribute__((cold))
on_receive_end(struct client *client, struct connection *connection, int result) {
    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_HANDSHAKING) {
        return;
    }
    switch (result) {
    case -ENOBUFS:
        /*
         * Nothing is wrong with the connection: it is armed again, behind the buffers that go back in this
         * turn.
         */
        client->counts->buffers_empty++;
        return;
    case -EINTR:
    case -EAGAIN:
    case -ECANCELED:
        return;
    case 0:
        failure_write(&client->failure, EXIT_CODE_ENDED_EARLY,
                      "%s closed a connection, %s (%u of its requests unanswered)", server_name(client),
                      connection->state == CONNECTION_HANDSHAKING ? "in the TLS handshake"
                      : reader_is_between(&connection->reader)    ? "between two replies"
                                                                  : "in the middle of a reply",
                      connection->pending_count);
        return;
    default:
        failure_write(&client->failure, EXIT_CODE_ENDED_EARLY,
                      "a connection to %s broke: %s (%u requests unanswered)", server_name(client),
                      strerror(-result), connection->pending_count);
    }
}

/* A record after the other, until what was received is used up. */
static void read_records(struct client *client, struct connection *connection) {
    while (connection->state == CONNECTION_OPEN && !failure_happened(&client->failure)) {
        size_t size;
        switch (tls_read(connection->tls, client->wire.plain, TLS_PLAIN_SIZE_MAX, &size)) {
        case TLS_DONE:
            on_input(client, connection, bytes_of(client->wire.plain, size));
            break;
        case TLS_MORE:
            return;
        case TLS_ENDED:
            on_receive_end(client, connection, 0);
            return;
        case TLS_BROKEN:
            on_tls_broken(client, connection);
            return;
        }
    }
}

static void on_received(struct client *client, struct connection *connection, struct bytes received) {
    if (connection->tls == NULL) {
        on_input(client, connection, received);
        return;
    }
    tls_input(connection->tls, received);
    if (connection->state == CONNECTION_HANDSHAKING) {
        handshake_advance(client, connection);
    }
    read_records(client, connection);
    tls_input_drop(connection->tls);
}

/*
 * Of a connection that is gone: only the buffer matters. None is expected, a slot waits for in_flight == 0.
 */
static void __attribute__((cold)) on_stray(struct client *client, const struct io_uring_cqe *completion) {
    if ((completion->flags & IORING_CQE_F_BUFFER) != 0) {
        buffers_return(&client->wire.buffers, completion->flags >> IORING_CQE_BUFFER_SHIFT);
    }
}

static void on_receive(struct client *client, struct connection *connection,
                       const struct io_uring_cqe *completion) {
    if ((completion->flags & IORING_CQE_F_MORE) == 0) {
        connection->receiving = false;
        connection->in_flight--;
    }
    bool has_buffer = (completion->flags & IORING_CQE_F_BUFFER) != 0;
    uint32_t buffer_id = completion->flags >> IORING_CQE_BUFFER_SHIFT;
    if (completion->res > 0) {
        const char *data = has_buffer ? buffers_at(&client->wire.buffers, buffer_id) : connection->input;
        on_received(client, connection, bytes_of(data, (size_t)completion->res));
    } else {
        on_receive_end(client, connection, completion->res);
    }
    if (has_buffer) {
        buffers_return(&client->wire.buffers, buffer_id);
    }
    client_settle(client, connection);
}

void client_on_completion(struct client *client, const struct io_uring_cqe *completion) {
    uint64_t tag = completion->user_data;
    assert(tag_index(tag) < client->connections_count);
    struct connection *connection = &client->connections[tag_index(tag)];
    if (tag_generation(tag) != (connection->generation & TAG_GENERATION_MASK)) {
        on_stray(client, completion);
        return;
    }
    switch (tag_operation(tag)) {
    case TAG_CONNECT:
        on_connect(client, connection, completion->res);
        break;
    case TAG_SEND:
        on_send(client, connection, completion->res);
        break;
    case TAG_RECEIVE:
        on_receive(client, connection, completion);
        break;
    }
}
