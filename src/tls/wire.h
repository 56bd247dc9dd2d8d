/* SPDX-License-Identifier: MIT
 *
 * wire: OpenSSL's input and output without a socket: it reads the bytes that the engine has received, where they are, and
 * writes behind what waits to be sent.
 */
#ifndef TLS_WIRE_H
#define TLS_WIRE_H

#include <openssl/bio.h>

struct tls_worker;

/* The kind of BIO; NULL when memory ends. BIO_meth_free frees it, when no BIO is left. */
BIO_METHOD *wire_method_create(void);

/*
 * A BIO on worker->received and worker->output, which are set around every call of OpenSSL. Reading takes from the front
 * of `received`, and says "try again" when nothing is left. NULL when memory ends.
 */
BIO *wire_create(struct tls_worker *worker);

#endif
