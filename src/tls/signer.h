/* SPDX-License-Identifier: MIT
 *
 * signer: a thread beside a worker, for handshakes with a key so slow that others would wait for its signature. It takes the CPU only
 * when the worker leaves it, as far as the kernel lets it say so.
 *
 *      worker                                           signer
 *      signer_submit: the SSL gets BIOs of its own,
 *      and is pushed onto `waiting` ---release----------acquire--> all are taken, oldest first
 *                                                       SSL_do_handshake, up to where the client is to answer
 *      signing_is_done <---acquire----------release---- state: DONE, and the worker is woken
 *      signing_end: the SSL is the connection's again
 *
 * An SSL is used by one thread at a time: by the worker before the push and from the moment at which it finds DONE, by the signer in
 * between. It finds there what the worker wrote, as the push releases what the take acquires; and the same way back by `state`. What
 * callbacks of OpenSSL look at meanwhile is a stand-in for the connection: its slot may have another owner by then.
 *
 * A connection that closes meanwhile leaves its signing to whoever is last. Each side's last touch is an exchange of `state`, the
 * worker's to DROPPED, the signer's to DONE: one of the two comes second, finds the other's word and frees. Nobody waits for the other.
 */
#ifndef TLS_SIGNER_H
#define TLS_SIGNER_H

#include <stdatomic.h>

#include "connection.h"

/* Of a worker, that wait: as many as all workers together may have handshakes by default (openings_max of the engine). */
enum { SIGNINGS_MAX = 1024 };

enum signing_state { SIGNING_WAITS, SIGNING_DONE, SIGNING_DROPPED };

/* A handshake that has come to its signature. */
struct signing {
    struct signing *next; /* in the signer's queue */
    _Atomic int state;    /* enum signing_state */
    SSL *ssl;             /* owned until signing_end */
    BIO *wire;            /* what the connection reads and writes; owned, and used by nobody meanwhile */
    BIO *said;            /* what OpenSSL writes to instead; the SSL's */
    struct tls_endpoint endpoint;
    struct tls_connection stand_in;
    uint64_t submitted_ns; /* monotonic */
    bool failed;
    const char *reason; /* OpenSSL's, where it failed; static; NULL: it has none */
};

struct signer;

/* A thread for worker `worker_index`. NULL: there is none to be had. config->wake is called from it when a signing is done. */
struct signer *signer_create(const struct tls_config *config, unsigned worker_index);

/* All connections of the worker have closed. NULL is taken. */
void signer_destroy(struct signer *signer);

/*
 * It has signed nothing for longer than signature_wait_ns_max although there was something: others want all CPUs, all the time. From then on
 * one at a time may be submitted, until one is done within that time. The worker's thread.
 */
bool signer_is_late(struct signer *signer);

/*
 * The SSL is the signer's from here on, and connection->signing is set. False: there are SIGNINGS_MAX, or memory has ended; then nothing
 * is changed. The worker's thread, as all below.
 */
bool signer_submit(struct signer *signer, struct tls_connection *connection);

static inline bool signing_is_done(const struct signing *signing) {
    /* acquire: pairs with the exchange of signer_serve; what the signer has done with the SSL is seen. */
    return atomic_load_explicit(&signing->state, memory_order_acquire) == SIGNING_DONE;
}

/* It is done: the SSL is the connection's again, and what it has to say is in `output`. False: the handshake has failed, for *reason. */
bool signing_end(struct tls_connection *connection, struct reply *output, const char **reason);

/* The connection closes, and leaves its SSL and what it holds of contexts to the signing. */
void signing_drop(struct tls_connection *connection);

#endif
