/* SPDX-License-Identifier: MIT
 *
 * ticket: the keys that session tickets are sealed with (RFC 5077), for all workers.
 *
 * A key seals for a day and opens for one more. Nothing of a session is kept here: a client brings its ticket back, to
 * whichever worker.
 */
#ifndef TLS_TICKET_H
#define TLS_TICKET_H

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "riposte/tls.h"

enum {
    TICKET_NAME_SIZE = 16,       /* SSL_CTX_set_tlsext_ticket_key_evp_cb(3) */
    TICKET_SECRET_SIZE = 32,     /* AES-256-CBC, and HMAC-SHA-256 */
    TICKET_KEY_S = 24 * 60 * 60, /* for which a key seals; also how long a ticket is good for */
};

struct ticket_key {
    unsigned char name[TICKET_NAME_SIZE];
    unsigned char cipher[TICKET_SECRET_SIZE];
    unsigned char mac[TICKET_SECRET_SIZE];
};

static_assert(sizeof(struct ticket_key) == TLS_TICKET_KEY_SIZE, "as it is passed on");
static_assert(sizeof(struct tls_tickets) == 16 + 2 * TLS_TICKET_KEY_SIZE, "no gaps: all of it is written");

struct ticket_keys {
    pthread_mutex_t mutex; /* held for a copy of a key: twice a handshake at most */
    struct ticket_key now;
    struct ticket_key before;
    bool has_before;
    uint64_t made_ns; /* monotonic time of `now`'s beginning */
};

/* Makes the first key. 0, or -EIO: there is no randomness. */
int ticket_keys_init(struct ticket_keys *keys, uint64_t now_ns);
void ticket_keys_deinit(struct ticket_keys *keys);

/* A new key, when the one in use has sealed for a day. Without randomness the old one goes on. */
void ticket_keys_rotate(struct ticket_keys *keys, uint64_t now_ns);

/* tls_tickets_export and _import. */
void ticket_keys_export(struct ticket_keys *keys, uint64_t now_ns, struct tls_tickets *tickets);
bool ticket_keys_import(struct ticket_keys *keys, uint64_t now_ns, const struct tls_tickets *tickets);

/*
 * For the callback of SSL_CTX_set_tlsext_ticket_key_evp_cb: seals with the newest key, opens with either; what a key before
 * the newest opens is given anew (2).
 */
int ticket_prepare(struct ticket_keys *keys, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, bool seals);

#endif
