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
#include <stdint.h>

#include "material.h"
#include "riposte/tls.h"

struct contexts {
    SSL_CTX *of[TLS_CERTIFICATES_MAX]; /* owned */
    unsigned count;
    int64_t ends_s;         /* Unix time at which the first of the servers' own certificates ends */
    uint32_t holders_count; /* the worker while they are its newest, and each connection; its thread only */
};

/*
 * For the holder that calls, which releases them. -EINVAL and a sentence in `message`: what stands in the files cannot be
 * used. Any thread.
 */
int contexts_create(const struct tls_config *config, const struct material *material,
                    struct contexts **contexts, char message[TLS_MESSAGE_SIZE_MAX]);

/* CPU time that a signature takes, with the key for which it takes longest. */
uint64_t contexts_signature_ns(const struct contexts *contexts);

static inline void contexts_hold(struct contexts *contexts) {
    contexts->holders_count++;
}

/* The last one frees. NULL is taken. */
void contexts_release(struct contexts *contexts);

#endif
