/* SPDX-License-Identifier: MIT
 *
 * tls_client: a client that speaks TLS where it is not spoken. It is told so in its own words, so that whoever set it up reads
 * "handshake failure" and not that a line is malformed.
 */
#ifndef PROTOCOL_TLS_CLIENT_H
#define PROTOCOL_TLS_CLIENT_H

#include "riposte/reply.h"

/* Of everything that such a client sends: a record of a handshake (RFC 8446 section 5.1). No protocol here begins so. */
enum { TLS_CLIENT_FIRST_BYTE = 0x16 };

/* A record with an alert: fatal, handshake_failure (RFC 8446 section 6). Then the end. */
static inline void tls_client_refuse(struct reply *reply) {
    static const char alert[] = {0x15, 3, 1, 0, 2, 2, 40};
    reply_copy(reply, bytes_of(alert, sizeof(alert)));
    reply_close_error(reply);
}

#endif
