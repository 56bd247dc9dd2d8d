/* SPDX-License-Identifier: MIT
 *
 * context: what connections are made from: one SSL_CTX for each certificate of the configuration.
 *
 * A worker has a set of its own, so that its connections count references that nobody else writes to. After a refresh the
 * old set stays as long as a connection of it is open.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>

#include "material.h"
#include "riposte/tls.h"

struct contexts {
    SSL_CTX *of[TLS_CERTIFICATES_MAX]; /* owned */
    unsigned count;
    int64_t ends_s;     /* Unix time at which the first of the servers' own certificates ends */
    uint32_t slow_keys; /* whose signatures are for a signer (signer.h), a bit for each of `of` */
    /* The worker while they are its newest, each connection, and a signing whose connection has gone: that is on another thread. */
    _Atomic uint32_t holders_count;
};

/*
 * For the holder that calls, which releases them. -EINVAL and a sentence in `message`: what stands in the files cannot be
 * used. Any thread.
 */
int contexts_create(const struct tls_config *config, const struct material *material,
                    struct contexts **contexts, char message[TLS_MESSAGE_SIZE_MAX]);

/*
 * CPU time that a signature takes, with the key for which it takes longest. Sets slow_keys, by slow_signature_ns of the configuration;
 * other sets of the same material have the same.
 */
uint64_t contexts_measure(struct contexts *contexts, const struct tls_config *config);

static inline void contexts_hold(struct contexts *contexts) {
    /* relaxed: the caller holds them already, or is the worker. */
    atomic_fetch_add_explicit(&contexts->holders_count, 1, memory_order_relaxed);
}

/* The last one frees. NULL is taken. */
void contexts_release(struct contexts *contexts);

#endif
