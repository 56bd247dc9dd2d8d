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
#include "signer.h"

enum {
    RECORD_TYPE_HANDSHAKE = 22, /* RFC 8446 section 5.1: the first byte of every client */
    HANDSHAKE_KEY_UPDATE = 24,
    RECORD_PLAIN_SIZE_MAX = 16384,
    /*
     * Updates of keys, and hellos that are refused (TLS 1.2), with no data between them. A client needs one in 2^24 records, and of
     * the others none.
     */
    ASIDES_MAX = 16,
    /* What is beyond a record, in those (FILTER_WORK_MAX). */
    KEY_UPDATE_WORK = 8,
    WORK_SIZE = 8 * 1024, /* bytes whose decryption costs as much as a small record */
    /* Bytes of a client's handshake: its certificates (CLIENT_CHAIN_SIZE_MAX in context.c), and its hello. */
    HANDSHAKE_INPUT_SIZE_MAX = 48 * 1024,
    /*
     * What OpenSSL holds, measured (tests/unit/tls/test_memory.c): in a handshake (39 KiB), after it (14.5 KiB), of each
     * certificate of the client (8 KiB), and of a record that is cut.
     */
    HANDSHAKE_SIZE = 48 * 1024,
    ESTABLISHED_SIZE = 16 * 1024,
    CERTIFICATE_SIZE = 8 * 1024,
    RECORD_SIZE = 17 * 1024,
    /* Of the keys in a client's chain: a look at a signature takes up to 1 ms with so long a one, four times that with 16384 bits. */
    CLIENT_KEY_BITS_MAX = 8192,
};

/* RFC 8446 section 6: fatal, internal_error. There is no alert that says "full", or "too long". */
static const char alert_full[] = {0x15, 3, 3, 0, 2, 2, 80};

static struct tls_counters *connection_counters(const struct tls_connection *connection) {
    return tls_worker_counters(connection->endpoint->worker);
}

/* --- begin and end ---------------------------------------------------------------------------------------- */

/* Sees the messages of handshakes and the alerts go by. */
static void message_seen(int is_write, int version, int content_type, const void *data, size_t size, SSL *ssl,
                         void *argument) {
    (void)version;
    (void)argument;
    /* Each record's header and inner type come by here, too. */
    if (likely(content_type != SSL3_RT_HANDSHAKE && content_type != SSL3_RT_ALERT)) {
        return;
    }
    struct tls_connection *connection = connection_of(ssl);
    bool is_update = !is_write && content_type == SSL3_RT_HANDSHAKE && size > 0 &&
                     ((const uint8_t *)data)[0] == HANDSHAKE_KEY_UPDATE;
    bool is_alert = is_write && content_type == SSL3_RT_ALERT;
    if (is_update || is_alert) {
        connection->asides = (uint8_t)(connection->asides + (connection->asides < UINT8_MAX));
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

/* For each certificate of a client's chain, from the root on, before its key is used to look at the next one. */
static int certificate_judge(int good, X509_STORE_CTX *chain) {
    const EVP_PKEY *key = X509_get0_pubkey(X509_STORE_CTX_get_current_cert(chain));
    if (good == 1 && (key == NULL || EVP_PKEY_get_bits(key) > CLIENT_KEY_BITS_MAX)) {
        X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return good;
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
    SSL_set_verify(ssl, verify_mode(connection->endpoint->listen->verify), certificate_judge);
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
    if (connection->signing != NULL) {
        signing_drop(connection);
    }
    SSL_free(connection->ssl);
    contexts_release(connection->contexts);
}

/* --- what comes ------------------------------------------------------------------------------------------- */

static void connection_tell_failure(const struct tls_connection *connection, const char *reason) {
    if (unlikely(log_level_get() >= LOG_LEVEL_DEBUG)) {
        log_limited(&connection->endpoint->worker->tls->lines, LOG_LEVEL_DEBUG, "TLS %s failed: %s",
                    connection->established ? "connection" : "handshake", reason);
    }
}

/* It ends, for that reason; the alert is written. */
static enum filter_next connection_fail_for(struct tls_connection *connection, const char *reason) {
    counter_add(connection->established ? &connection_counters(connection)->protocol_errors
                                        : &connection_counters(connection)->handshake_errors,
                1);
    connection_tell_failure(connection, reason == NULL ? "the client's alert" : reason);
    connection->failed = true;
    return FILTER_NEXT_BROKEN;
}

/* An error of OpenSSL's, which has written the alert. */
static enum filter_next connection_fail(struct tls_connection *connection) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return connection_fail_for(connection, reason);
}

/* A client that does not speak TLS gets a line of its own protocol. */
static enum filter_next connection_refuse_plain(struct tls_connection *connection, struct reply *output) {
    const char *text = connection->endpoint->listen->plain_text;
    counter_add(&connection_counters(connection)->plain_clients, 1);
    if (text != NULL) {
        reply_copy_string(output, text);
    }
    connection_tell_failure(connection, "the client does not speak TLS");
    connection->failed = true;
    return FILTER_NEXT_BROKEN;
}

/* Those that the client has shown: its own and, maybe, some that lead to a root. */
static uint32_t certificates_count(const SSL *ssl) {
    int others = sk_X509_num(SSL_get_peer_cert_chain(ssl)); /* -1: no chain */
    return SSL_get0_peer_certificate(ssl) == NULL ? 0 : 1 + (others > 0 ? (uint32_t)others : 0);
}

static void connection_note_established(struct tls_connection *connection) {
    if (likely(connection->established) || !SSL_is_init_finished(connection->ssl)) {
        return;
    }
    connection->established = true;
    connection->size = ESTABLISHED_SIZE + certificates_count(connection->ssl) * CERTIFICATE_SIZE;
    counter_add(&connection_counters(connection)->handshakes, 1);
    counter_add(&connection_counters(connection)->handshakes_resumed,
                (uint64_t)(SSL_session_reused(connection->ssl) != 0));
}

/* The handshake has come to a signature that takes long. */
static enum filter_next connection_sign(struct tls_connection *connection) {
    struct signer *signer = connection->endpoint->worker->signer;
    if (unlikely(signer_is_late(signer))) {
        connection->may_sign = true;
        counter_add(&connection_counters(connection)->signatures_late, 1);
        return FILTER_NEXT_AGAIN;
    }
    if (signer_submit(signer, connection)) {
        return FILTER_NEXT_LATER;
    }
    reply_copy(connection->endpoint->worker->output, bytes_of(alert_full, sizeof(alert_full)));
    return connection_fail_for(connection, "too many wait for a signature");
}

/* SSL_read has returned without bytes: AGAIN when there is more to read, a record of something else than data. */
static enum filter_next connection_stopped(struct tls_connection *connection) {
    switch (SSL_get_error(connection->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return connection->endpoint->worker->received.size > 0 ? FILTER_NEXT_AGAIN : FILTER_NEXT_INPUT;
    case SSL_ERROR_WANT_X509_LOOKUP: /* signature_may_begin in context.c */
        return connection_sign(connection);
    case SSL_ERROR_ZERO_RETURN:
        connection->ended = true;
        return FILTER_NEXT_ENDED;
    default:
        return connection_fail(connection);
    }
}

/* Decrypts what there is, or much of it. The handshake goes on by itself in SSL_read. */
static enum filter_next connection_read(struct tls_connection *connection, char *plain, size_t plain_size_max,
                                        struct filter_progress *progress) {
    struct tls_worker *worker = connection->endpoint->worker;
    connection->holds_record = true; /* until it is seen that it does not */
    while (progress->plain_size < plain_size_max && progress->work < FILTER_WORK_MAX) {
        size_t size = 0, room = plain_size_max - progress->plain_size;
        unsigned reads = worker->reads, asides = connection->asides;
        int result = SSL_read_ex(connection->ssl, plain + progress->plain_size, room, &size);
        connection_note_established(connection);
        progress->work += worker->reads - reads + (unsigned)size / WORK_SIZE +
                          KEY_UPDATE_WORK * (connection->asides - asides);
        if (unlikely(connection->asides > ASIDES_MAX)) {
            return connection_fail(connection);
        }
        if (result != 1) {
            enum filter_next next = connection_stopped(connection);
            if (next != FILTER_NEXT_AGAIN) {
                return next;
            }
            continue;
        }
        connection->asides = 0;
        progress->plain_size += size;
        /* Another call would only find nothing, and take a buffer to put it into. */
        if (worker->received.size == 0 && (size < room || SSL_has_pending(connection->ssl) == 0)) {
            connection->holds_record = false;
            return FILTER_NEXT_INPUT;
        }
    }
    return FILTER_NEXT_AGAIN;
}

/* One step of a handshake has taken so many bytes. What OpenSSL holds grows with them. */
static enum filter_next connection_note_handshake(struct tls_connection *connection, size_t size,
                                                  enum filter_next next) {
    if (likely(connection->established)) {
        return next;
    }
    connection->handshake_size += (uint32_t)size;
    connection->size = HANDSHAKE_SIZE + 2 * connection->handshake_size;
    bool goes_on = next == FILTER_NEXT_INPUT || next == FILTER_NEXT_AGAIN;
    if (likely(!goes_on || connection->handshake_size <= HANDSHAKE_INPUT_SIZE_MAX)) {
        return next;
    }
    reply_copy(connection->endpoint->worker->output, bytes_of(alert_full, sizeof(alert_full)));
    return connection_fail(connection);
}

/* What is charged to the connection. */
static size_t connection_size(const struct tls_connection *connection) {
    bool is_here = connection->signing == NULL;
    bool holds_record = connection->holds_record && is_here && SSL_has_pending(connection->ssl) != 0;
    return connection->size + (holds_record ? RECORD_SIZE : 0);
}

static bool connection_ready(const void *state) {
    const struct tls_connection *connection = state;
    return signing_is_done(connection->signing);
}

/* INPUT where its SSL is here: it always was, or is back from the signer with what it says in `output`. */
static enum filter_next connection_signed(struct tls_connection *connection, struct reply *output) {
    const char *reason;
    if (likely(connection->signing == NULL)) {
        return FILTER_NEXT_INPUT;
    }
    if (!signing_is_done(connection->signing)) {
        return FILTER_NEXT_LATER;
    }
    counter_add(&connection_counters(connection)->signatures_apart, 1);
    return signing_end(connection, output, &reason) ? FILTER_NEXT_INPUT
                                                    : connection_fail_for(connection, reason);
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
    worker->record = &connection->record;
    worker->reads = 0;
    worker->output = output;
    progress.next = connection_signed(connection, output);
    if (progress.next == FILTER_NEXT_INPUT) {
        progress.next = connection_read(connection, plain, plain_size_max, &progress);
    }
    progress.consumed = wire.size - worker->received.size;
    progress.next = connection_note_handshake(connection, progress.consumed, progress.next);
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

/* The next record's plain bytes: of the first piece alone where it fills one, else of as many as fit, copied together. */
static struct bytes connection_gather(struct tls_worker *worker, const struct iovec *plain,
                                      unsigned plain_count) {
    size_t size = 0;
    if (plain_count == 1 || plain[0].iov_len >= RECORD_PLAIN_SIZE_MAX) {
        size = plain[0].iov_len < RECORD_PLAIN_SIZE_MAX ? plain[0].iov_len : RECORD_PLAIN_SIZE_MAX;
        return bytes_of(plain[0].iov_base, size);
    }
    for (unsigned i = 0; i < plain_count && size < RECORD_PLAIN_SIZE_MAX; i++) {
        size_t room = RECORD_PLAIN_SIZE_MAX - size;
        size_t part = plain[i].iov_len < room ? plain[i].iov_len : room;
        memcpy(worker->gather + size, plain[i].iov_base, part);
        size += part;
    }
    return bytes_of(worker->gather, size);
}

static size_t connection_send(void *state, const struct iovec *plain, unsigned plain_count,
                              struct reply *output, void *context) {
    struct tls_connection *connection = state;
    struct tls_worker *worker = connection->endpoint->worker;
    size_t size = 0;
    (void)context;
    if (!connection->established || connection->failed) {
        return 0;
    }
    struct bytes record = connection_gather(worker, plain, plain_count);
    worker->received = bytes_of(NULL, 0);
    worker->output = output;
    if (unlikely(SSL_write_ex(connection->ssl, record.data, record.size, &size) != 1)) {
        /* Output is never refused, so that memory has ended. */
        connection_fail(connection);
        reply_break(output);
        return 0;
    }
    counter_add(&connection_counters(connection)->records_sent, 1);
    return size;
}

/* The subject of the certificate that the client has shown, and that was found good: "/O=Example/CN=client". */
static bool connection_identity(const void *state, char text[FILTER_IDENTITY_SIZE_MAX], void *context) {
    const struct tls_connection *connection = state;
    (void)context;
    if (!connection->established || connection->endpoint->listen->verify == TLS_VERIFY_NONE) {
        return false;
    }
    const X509 *shown = SSL_get0_peer_certificate(connection->ssl);
    return shown != NULL &&
           X509_NAME_oneline(X509_get_subject_name(shown), text, FILTER_IDENTITY_SIZE_MAX) != NULL;
}

static void connection_finish(void *state, struct reply *output, void *context) {
    struct tls_connection *connection = state;
    (void)context;
    if (!connection->established || connection->failed) {
        return;
    }
    connection->endpoint->worker->output = output;
    SSL_shutdown(connection->ssl); /* close_notify; that of the client is not waited for */
    ERR_clear_error();
}

const struct filter tls_filter = {
    .name = "tls",
    .state_size = sizeof(struct tls_connection),
    .reject = {.data = alert_full, .size = sizeof(alert_full)},
    .open = connection_open,
    .receive = connection_receive,
    .ready = connection_ready,
    .send = connection_send,
    .ended = connection_ended,
    .finish = connection_finish,
    .identity = connection_identity,
    .close = connection_close,
};
