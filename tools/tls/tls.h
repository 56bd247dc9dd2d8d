/* SPDX-License-Identifier: MIT
 *
 * tls: the client's side of TLS for the tools, between bytes of the wire and bytes of a protocol. It knows no sockets:
 * whoever has one carries the bytes.
 *
 *      received --tls_input--> [ session ] --tls_read--> plain
 *      plain   --tls_write--> [ session ] --tls_output_take, sent, tls_output_sent--> the wire
 *
 * A context is what all connections share and is read only once it is made; a session belongs to one thread. Built with
 * TLS=no there is no context to be had, and nothing else is called.
 */
#ifndef TOOLS_TLS_H
#define TOOLS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "riposte/bytes.h"

/* The most plain bytes that one record brings: what is read into has this size at least. */
enum { TLS_PLAIN_SIZE_MAX = 16384, TLS_TEXT_SIZE_MAX = 160, TLS_SUITE_SIZE_MAX = 64 };

enum tls_version { TLS_VERSION_AUTO, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* What the user asks for; texts are borrowed from the command line. */
struct tls_settings {
    bool is_on;
    bool no_verify;      /* whoever answers is believed */
    bool resume;         /* a session that was offered is taken up again, else each handshake is a full one */
    const char *ca_path; /* of certificates that are trusted; NULL: the system's */
    const char *cert_path;    /* of the client's certificate chain; NULL: none */
    const char *key_path;     /* NULL: in cert_path too */
    const char *name;         /* asked for and checked; NULL: the host of the target */
    const char *ciphers;      /* suites of TLS 1.3, or ciphers of 1.2, colons between; NULL: OpenSSL's */
    enum tls_version version; /* only this one */
};

struct tls_context;
struct tls;

enum tls_status {
    TLS_DONE,   /* what was asked for */
    TLS_MORE,   /* the input is used up; more must be received first */
    TLS_ENDED,  /* the other end said that nothing more comes */
    TLS_BROKEN, /* tls_reason says why */
};

/*
 * host: what was connected to, a name or an address. alpn: the protocol above, or NULL to offer none. NULL: *failure,
 * with `exit_status`.
 */
struct tls_context *tls_context_create(const struct tls_settings *settings, const char *host,
                                       const char *alpn, int exit_status, struct failure *failure);
void tls_context_destroy(struct tls_context *context); /* may be NULL */

/* A slot for one connection after another; it keeps what resumes the last one. NULL: no memory. */
struct tls *tls_create(struct tls_context *context);
void tls_destroy(struct tls *tls); /* may be NULL */

/* A new connection. False: no memory. tls_end is due. */
bool tls_begin(struct tls *tls);

/* Ends it without a word; output that was taken stays where it is until the next tls_output_take. */
void tls_end(struct tls *tls);

/* Says that nothing more will be sent: the words wait as output. */
void tls_close(struct tls *tls);

/* What was received; borrowed until it is read or dropped. */
void tls_input(struct tls *tls, struct bytes received);

/* The rest of it is not wanted: nobody reads on. */
void tls_input_drop(struct tls *tls);

/* Goes on with the handshake. Output may wait after each answer, TLS_BROKEN included (an alert). */
enum tls_status tls_handshake(struct tls *tls);

/* Plain bytes of one record; `size` is TLS_PLAIN_SIZE_MAX or more. After the handshake. */
enum tls_status tls_read(struct tls *tls, char *plain, size_t size, size_t *got);

/* Adds plain bytes to the output. False: no memory. After the handshake. */
bool tls_write(struct tls *tls, struct bytes plain);

/* Whether bytes wait for the wire: those not taken, or taken and not sent. */
bool tls_has_output(const struct tls *tls);

/*
 * What is to be sent: it neither moves nor changes until tls_output_sent has told of all of it, whatever is written
 * meanwhile. Not empty when tls_has_output.
 */
struct bytes tls_output_take(struct tls *tls);

/* So many bytes of what was taken have left. True: all of it. */
bool tls_output_sent(struct tls *tls, size_t size);

/* --- what is told --- */

/* Why it broke, as a text for people. */
const char *tls_reason(const struct tls *tls);

/* Whether the handshake took up an earlier session. After the handshake. */
bool tls_is_resumed(const struct tls *tls);

/* "TLSv1.3 TLS_AES_128_GCM_SHA256". After the handshake. */
void tls_suite(const struct tls *tls, char text[TLS_SUITE_SIZE_MAX]);

#endif
