/* SPDX-License-Identifier: MIT
 *
 * tls_talk: the filter of TLS and a client of OpenSSL's, in one process and without sockets: what one writes is given to the
 * other in pieces of any size.
 */
#ifndef TESTS_TLS_TALK_H
#define TESTS_TLS_TALK_H

#include <openssl/ssl.h>

#include "certificate.h"
#include "riposte/reply.h"
#include "riposte/tls.h"

enum { TLS_TALK_PLAIN_SIZE_MAX = 1 << 20 };

/* A server that is ready for clients. */
struct tls_place {
    char folder[CERTIFICATE_PATH_SIZE_MAX];
    struct certificate authority;
    struct certificate own;  /* of "server.test", signed by `authority` */
    struct certificate mine; /* of "client.test", the same */
    struct tls_listen listen;
    struct tls_config config;
    struct tls *tls;
    struct tls_worker *worker;
};

/* Certificates and a configuration; tls_place_open makes the server of it, after changes. */
void tls_place_init(struct tls_place *place);
void tls_place_open(struct tls_place *place);
void tls_place_close(struct tls_place *place);

/* One connection. */
struct tls_talk {
    struct tls_place *place;
    void *context;       /* the filter's */
    void *state;         /* the filter's; owned */
    struct reply output; /* of the filter, not yet given to the client */
    SSL_CTX *client_context;
    SSL *client;
    char *plain; /* what the filter has decrypted; TLS_TALK_PLAIN_SIZE_MAX bytes; owned */
    size_t plain_size;
    size_t plain_room;     /* plain_size_max of each call; 4096 by default */
    size_t piece_size_max; /* bytes of the client that are given at a time; SIZE_MAX by default */
    enum filter_next next; /* what receive said last */
};

/* The connection is open; nothing has been said. */
void tls_talk_begin(struct tls_talk *talk, struct tls_place *place);
void tls_talk_end(struct tls_talk *talk);

/* Gives bytes that the client may not have written to the filter, as tls_talk_exchange does. */
void tls_talk_receive(struct tls_talk *talk, const void *data, size_t size);

/* Carries bytes in both directions until there are none. */
void tls_talk_exchange(struct tls_talk *talk);

/* The handshake, to its end or its failure; true when both sides are done. */
bool tls_talk_shake(struct tls_talk *talk);

/* The client says it, and it is carried. */
void tls_talk_say(struct tls_talk *talk, const void *data, size_t size);

/* The filter sends it, in `count` pieces of about the same size; returns how many bytes it has taken. */
size_t tls_talk_send(struct tls_talk *talk, const void *data, size_t size, unsigned count);

/* What the client reads, up to size_max bytes; *error as SSL_get_error when it is nothing. */
size_t tls_talk_hear(struct tls_talk *talk, void *data, size_t size_max, int *error);

#endif
