/* SPDX-License-Identifier: MIT
 *
 * connection: the functions of the filter. See connection.h.
 */
#include "connection.h"

#include <assert.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/uio.h>

#include "riposte/check.h"
#include "riposte/log.h"
#include "riposte/reply.h"

enum {
    RECORD_TYPE_HANDSHAKE = 22, /* RFC 8446 section 5.1: the first byte of every client */
    HANDSHAKE_FINISHED = 20,
    HANDSHAKE_KEY_UPDATE = 24,
    KEY_UPDATES_MAX = 16, /* as in records.c, for suites that are not there */
    /*
     * What is held, measured (tests/unit/tls/test_memory.c): in a handshake (39 KiB), after it by OpenSSL (14.5 KiB), of each
     * certificate of the client (8 KiB), of a record that is cut, and after it by ciphers alone.
     */
    HANDSHAKE_SIZE = 48 * 1024,
    ESTABLISHED_SIZE = 16 * 1024,
    CERTIFICATE_SIZE = 8 * 1024,
    RECORD_SIZE = 17 * 1024,
    RECORDS_SIZE = 4 * 1024,
};

static struct tls_counters *connection_counters(const struct tls_connection *connection) {
    return tls_worker_counters(connection->endpoint->worker);
}

/* --- begin and end ---------------------------------------------------------------------------------------- */

/* "CLIENT_TRAFFIC_SECRET_0 <client's random> <secret>", all in hexadecimal digits; other secrets have other names. */
static void connection_note_secret(const SSL *ssl, const char *line) {
    struct tls_connection *connection = connection_of(ssl);
    struct bytes text = bytes_from_string(line);
    size_t name_size = bytes_before(text, ' ');
    struct bytes rest = bytes_after(text, name_size + (name_size < text.size));
    size_t random_size = bytes_before(rest, ' ');
    const char *secret = rest.data + random_size + (random_size < rest.size);
    size_t size;
    if (name_size != strlen("CLIENT_TRAFFIC_SECRET_0") || memcmp(line + 6, "_TRAFFIC_SECRET_0", 17) != 0) {
        return;
    }
    if (memcmp(line, "CLIENT", 6) == 0) {
        connection->has_secret_in = OPENSSL_hexstr2buf_ex(connection->records.in.secret,
                                                          SUITE_SECRET_SIZE_MAX, &size, secret, '\0') == 1;
    } else if (memcmp(line, "SERVER", 6) == 0) {
        connection->has_secret_out = OPENSSL_hexstr2buf_ex(connection->records.out.secret,
                                                           SUITE_SECRET_SIZE_MAX, &size, secret, '\0') == 1;
    }
}

/*
 * OpenSSL writes each secret of a handshake as text, if anybody listens: 45,000 instructions for each of five. So it is
 * listened to only while those of the last keys are made: ours when our Finished is written, the client's when its Finished
 * is read. The context is the worker's own, of which one connection at a time runs.
 */
static void connection_hear_secrets(const SSL *ssl, bool hears) {
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), hears ? connection_note_secret : NULL);
}

/* Sees messages and headers of records go by. Records with a connection's last secret are counted: tickets are the first. */
static void message_seen(int is_write, int version, int content_type, const void *data, size_t size, SSL *ssl,
                         void *argument) {
    struct tls_connection *connection = connection_of(ssl);
    int message = content_type == SSL3_RT_HANDSHAKE && size > 0 ? ((const uint8_t *)data)[0] : -1;
    (void)version;
    (void)argument;
    if (is_write && message == HANDSHAKE_FINISHED) {
        connection_hear_secrets(ssl, true);
    }
    connection->key_updates += (uint8_t)(!is_write && message == HANDSHAKE_KEY_UPDATE);
    if (content_type == SSL3_RT_HEADER && connection->has_secret_in) {
        connection->records.out.sequence += (uint64_t)(is_write != 0);
        connection->records.in.sequence += (uint64_t)(is_write == 0);
    }
}

static int verify_mode(enum tls_verify verify) {
    switch (verify) {
    case TLS_VERIFY_NONE:
        return SSL_VERIFY_NONE;
    case TLS_VERIFY_ASK:
        return SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
    case TLS_VERIFY_REQUIRE:
        return SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

static bool connection_begin(struct tls_connection *connection) {
    struct tls_worker *worker = connection->endpoint->worker;
    SSL *ssl = SSL_new(connection->contexts->of[0]);
    BIO *wire = ssl == NULL ? NULL : wire_create(worker);
    if (wire == NULL) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    SSL_set_bio(ssl, wire, wire); /* which owns it from here on */
    SSL_set_app_data(ssl, connection);
    SSL_set_msg_callback(ssl, message_seen);
    SSL_set_verify(ssl, verify_mode(connection->endpoint->listen->verify), NULL);
    SSL_set_accept_state(ssl);
    connection->ssl = ssl;
    return true;
}

static struct filter_progress connection_open(void *state, struct reply *output, void *context) {
    struct tls_connection *connection = state;
    struct filter_progress progress = {
        .next = FILTER_NEXT_INPUT, .opening = true, .memory_size = HANDSHAKE_SIZE};
    connection->size = HANDSHAKE_SIZE;
    (void)output;
    connection->endpoint = context;
    connection->contexts = worker_contexts(connection->endpoint->worker);
    contexts_hold(connection->contexts);
    progress.next = connection_begin(connection) ? FILTER_NEXT_INPUT : FILTER_NEXT_BROKEN;
    return progress;
}

static void connection_close(void *state, void *context) {
    struct tls_connection *connection = state;
    (void)context;
    if (connection->spoken && !connection->established && !connection->failed) {
        counter_add(&connection_counters(connection)->handshake_errors, 1); /* it did not come to its end */
    }
    SSL_free(connection->ssl);
    records_end(&connection->records);
    contexts_release(connection->contexts);
}

/* --- what comes ------------------------------------------------------------------------------------------- */

/* The alert is written. */
static enum filter_next connection_fail(struct tls_connection *connection, const char *reason) {
    struct tls_worker *worker = connection->endpoint->worker;
    counter_add(connection->established ? &connection_counters(connection)->protocol_errors
                                        : &connection_counters(connection)->handshake_errors,
                1);
    if (unlikely(log_level_get() >= LOG_LEVEL_DEBUG)) {
        log_limited(&worker->tls->lines, LOG_LEVEL_DEBUG, "TLS %s failed: %s",
                    connection->established ? "connection" : "handshake",
                    reason == NULL ? "the client's alert" : reason);
    }
    connection->failed = true;
    return FILTER_NEXT_BROKEN;
}

/* An error of OpenSSL's. */
static enum filter_next connection_fail_openssl(struct tls_connection *connection) {
    enum filter_next next = connection_fail(connection, ERR_reason_error_string(ERR_peek_error()));
    ERR_clear_error();
    return next;
}

/* A client that does not speak TLS gets a line of its own protocol. */
static enum filter_next connection_refuse_plain(struct tls_connection *connection, struct reply *output) {
    const char *text = connection->endpoint->listen->plain_text;
    counter_add(&connection_counters(connection)->plain_clients, 1);
    if (text != NULL) {
        reply_copy_string(output, text);
    }
    connection->failed = true;
    return FILTER_NEXT_BROKEN;
}

/* Those that the client has shown: its own and, maybe, some that lead to a root. */
static uint32_t certificates_count(const SSL *ssl) {
    int others = sk_X509_num(SSL_get_peer_cert_chain(ssl)); /* -1: no chain */
    return SSL_get0_peer_certificate(ssl) == NULL ? 0 : 1 + (others > 0 ? (uint32_t)others : 0);
}

/* The handshake is done, and what follows is made here, if it can be; else OpenSSL goes on. */
static void connection_begin_records(struct tls_connection *connection) {
    const struct suite *suite = suite_find(&connection->endpoint->worker->suites, connection->ssl);
    if (suite == NULL || !connection->has_secret_in || !connection->has_secret_out ||
        SSL_has_pending(connection->ssl) != 0 || !records_begin(&connection->records, suite)) {
        return;
    }
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    connection->size = RECORDS_SIZE;
}

static void connection_establish(struct tls_connection *connection) {
    struct tls_counters *counters = connection_counters(connection);
    connection->established = true;
    connection->size = ESTABLISHED_SIZE + certificates_count(connection->ssl) * CERTIFICATE_SIZE;
    counter_add(&counters->handshakes, 1);
    counter_add(&counters->handshakes_resumed, (uint64_t)(SSL_session_reused(connection->ssl) != 0));
    connection_begin_records(connection);
}

/* SSL_read has returned without bytes: AGAIN when there is more to read, a record of something else than data. */
static enum filter_next connection_stopped(struct tls_connection *connection) {
    switch (SSL_get_error(connection->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return connection->endpoint->worker->received.size > 0 ? FILTER_NEXT_AGAIN : FILTER_NEXT_INPUT;
    case SSL_ERROR_ZERO_RETURN:
        connection->ended = true;
        return FILTER_NEXT_ENDED;
    default:
        return connection_fail_openssl(connection);
    }
}

static enum filter_next connection_shake(struct tls_connection *connection) {
    connection_hear_secrets(connection->ssl, connection->has_secret_out);
    int done = SSL_do_handshake(connection->ssl);
    connection_hear_secrets(connection->ssl, false);
    if (done != 1) {
        return connection_stopped(connection);
    }
    connection_establish(connection);
    return FILTER_NEXT_AGAIN;
}

/* Decrypts what there is, by OpenSSL. */
static enum filter_next connection_read(struct tls_connection *connection, char *plain, size_t plain_size_max,
                                        size_t *plain_size) {
    struct tls_worker *worker = connection->endpoint->worker;
    connection->key_updates = 0;
    while (*plain_size < plain_size_max) {
        size_t size = 0;
        int result = SSL_read_ex(connection->ssl, plain + *plain_size, plain_size_max - *plain_size, &size);
        if (unlikely(connection->key_updates > KEY_UPDATES_MAX)) {
            return connection_fail(connection, "too many updates of a key");
        }
        if (result != 1) {
            enum filter_next next = connection_stopped(connection);
            if (next != FILTER_NEXT_AGAIN) {
                return next;
            }
            continue;
        }
        *plain_size += size;
        /* Another call would only find nothing, and take a buffer to put it into. */
        if (worker->received.size == 0 && SSL_has_pending(connection->ssl) == 0) {
            return FILTER_NEXT_INPUT;
        }
    }
    return FILTER_NEXT_AGAIN;
}

static enum filter_next connection_read_records(struct tls_connection *connection, char *plain,
                                                size_t plain_size_max, size_t *plain_size) {
    struct tls_worker *worker = connection->endpoint->worker;
    const char *reason = NULL;
    enum filter_next next = records_receive(&connection->records, &worker->received, plain, plain_size_max,
                                            plain_size, worker->output, &reason);
    if (unlikely(next == FILTER_NEXT_BROKEN)) {
        return connection_fail(connection, reason);
    }
    connection->ended = next == FILTER_NEXT_ENDED;
    return next;
}

/* What has come, in whichever state. */
static enum filter_next connection_take(struct tls_connection *connection, char *plain, size_t plain_size_max,
                                        size_t *plain_size) {
    enum filter_next next = FILTER_NEXT_AGAIN;
    while (unlikely(!connection->established)) {
        next = connection_shake(connection);
        if (next != FILTER_NEXT_AGAIN) {
            return next;
        }
    }
    return connection->ssl == NULL ? connection_read_records(connection, plain, plain_size_max, plain_size)
                                   : connection_read(connection, plain, plain_size_max, plain_size);
}

/* What is charged to the connection. */
static size_t connection_size(const struct tls_connection *connection) {
    if (connection->ssl == NULL) {
        return connection->size + records_held_size(&connection->records);
    }
    return connection->size + (SSL_has_pending(connection->ssl) != 0 ? RECORD_SIZE : 0);
}

static struct filter_progress connection_receive(void *state, struct bytes wire, char *plain,
                                                 size_t plain_size_max, struct reply *output, void *context) {
    struct tls_connection *connection = state;
    struct tls_worker *worker = connection->endpoint->worker;
    struct filter_progress progress = {.consumed = wire.size, .memory_size = connection->size};
    (void)context;
    if (unlikely(connection->failed || connection->ended)) {
        progress.next = FILTER_NEXT_ENDED; /* what comes behind the last word is nobody's */
        return progress;
    }
    if (unlikely(!connection->spoken) && wire.size > 0) {
        if ((uint8_t)wire.data[0] != RECORD_TYPE_HANDSHAKE) {
            progress.next = connection_refuse_plain(connection, output);
            return progress;
        }
        connection->spoken = true;
    }
    worker->received = wire;
    worker->output = output;
    progress.next = connection_take(connection, plain, plain_size_max, &progress.plain_size);
    progress.consumed = wire.size - worker->received.size;
    progress.opening = !connection->established;
    progress.memory_size = connection_size(connection);
    return progress;
}

static bool connection_ended(void *state, void *context) {
    const struct tls_connection *connection = state;
    (void)context;
    if (!connection->ended && !connection->failed && connection->established) {
        counter_add(&connection_counters(connection)->truncations, 1);
    }
    return connection->ended;
}

/* --- what goes -------------------------------------------------------------------------------------------- */

/* The next record by OpenSSL: of the first piece alone where it fills one, else of as many as fit, copied together. */
static size_t connection_write(struct tls_connection *connection, const struct iovec *plain,
                               unsigned plain_count) {
    struct tls_worker *worker = connection->endpoint->worker;
    const char *data = plain[0].iov_base;
    size_t size = plain[0].iov_len < RECORD_PLAIN_SIZE_MAX ? plain[0].iov_len : RECORD_PLAIN_SIZE_MAX;
    size_t taken = 0;
    if (plain_count > 1 && size < RECORD_PLAIN_SIZE_MAX) {
        size = records_gather(plain, plain_count, worker->gather, RECORD_PLAIN_SIZE_MAX);
        data = worker->gather;
    }
    worker->received = bytes_of(NULL, 0);
    return SSL_write_ex(connection->ssl, data, size, &taken) == 1 ? taken : 0;
}

static size_t connection_send(void *state, const struct iovec *plain, unsigned plain_count,
                              struct reply *output, void *context) {
    struct tls_connection *connection = state;
    struct tls_worker *worker = connection->endpoint->worker;
    (void)context;
    if (!connection->established || connection->failed) {
        return 0;
    }
    worker->output = output;
    size_t size = connection->ssl == NULL
                      ? records_send(&connection->records, plain, plain_count, worker->gather, output)
                      : connection_write(connection, plain, plain_count);
    if (unlikely(size == 0)) {
        /* Output is never refused, so that memory has ended. */
        connection_fail_openssl(connection);
        reply_break(output);
        return 0;
    }
    counter_add(&connection_counters(connection)->records_sent, 1);
    return size;
}

static void connection_finish(void *state, struct reply *output, void *context) {
    struct tls_connection *connection = state;
    (void)context;
    if (!connection->established || connection->failed) {
        return;
    }
    if (connection->ssl == NULL) {
        records_finish(&connection->records, output);
        return;
    }
    connection->endpoint->worker->output = output;
    SSL_shutdown(connection->ssl); /* close_notify; that of the client is not waited for */
    ERR_clear_error();
}

const struct filter tls_filter = {
    .name = "tls",
    .state_size = sizeof(struct tls_connection),
    .open = connection_open,
    .receive = connection_receive,
    .send = connection_send,
    .ended = connection_ended,
    .finish = connection_finish,
    .close = connection_close,
};
