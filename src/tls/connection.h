/* SPDX-License-Identifier: MIT
 *
 * connection: one connection: its handshake, and its bytes in both directions.
 *
 *      first byte --is no record--> plain_text, closed
 *          |
 *      handshake --fails--> alert, closed
 *          |
 *      records in: decrypted to where the engine wants them         records out: up to 16 KiB of plain bytes in each
 *          |
 *      close_notify of the client: its input ends                    close_notify of ours: when everything was sent
 *
 * A handshake with a slow key is with the worker's signer for its signature (signer.h): the SSL is not touched here meanwhile.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "context.h"
#include "service.h"
#include "wire.h"

/* The filter's state: in the connection's slot, all zero at its begin. */
struct tls_connection {
    SSL *ssl;                            /* owned; NULL: memory had ended */
    const struct tls_endpoint *endpoint; /* of its listen; the worker's */
    struct contexts *contexts;           /* held */
    struct signing *signing;             /* while a signer has the SSL; NULL: it is here (signer.h) */
    uint32_t size;                       /* bytes that OpenSSL holds for it while no record is cut; about */
    uint32_t handshake_size;             /* bytes of the wire that its handshake has taken so far */
    uint8_t asides;            /* updates of keys, and alerts of ours, since it has last brought data */
    struct wire_record record; /* of what it has received */
    bool holds_record;         /* OpenSSL may hold a record that is cut, or was not read to its end */
    bool spoken;               /* its first byte has come, and is one of TLS */
    bool established;          /* the handshake is done */
    bool ended;                /* close_notify has come */
    bool failed;               /* an alert was sent or received: nothing more is */
    bool may_sign;             /* it stands in for one whose SSL a signer has, or its signer is late */
};

/* Whose SSL it is. */
static inline struct tls_connection *connection_of(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

#endif
