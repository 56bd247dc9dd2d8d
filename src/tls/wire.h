/* SPDX-License-Identifier: MIT
 *
 * wire: OpenSSL's input and output without a socket: it reads the bytes that the engine has received, where they are, and
 * writes behind what waits to be sent.
 */
#ifndef TLS_WIRE_H
#define TLS_WIRE_H

#include <openssl/bio.h>
#include <stdint.h>

struct tls_worker;

/* How far a connection's bytes have been read, all zero at its begin: between two records, or within one. */
struct wire_record {
    uint16_t body_size;  /* bytes that are left of its body; as far as the header is known */
    uint8_t header_size; /* bytes of its header that were read: 5 within the body, 0 between records */
};

/* The kind of BIO; NULL when memory ends. BIO_meth_free frees it, when no BIO is left. */
BIO_METHOD *wire_method_create(void);

/*
 * A BIO on worker->received and worker->output, which are set around every call of OpenSSL. Reading takes from the front
 * of `received`, and says "try again" when nothing is left. NULL when memory ends.
 *
 * A read ends where a record does (RFC 8446 section 5.1). So OpenSSL may ask for as much as it has room for (read_ahead), which saves it a
 * read for each record, and yet takes no record before the one in front of it was dealt with.
 */
BIO *wire_create(struct tls_worker *worker);

#endif
