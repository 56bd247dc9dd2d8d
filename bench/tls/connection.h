/* SPDX-License-Identifier: MIT
 *
 * connection: a server and a client of TLS in one process, with two copies between them instead of a network.
 *
 *      client (OpenSSL) --to_server--> server_kind: OpenSSL alone, or the filter of src/tls
 *                       <--to_client--
 *
 * The client's steps and the server's take turns; only the server's are counted. A step that does not come out as it must
 * ends the program: a measurement without its subject has nothing to say.
 */
#ifndef BENCH_TLS_CONNECTION_H
#define BENCH_TLS_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    WIRE_SIZE_MAX = 4096, /* bytes under way in one direction: the longest flight has some 1,000 */
    PLAIN_SIZE_MAX = 2048,
    CONNECTIONS_COUNT = 64, /* at a time, as in bench/run */
};

struct wire {
    size_t begin, end;
    unsigned char bytes[WIRE_SIZE_MAX];
};

struct connection {
    struct wire to_server, to_client;
    void *server;         /* the server kind's; owned while it is open */
    SSL *client;          /* owned while it is open */
    SSL_SESSION *session; /* of the last ticket; owned. NULL: none */
    size_t plain_size;    /* bytes that the server has read last */
    char plain[PLAIN_SIZE_MAX];
};

/* A server. All functions but create and destroy are counted. */
struct server_kind {
    const char *name;
    void (*create)(void);
    void (*open)(struct connection *connection);
    void (*receive)(struct connection *connection); /* the handshake goes on, or plain bytes are read */
    void (*send)(struct connection *connection, size_t size); /* so many plain bytes */
    void (*close)(struct connection *connection);             /* close_notify, and all memory */
    void (*destroy)(void);
};

extern const struct server_kind server_openssl; /* nothing but OpenSSL */
extern const struct server_kind server_riposte; /* the filter of src/tls */

/* The steps of the client. */
void client_hello(struct connection *connection, SSL_CTX *context, bool resumes);
void client_finish(struct connection *connection);
void client_take_ticket(struct connection *connection, bool resumes);
void client_ask(struct connection *connection, size_t size);
void client_hear(struct connection *connection, size_t size);
void client_end(struct connection *connection);

/* TLS 1.3, AES-128-GCM, a key share of that group ("X25519", "P-256"). */
SSL_CTX *client_context_create(const char *group);

/* A certificate and key of P-256 in memory: paths that can be opened, for the life of the process. */
void certificate_make(char chain_path[64], char key_path[64]);

/* A BIO over two wires, which are borrowed. */
BIO *wire_bio_create(struct wire *in, struct wire *out);

void must(bool done, const char *what);

#endif
