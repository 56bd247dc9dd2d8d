/* SPDX-License-Identifier: MIT
 *
 * connection: the client's end, and what lies between. See connection.h.
 */
#include "connection.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXIT_SOFTWARE = 70, DAY_S = 24 * 60 * 60 };

void must(bool done, const char *what) {
    if (!done) {
        fprintf(stderr, "tls-floor: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        exit(EXIT_SOFTWARE);
    }
}

/* --- the wire --------------------------------------------------------------------------------------------- */

struct wires {
    struct wire *in, *out;
};

static int wire_read(BIO *bio, char *data, size_t size_max, size_t *size) {
    struct wire *in = ((struct wires *)BIO_get_data(bio))->in;
    size_t left = in->end - in->begin;
    BIO_clear_retry_flags(bio);
    if (left == 0) {
        in->begin = in->end = 0;
        BIO_set_retry_read(bio);
        return 0;
    }
    *size = size_max < left ? size_max : left;
    memcpy(data, in->bytes + in->begin, *size);
    in->begin += *size;
    return 1;
}

static int wire_write(BIO *bio, const char *data, size_t size_max, size_t *size) {
    struct wire *out = ((struct wires *)BIO_get_data(bio))->out;
    BIO_clear_retry_flags(bio);
    if (out->begin == out->end) {
        out->begin = out->end = 0;
    }
    must(size_max <= sizeof(out->bytes) - out->end, "room on the wire");
    memcpy(out->bytes + out->end, data, size_max);
    out->end += size_max;
    *size = size_max;
    return 1;
}

static long wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int wire_free(BIO *bio) {
    free(BIO_get_data(bio));
    return 1;
}

static BIO_METHOD *wire_method(void) {
    static BIO_METHOD *method; /* for the life of the process */
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wires");
        must(method != NULL && BIO_meth_set_read_ex(method, wire_read) &&
                 BIO_meth_set_write_ex(method, wire_write) && BIO_meth_set_ctrl(method, wire_control) &&
                 BIO_meth_set_destroy(method, wire_free),
             "a kind of BIO");
    }
    return method;
}

BIO *wire_bio_create(struct wire *in, struct wire *out) {
    BIO *bio = BIO_new(wire_method());
    struct wires *wires = malloc(sizeof(*wires));
    must(bio != NULL && wires != NULL, "memory");
    *wires = (struct wires){in, out};
    BIO_set_data(bio, wires);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- the client ------------------------------------------------------------------------------------------- */

SSL_CTX *client_context_create(const char *group) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    must(context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
             SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
             SSL_CTX_set1_groups_list(context, group) == 1,
         group);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS); /* so that the server's thread has its own to itself */
    return context;
}

void client_hello(struct connection *connection, SSL_CTX *context, bool resumes) {
    SSL *client = SSL_new(context);
    must(client != NULL, "memory");
    BIO *bio = wire_bio_create(&connection->to_client, &connection->to_server);
    SSL_set_bio(client, bio, bio);
    must(!resumes || SSL_set_session(client, connection->session) == 1, "taking up a session");
    must(SSL_connect(client) == -1 && connection->to_server.end > 0, "the client's hello");
    connection->client = client;
}

void client_finish(struct connection *connection) {
    must(SSL_connect(connection->client) == 1, "the client's handshake");
}

void client_take_ticket(struct connection *connection, bool resumes) {
    char byte;
    must(SSL_read(connection->client, &byte, 1) <= 0, "reading the ticket"); /* and nothing else */
    must(SSL_session_reused(connection->client) == resumes, resumes ? "resumption" : "a full handshake");
    SSL_SESSION_free(connection->session);
    connection->session = SSL_get1_session(connection->client);
    must(SSL_SESSION_is_resumable(connection->session) == 1, "the ticket");
}

static const char text[PLAIN_SIZE_MAX];

void client_ask(struct connection *connection, size_t size) {
    must(SSL_write(connection->client, text, (int)size) == (int)size, "asking");
}

void client_hear(struct connection *connection, size_t size) {
    char answer[PLAIN_SIZE_MAX];
    must(connection->plain_size > 0, "the request");
    must(SSL_read(connection->client, answer, sizeof(answer)) == (int)size, "the answer");
}

void client_end(struct connection *connection) {
    SSL_set_shutdown(connection->client, SSL_SENT_SHUTDOWN); /* else its session would be given up */
    SSL_free(connection->client);
    connection->client = NULL;
    connection->to_client.begin = connection->to_client.end = 0;
    connection->to_server.begin = connection->to_server.end = 0;
}

/* --- the certificate -------------------------------------------------------------------------------------- */

static FILE *file_make(char path[64]) {
    int fd = memfd_create("tls-floor", 0);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    FILE *file = fdopen(dup(fd), "w");
    must(fd >= 0 && file != NULL, path);
    return file;
}

void certificate_make(char chain_path[64], char key_path[64]) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    must(key != NULL && made != NULL && X509_set_version(made, X509_VERSION_3) == 1, "a key of P-256");
    X509_NAME *name = X509_get_subject_name(made);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"localhost", -1, -1,
                                    0) == 1 &&
             X509_set_issuer_name(made, name) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(made), -DAY_S) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(made), DAY_S) != NULL && X509_set_pubkey(made, key) == 1 &&
             X509_sign(made, key, EVP_sha256()) > 0,
         "a certificate");
    FILE *chain = file_make(chain_path), *secret = file_make(key_path);
    must(PEM_write_X509(chain, made) == 1 &&
             PEM_write_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(chain) == 0 &&
             fclose(secret) == 0,
         "writing the certificate");
    X509_free(made);
    EVP_PKEY_free(key);
}
