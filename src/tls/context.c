/* SPDX-License-Identifier: MIT
 *
 * context: from files and flags to what OpenSSL takes; nothing that is weak is offered. See context.h.
 */
#include "context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "riposte/clock.h"

/*
 * Authenticated ciphers with ephemeral keys. AES-128 first: with it a record costs least, and nobody breaks it; ChaCha20 for
 * clients that put it first, because they have no AES in hardware.
 */
static const char suites_default[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char ciphers_default[] = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL";

/*
 * What keys are agreed on with, the cheap first. A client chooses among these, and it costs the server: 0.07, 0.12, 0.75 and 2 ms
 * (OpenSSL 3.0). OpenSSL by itself would also take finite fields (RFC 7919), up to 8192 bits: 120 ms for each hello.
 */
static const char groups[] = "X25519:P-256:P-521:P-384";

enum {
    CIPHERS_SIZE_MAX = 1024,
    SIGNATURES_TRIED = 3,
    CLIENT_CHAIN_SIZE_MAX = 32 * 1024, /* bytes of the certificates that a client shows: some ten of them */
    CLIENT_CHAIN_DEPTH_MAX = 4,        /* certificates between a client's own and its root */
};

/* What OpenSSL says of its last error, with the file that it is about. */
static int context_fail(const char *what, const char *path, char message[TLS_MESSAGE_SIZE_MAX]) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(message, TLS_MESSAGE_SIZE_MAX, "%s %s: %s", what, path,
             reason == NULL ? "cannot be used" : reason);
    ERR_clear_error();
    return -EINVAL;
}

/* --- certificates ----------------------------------------------------------------------------------------- */

/* No passphrase is asked for: there may be nobody to answer. */
static int passphrase_none(char *text, int size, int writing, void *user) {
    (void)text;
    (void)size;
    (void)writing;
    (void)user;
    return 0;
}

static BIO *bytes_bio(const struct material_file *file) {
    return BIO_new_mem_buf(file->data, (int)file->size); /* at most TLS_FILE_SIZE_MAX */
}

static X509 *certificate_next(BIO *bio) {
    return PEM_read_bio_X509(bio, NULL, passphrase_none, NULL);
}

/* The file has no certificate more, as opposed to one that cannot be read. */
static bool certificates_ended(void) {
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (ended) {
        ERR_clear_error();
    }
    return ended;
}

/* The server's own certificate, then those that lead from it to a root. */
static bool chain_use(SSL_CTX *context, BIO *bio) {
    X509 *own = certificate_next(bio);
    bool used = own != NULL && SSL_CTX_use_certificate(context, own) == 1;
    X509_free(own); /* the context has a reference of its own */
    while (used) {
        X509 *next = certificate_next(bio);
        if (next == NULL) {
            return certificates_ended();
        }
        if (SSL_CTX_add0_chain_cert(context, next) != 1) {
            X509_free(next);
            return false;
        }
    }
    return false;
}

static bool key_use(SSL_CTX *context, BIO *bio) {
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, passphrase_none, NULL);
    bool used = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    return used;
}

/* Who may have signed a client's certificate; clients are told their names. */
static bool authorities_use(SSL_CTX *context, BIO *bio) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    for (unsigned count = 0;; count++) {
        X509 *authority = certificate_next(bio);
        if (authority == NULL) {
            return count > 0 && certificates_ended();
        }
        bool used =
            X509_STORE_add_cert(store, authority) == 1 && SSL_CTX_add_client_CA(context, authority) == 1;
        X509_free(authority);
        if (!used) {
            return false;
        }
    }
}

/* Reads `file` with `use`. */
static int file_use(SSL_CTX *context, const struct material_file *file, const char *what,
                    bool (*use)(SSL_CTX *context, BIO *bio), char message[TLS_MESSAGE_SIZE_MAX]) {
    BIO *bio = bytes_bio(file);
    bool used = bio != NULL && use(context, bio);
    BIO_free(bio);
    return used ? 0 : context_fail(what, file->path, message);
}

static int64_t certificate_end_s(const SSL_CTX *context) {
    struct tm end;
    const X509 *own = SSL_CTX_get0_certificate(context);
    return ASN1_TIME_to_tm(X509_get0_notAfter(own), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

/* --- ciphers ---------------------------------------------------------------------------------------------- */

static void ciphers_append(char list[CIPHERS_SIZE_MAX], struct bytes name) {
    size_t at = strlen(list);
    snprintf(list + at, CIPHERS_SIZE_MAX - at, "%s%.*s", at == 0 ? "" : ":", (int)name.size, name.data);
}

/* Names of TLS 1.3 go into one list, all else into the other: OpenSSL has a function for each. */
static int ciphers_use(SSL_CTX *context, const char *ciphers, char message[TLS_MESSAGE_SIZE_MAX]) {
    char suites[CIPHERS_SIZE_MAX] = "", older[CIPHERS_SIZE_MAX] = "";
    struct bytes rest = bytes_from_string(ciphers == NULL ? "" : ciphers);
    while (rest.size > 0) {
        struct bytes name = bytes_of(rest.data, bytes_before(rest, ':'));
        ciphers_append(name.size > 4 && memcmp(name.data, "TLS_", 4) == 0 ? suites : older, name);
        rest = bytes_after(rest, name.size + (name.size < rest.size));
    }
    if (SSL_CTX_set_ciphersuites(context, suites[0] == '\0' ? suites_default : suites) == 1 &&
        SSL_CTX_set_cipher_list(context, older[0] == '\0' ? ciphers_default : older) == 1) {
        return 0;
    }
    return context_fail("ssl_ciphers", ciphers == NULL ? "" : ciphers, message);
}

/* --- callbacks -------------------------------------------------------------------------------------------- */

/* The name that the client asks for: the first certificate that is for it, else the first of all. */
static int name_choose(SSL *ssl, int *alert, void *argument) {
    const struct contexts *contexts = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (unsigned i = 0; name != NULL && i < contexts->count; i++) {
        X509 *own = SSL_CTX_get0_certificate(contexts->of[i]);
        if (X509_check_host(own, name, 0, 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, contexts->of[i]);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* RFC 7301 section 3.2: who offers only what is not spoken here gets an alert. */
static int alpn_choose(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                       const unsigned char *offered, unsigned offered_size, void *argument) {
    const char *spoken = connection_of(ssl)->endpoint->listen->alpn;
    (void)argument;
    if (spoken == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    size_t size = strlen(spoken);
    for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
        if (offered[at] == size && at + 1 + size <= offered_size &&
            memcmp(&offered[at + 1], spoken, size) == 0) {
            *chosen = &offered[at + 1];
            *chosen_size = (unsigned char)size;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int ticket_key_choose(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                             EVP_MAC_CTX *mac, int seals) {
    struct tls_worker *worker = connection_of(ssl)->endpoint->worker;
    if (worker == NULL) {
        return 0; /* at a signer, where no ticket is opened or given: OpenSSL does both at other steps */
    }
    if (seals != 0) {
        counter_add(&tls_worker_counters(worker)->tickets, 1);
    }
    int outcome = ticket_prepare(&worker->tls->tickets, name, iv, cipher, mac, seals != 0);
    /* Clients use a ticket of TLS 1.3 once (RFC 8446, appendix C.4): 2 gives them the next one. */
    return outcome == 1 && seals == 0 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : outcome;
}

static bool key_is_slow(const struct contexts *contexts, const SSL_CTX *chosen) {
    for (unsigned i = 0; i < contexts->count; i++) {
        if (contexts->of[i] == chosen) {
            return (contexts->slow_keys >> i & 1) != 0;
        }
    }
    return false;
}

/*
 * Where a handshake is about to use its key: not in one that goes on with an earlier session. Below 0 stops it there, and OpenSSL asks again
 * when it is called the next time (SSL_CTX_set_cert_cb(3)), by a signer.
 */
static int signature_may_begin(SSL *ssl, void *argument) {
    const struct tls_connection *connection = connection_of(ssl);
    bool waits = !connection->may_sign && connection->endpoint->worker->signer != NULL &&
                 key_is_slow(argument, SSL_get_SSL_CTX(ssl));
    return waits ? -1 : 1;
}

/* --- one context ------------------------------------------------------------------------------------------ */

/*
 * Sessions belong to those who were asked for a certificate by the same authorities: one whose authority is no longer
 * trusted cannot come in by an old ticket.
 */
static void context_name_sessions(SSL_CTX *context, const struct material *material) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct bytes authorities = material_bytes(&material->authorities);
    SHA256((const unsigned char *)authorities.data, authorities.size, digest);
    SSL_CTX_set_session_id_context(context, digest,
                                   sizeof(digest)); /* of 32 bytes at most, and so long it is */
}

static void context_set_limits(SSL_CTX *context, const struct tls_config *config) {
    SSL_CTX_set_min_proto_version(context,
                                  config->version_min == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     (config->tickets ? 0 : SSL_OP_NO_TICKET));
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_SIZE_MAX);
    SSL_CTX_set_verify_depth(context, CLIENT_CHAIN_DEPTH_MAX);
    SSL_CTX_set_max_early_data(context, 0); /* whoever copies a packet could send a request twice */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets keep the server free of them */
    SSL_CTX_set_num_tickets(context, config->tickets ? 1 : 0);
    SSL_CTX_set_timeout(context, TICKET_KEY_S);
    /* Buffers of records exist only while a record is in them: 32 KiB of an idle connection. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1); /* one read for each record; none of the next (wire.h) */
    /* SSL_read comes back after each record that is no data, so that updates of keys are counted as they come. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
}

static void context_set_callbacks(SSL_CTX *context, struct contexts *contexts) {
    SSL_CTX_set_alpn_select_cb(context, alpn_choose, NULL);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_choose);
    SSL_CTX_set_cert_cb(context, signature_may_begin, contexts);
    if (contexts->count > 1) {
        SSL_CTX_set_tlsext_servername_callback(context, name_choose);
        SSL_CTX_set_tlsext_servername_arg(context, contexts);
    }
}

static int context_fill(SSL_CTX *context, const struct tls_config *config, const struct material *material,
                        unsigned index, char message[TLS_MESSAGE_SIZE_MAX]) {
    context_set_limits(context, config);
    context_name_sessions(context, material);
    int result = file_use(context, &material->chains[index], "ssl_chain_cert", chain_use, message);
    result = result < 0 ? result : file_use(context, &material->keys[index], "ssl_key", key_use, message);
    if (result == 0 && material->authorities.path != NULL) {
        result = file_use(context, &material->authorities, "ssl_ca_cert", authorities_use, message);
    }
    if (result == 0 && SSL_CTX_set1_groups_list(context, groups) != 1) {
        result = context_fail("groups", groups, message);
    }
    return result < 0 ? result : ciphers_use(context, config->ciphers, message);
}

int contexts_create(const struct tls_config *config, const struct material *material,
                    struct contexts **contexts, char message[TLS_MESSAGE_SIZE_MAX]) {
    struct contexts *made = calloc(1, sizeof(*made));
    int result = 0;
    if (made == NULL) {
        snprintf(message, TLS_MESSAGE_SIZE_MAX, "no memory for certificates");
        return -ENOMEM;
    }
    made->holders_count = 1;
    made->count = material->count;
    made->ends_s = INT64_MAX;
    for (unsigned i = 0; i < made->count && result == 0; i++) {
        made->of[i] = SSL_CTX_new(TLS_server_method());
        if (made->of[i] == NULL) {
            result = context_fail("TLS", "context", message);
            break;
        }
        context_set_callbacks(made->of[i], made);
        result = context_fill(made->of[i], config, material, i, message);
        if (result == 0) {
            int64_t ends_s = certificate_end_s(made->of[i]);
            made->ends_s = ends_s < made->ends_s ? ends_s : made->ends_s;
        }
    }
    if (result < 0) {
        contexts_release(made);
        return result;
    }
    *contexts = made;
    return 0;
}

/* --- what a key costs -------------------------------------------------------------------------------------- */

static bool key_sign(EVP_PKEY *key) {
    static const unsigned char text[64];
    unsigned char signature[1024]; /* RSA of 8192 bits */
    size_t size = sizeof(signature);
    bool has_own_digest = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest != NULL &&
                EVP_DigestSignInit(digest, NULL, has_own_digest ? NULL : EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(digest, signature, &size, text, sizeof(text)) == 1;
    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    return done;
}

/* The least of some: the first one prepares the key. */
static uint64_t key_signature_ns(EVP_PKEY *key) {
    uint64_t least_ns = UINT64_MAX;
    for (int i = 0; i < SIGNATURES_TRIED; i++) {
        uint64_t began_ns = clock_thread_cpu_ns();
        if (!key_sign(key)) {
            return 0; /* of a kind that is not known here */
        }
        uint64_t took_ns = clock_thread_cpu_ns() - began_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    return least_ns;
}

uint64_t contexts_measure(struct contexts *contexts, const struct tls_config *config) {
    uint64_t most_ns = 0;
    contexts->slow_keys = 0;
    for (unsigned i = 0; i < contexts->count; i++) {
        uint64_t took_ns = key_signature_ns(SSL_CTX_get0_privatekey(contexts->of[i]));
        bool is_slow = config->slow_signature_ns > 0 && took_ns >= config->slow_signature_ns;
        contexts->slow_keys |= (uint32_t)is_slow << i;
        most_ns = took_ns > most_ns ? took_ns : most_ns;
    }
    return most_ns;
}

void contexts_release(struct contexts *contexts) {
    /* acq_rel: what the other holders did happens before the last one frees. */
    if (contexts == NULL ||
        atomic_fetch_sub_explicit(&contexts->holders_count, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (unsigned i = 0; i < contexts->count; i++) {
        SSL_CTX_free(contexts->of[i]);
    }
    free(contexts);
}
