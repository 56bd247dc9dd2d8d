/* SPDX-License-Identifier: MIT
 *
 * tls: OpenSSL's client over memory. Its BIO reads from the bytes that were received, where they lie, and writes to a
 * buffer that grows. See tls.h.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An ALPN list of one name: a byte of length before it. */
enum { ALPN_SIZE_MAX = 32, SEALED_SIZE_MIN = 512 };

struct tls_context {
    SSL_CTX *ssl;     /* owned */
    BIO_METHOD *wire; /* owned; how a session reads and writes */
    char *name;       /* to be asked for and checked; owned */
    bool is_address;  /* it is an IP address, which is not asked for by name (RFC 6066, section 3) */
    bool verifies;
    bool resumes;
};

/* Bytes for the wire. */
struct sealed {
    char *bytes; /* owned */
    size_t size;
    size_t capacity;
};

struct tls {
    struct tls_context *context; /* borrowed */
    SSL *ssl;                    /* owned; NULL: between two connections */
    SSL_SESSION *session;        /* owned; the last that was offered; NULL: none */
    struct bytes input;          /* received and not read; borrowed */
    struct sealed waiting;       /* what the session writes to */
    struct sealed taken;         /* what is being sent, from taken_begin on */
    size_t taken_begin;
    char reason[TLS_TEXT_SIZE_MAX];
};

/* --- the wire, as OpenSSL sees it ------------------------------------------------------------------------------ */

static int wire_read(BIO *bio, char *target, int size) {
    struct tls *tls = BIO_get_data(bio);
    size_t count = tls->input.size < (size_t)size ? tls->input.size : (size_t)size;
    BIO_clear_retry_flags(bio);
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(target, tls->input.data, count);
    tls->input = bytes_after(tls->input, count);
    return (int)count;
}

static bool sealed_reserve(struct sealed *sealed, size_t size) {
    size_t capacity = sealed->capacity < SEALED_SIZE_MIN ? SEALED_SIZE_MIN : sealed->capacity;
    while (capacity < sealed->size + size) {
        capacity *= 2;
    }
    char *bytes = capacity == sealed->capacity ? sealed->bytes : realloc(sealed->bytes, capacity);
    if (bytes == NULL) {
        return false;
    }
    sealed->bytes = bytes;
    sealed->capacity = capacity;
    return true;
}

static int wire_write(BIO *bio, const char *source, int size) {
    struct tls *tls = BIO_get_data(bio);
    struct sealed *waiting = &tls->waiting;
    BIO_clear_retry_flags(bio);
    if (!sealed_reserve(waiting, (size_t)size)) {
        return -1;
    }
    memcpy(waiting->bytes + waiting->size, source, (size_t)size);
    waiting->size += (size_t)size;
    return size;
}

/* Nothing is held back, so that a flush has nothing to do; no other control is known. */
static long wire_control(BIO *bio, int command, long number, void *argument) {
    (void)bio;
    (void)number;
    (void)argument;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *wire_create(void) {
    BIO_METHOD *wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of a connection");
    if (wire != NULL) {
        BIO_meth_set_read(wire, wire_read);
        BIO_meth_set_write(wire, wire_write);
        BIO_meth_set_ctrl(wire, wire_control);
    }
    return wire;
}

/* --- the context ------------------------------------------------------------------------------------------------ */

/* OpenSSL's own word for its last error, which is taken away: the queue is empty wherever no error is being told. */
static const char *error_take(void) {
    unsigned long code = ERR_peek_last_error();
    const char *text =
        ERR_GET_LIB(code) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    ERR_clear_error();
    return text != NULL ? text : "unknown error";
}

/* Keeps what a server offers for the next connection of the same slot. 1: the reference is ours. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
    struct tls *tls = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

static bool certificates_load(SSL_CTX *ssl, const struct tls_settings *settings, int exit_status,
                              struct failure *failure) {
    const char *key_path = settings->key_path != NULL ? settings->key_path : settings->cert_path;
    if (settings->ca_path != NULL && SSL_CTX_load_verify_locations(ssl, settings->ca_path, NULL) != 1) {
        return failure_set(failure, exit_status, "%s holds no certificates to trust: %s", settings->ca_path,
                           error_take());
    }
    if (settings->ca_path == NULL) {
        SSL_CTX_set_default_verify_paths(ssl);
    }
    if (settings->cert_path == NULL) {
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->cert_path) != 1) {
        return failure_set(failure, exit_status, "%s holds no certificate: %s", settings->cert_path,
                           error_take());
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1) {
        return failure_set(failure, exit_status, "%s holds no key of the certificate %s: %s", key_path,
                           settings->cert_path, error_take());
    }
    return true;
}

/* Suites of TLS 1.3 begin with TLS_, and are set apart from the ciphers of 1.2. */
static bool ciphers_set(SSL_CTX *ssl, const char *ciphers, int exit_status, struct failure *failure) {
    if (ciphers == NULL) {
        return true;
    }
    bool are_suites = strncmp(ciphers, "TLS_", 4) == 0;
    int set = are_suites ? SSL_CTX_set_ciphersuites(ssl, ciphers) : SSL_CTX_set_cipher_list(ssl, ciphers);
    return set == 1 || failure_set(failure, exit_status, "no such ciphers: %s (openssl ciphers -v)", ciphers);
}

static void version_set(SSL_CTX *ssl, enum tls_version version) {
    static const int versions[] = {
        [TLS_VERSION_AUTO] = 0, [TLS_VERSION_1_2] = TLS1_2_VERSION, [TLS_VERSION_1_3] = TLS1_3_VERSION};
    SSL_CTX_set_min_proto_version(ssl, version == TLS_VERSION_AUTO ? TLS1_2_VERSION : versions[version]);
    SSL_CTX_set_max_proto_version(ssl, versions[version]);
}

static void alpn_set(SSL_CTX *ssl, const char *alpn) {
    unsigned char list[ALPN_SIZE_MAX];
    size_t size = alpn != NULL ? strlen(alpn) : 0;
    assert(size < ALPN_SIZE_MAX);
    if (size > 0) {
        list[0] = (unsigned char)size;
        memcpy(list + 1, alpn, size);
        SSL_CTX_set_alpn_protos(ssl, list, (unsigned)size + 1);
    }
}

static bool context_set(SSL_CTX *ssl, const struct tls_settings *settings, const char *alpn, int exit_status,
                        struct failure *failure) {
    /* RELEASE_BUFFERS: a connection that waits holds neither of its two buffers of 16 KiB. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ssl, settings->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    /* Sessions are kept by their slots, not by OpenSSL's table, which has a lock. */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (settings->resume) {
        SSL_CTX_sess_set_new_cb(ssl, on_session);
    }
    version_set(ssl, settings->version);
    alpn_set(ssl, alpn);
    return ciphers_set(ssl, settings->ciphers, exit_status, failure) &&
           certificates_load(ssl, settings, exit_status, failure);
}

static bool is_address(const char *name) {
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

struct tls_context *tls_context_create(const struct tls_settings *settings, const char *host,
                                       const char *alpn, int exit_status, struct failure *failure) {
    struct tls_context *context = calloc(1, sizeof(*context));
    if (context != NULL) {
        context->ssl = SSL_CTX_new(TLS_client_method());
        context->wire = wire_create();
        context->name = strdup(settings->name != NULL ? settings->name : host);
        context->is_address = context->name != NULL && is_address(context->name);
        context->verifies = !settings->no_verify;
        context->resumes = settings->resume;
    }
    if (context == NULL || context->ssl == NULL || context->wire == NULL || context->name == NULL) {
        failure_write(failure, exit_status, "no memory for TLS");
    } else if (context_set(context->ssl, settings, alpn, exit_status, failure)) {
        return context;
    }
    tls_context_destroy(context);
    return NULL;
}

void tls_context_destroy(struct tls_context *context) {
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        BIO_meth_free(context->wire);
        free(context->name);
        free(context);
    }
}

/* --- a session ---------------------------------------------------------------------------------------------------- */

struct tls *tls_create(struct tls_context *context) {
    struct tls *tls = calloc(1, sizeof(*tls));
    if (tls != NULL) {
        tls->context = context;
    }
    return tls;
}

void tls_destroy(struct tls *tls) {
    if (tls != NULL) {
        tls_end(tls);
        SSL_SESSION_free(tls->session);
        free(tls->waiting.bytes);
        free(tls->taken.bytes);
        free(tls);
    }
}

static bool wire_attach(struct tls *tls) {
    BIO *bio = BIO_new(tls->context->wire);
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

/* Whom the client wants to speak to. */
static bool name_set(struct tls *tls) {
    const struct tls_context *context = tls->context;
    if (!context->is_address && SSL_set_tlsext_host_name(tls->ssl, context->name) != 1) {
        return false;
    }
    if (!context->verifies) {
        return true;
    }
    return context->is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), context->name) == 1
                               : SSL_set1_host(tls->ssl, context->name) == 1;
}

bool tls_begin(struct tls *tls) {
    assert(tls->ssl == NULL);
    tls->reason[0] = '\0';
    tls->ssl = SSL_new(tls->context->ssl);
    if (tls->ssl == NULL || !wire_attach(tls) || !name_set(tls)) {
        ERR_clear_error();
        tls_end(tls);
        return false;
    }
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_connect_state(tls->ssl);
    if (tls->session != NULL) {
        SSL_set_session(tls->ssl, tls->session);
    }
    return true;
}

void tls_end(struct tls *tls) {
    SSL_free(tls->ssl);
    tls->ssl = NULL;
    tls->input = bytes_of(NULL, 0);
    tls->waiting.size = 0;
    tls->taken.size = 0;
    tls->taken_begin = 0;
}

void tls_close(struct tls *tls) {
    if (SSL_shutdown(tls->ssl) < 0) {
        ERR_clear_error();
    }
}

void tls_input(struct tls *tls, struct bytes received) {
    assert(tls->input.size == 0);
    tls->input = received;
}

void tls_input_drop(struct tls *tls) {
    tls->input = bytes_of(NULL, 0);
}

/* What OpenSSL has no data for, told as ours; the reason is kept. */
static void reason_keep(struct tls *tls) {
    long verified = SSL_get_verify_result(tls->ssl);
    const char *text = error_take();
    const char *cure = strcmp(text, "wrong version number") == 0 ? " (is it a port that speaks TLS?)" : "";
    if (tls->context->verifies && verified != X509_V_OK) {
        text = X509_verify_cert_error_string(verified);
        cure = " (the certificate is checked against --tls-ca or the system's; --tls-no-verify believes "
               "anybody)";
    }
    snprintf(tls->reason, sizeof(tls->reason), "%s%s", text, cure);
}

static enum tls_status status_of(struct tls *tls, int result) {
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        reason_keep(tls);
        return TLS_BROKEN;
    }
}

enum tls_status tls_handshake(struct tls *tls) {
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? TLS_DONE : status_of(tls, result);
}

enum tls_status tls_read(struct tls *tls, char *plain, size_t size, size_t *got) {
    assert(size >= TLS_PLAIN_SIZE_MAX);
    /* A record is read whole, so that nothing is pending in OpenSSL once its input is used up: that saves a call. */
    if (tls->input.size == 0) {
        return TLS_MORE;
    }
    int result = SSL_read_ex(tls->ssl, plain, size, got);
    return result == 1 ? TLS_DONE : status_of(tls, result);
}

bool tls_write(struct tls *tls, struct bytes plain) {
    size_t written;
    if (SSL_write_ex(tls->ssl, plain.data, plain.size, &written) == 1) {
        assert(written == plain.size);
        return true;
    }
    reason_keep(tls);
    return false;
}

/* --- output --------------------------------------------------------------------------------------------------------- */

bool tls_has_output(const struct tls *tls) {
    return tls->taken.size > tls->taken_begin || tls->waiting.size > 0;
}

struct bytes tls_output_take(struct tls *tls) {
    if (tls->taken.size == tls->taken_begin) {
        struct sealed empty = tls->taken;
        empty.size = 0;
        tls->taken = tls->waiting;
        tls->taken_begin = 0;
        tls->waiting = empty;
    }
    return bytes_of(tls->taken.bytes + tls->taken_begin, tls->taken.size - tls->taken_begin);
}

bool tls_output_sent(struct tls *tls, size_t size) {
    assert(size <= tls->taken.size - tls->taken_begin);
    tls->taken_begin += size;
    return tls->taken_begin == tls->taken.size;
}

/* --- what is told --------------------------------------------------------------------------------------------------- */

const char *tls_reason(const struct tls *tls) {
    return tls->reason;
}

bool tls_is_resumed(const struct tls *tls) {
    return SSL_session_reused(tls->ssl) == 1;
}

void tls_suite(const struct tls *tls, char text[TLS_SUITE_SIZE_MAX]) {
    snprintf(text, TLS_SUITE_SIZE_MAX, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}
