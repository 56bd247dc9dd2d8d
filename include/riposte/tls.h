/* SPDX-License-Identifier: MIT
 *
 * tls: TLS 1.2 and 1.3 as a filter for the engine (riposte/filter.h), on OpenSSL 3.
 *
 * One struct tls for the process, one struct tls_worker per worker thread: each has contexts of its own, so that
 * nothing is shared on the path of a connection but the keys of session tickets.
 *
 *      tls_create --> tls_worker_create (per thread) --> tls_worker_context (per listen) --> engine
 *          |  reads the files, the private keys among them: call it before rights are given away
 *          +--> tls_refresh: what the files say now is for connections that come from then on
 *
 * A build without TLS (make TLS=no) has these functions, too: tls_create fails with -ENOTSUP.
 */
#ifndef RIPOSTE_TLS_H
#define RIPOSTE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/counter.h"
#include "riposte/filter.h"
#include "riposte/metrics.h"
#include "riposte/numbers.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tls;
struct tls_worker;

/* Its context is what tls_worker_context returns. */
extern const struct filter tls_filter;

/* Whether this build can speak it at all. */
bool tls_is_built(void);

enum {
    TLS_CERTIFICATES_MAX = 16,
    TLS_FILE_SIZE_MAX = 4 * 1024 * 1024, /* bytes of one file of certificates or keys */
    TLS_MESSAGE_SIZE_MAX = 512,          /* bytes of what is said to the operator, terminator included */
};

/* What a client is asked for. */
enum tls_verify {
    TLS_VERIFY_NONE,
    TLS_VERIFY_ASK, /* a certificate is looked at where the client shows one; a bad one ends the handshake */
    TLS_VERIFY_REQUIRE, /* without a good one there is no connection */
};

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* A chain of certificates, the server's own first, and its private key: PEM, without a passphrase. */
struct tls_certificate {
    const char *chain_path; /* borrowed for the life of the struct tls */
    const char *key_path;   /* the same; may be the same file */
};

/* What the connections of one listen get. */
struct tls_listen {
    bool used;              /* false: it is plain, and has no context */
    enum tls_verify verify; /* needs a ca_path unless NONE */
    const char
        *alpn; /* the only protocol offered (RFC 7301), of at most 255 bytes; NULL: none. Static storage */
    const char *
        plain_text; /* what a client that does not speak TLS reads before its end; NULL: nothing. Static storage */
};

struct tls_config {
    struct tls_certificate certificates
        [TLS_CERTIFICATES_MAX];  /* by the name a client asks for (SNI); the first for all others */
    unsigned certificates_count; /* 1 to TLS_CERTIFICATES_MAX */
    const char *ca_path;         /* PEM: who may have signed clients' certificates; NULL: nobody. Borrowed */

    /* Cipher suites in OpenSSL's words, those of TLS 1.3 by names that begin with TLS_; NULL: the good ones. Borrowed */
    const char *ciphers;

    enum tls_version version_min;
    bool tickets;                     /* sessions are resumed by ticket (RFC 5077, RFC 8446 section 4.6.1) */
    const struct tls_listen *listens; /* listens_count of them, in the engine's order; copied */
    unsigned listens_count;
    unsigned workers_max; /* as the engine's */

    /*
     * A signature that takes a CPU at least so long is made by a thread beside the worker, which waits for nothing then; 0: none is. A
     * worker has that thread if a key is as slow when the first of its index is made; without it signs by itself.
     */
    uint64_t slow_signature_ns;

    /*
     * Where that thread has had something to do and has signed nothing for so long, as all CPUs are wanted by others, the worker signs by
     * itself, but for one at a time with which that thread is tried; 0: it never does. Handshakes that wait already go on waiting.
     */
    uint64_t signature_wait_ns_max;

    /* Called by that thread when receive may be called again: engine_wake_worker. NULL: whoever calls asks `ready`. */
    void (*wake)(void *user, unsigned worker_index);
    void *wake_user; /* borrowed for the life of the struct tls */
};

/*
 * X(name, help): what a worker counts.
 */
#define TLS_COUNTERS(X)                                                                                      \
    X(handshakes, "handshakes completed")                                                                    \
    X(handshakes_resumed, "of these, that went on with an earlier session")                                  \
    X(signatures_apart, "signatures with a slow key, made by a thread beside the worker")                    \
    X(signatures_late, "signatures with a slow key, made by the worker: that thread got no CPU")             \
    X(handshake_errors, "handshakes that failed")                                                            \
    X(protocol_errors, "connections ended by what cannot be, after their handshake")                         \
    X(plain_clients, "connections whose client did not speak TLS")                                           \
    X(truncations, "connections that ended without close_notify: what came may have been cut")               \
    X(tickets, "session tickets given")                                                                      \
    X(records_sent, "records of data sent")

struct tls_counters {
#define TLS_COUNTER_FIELD(name, help) struct counter name;
    TLS_COUNTERS(TLS_COUNTER_FIELD)
#undef TLS_COUNTER_FIELD
};

/* What there is to know about the certificates in force. */
struct tls_status {
    int64_t certificate_ends_s; /* Unix time at which the first of them ends */
    uint64_t refreshed_ns;      /* monotonic time at which the files were last read with success */
    uint64_t refreshes;         /* how often that was, the start not counted */
    uint64_t refresh_errors;    /* readings that failed, so that the old ones stayed */
    uint64_t signature_ns;      /* CPU time of a signature with the slowest key: most of a full handshake's */
};

/*
 * Reads the files and makes a set of contexts to try them. 0 and *tls; or a negative errno (-EINVAL: what stands in
 * them, -ENOTSUP: a build without TLS, -ENOMEM, what opening a file gave) and one sentence in `message`. Main thread.
 */
int tls_create(const struct tls_config *config, struct tls **tls, char message[TLS_MESSAGE_SIZE_MAX]);

/* All workers are gone. NULL is taken. */
void tls_destroy(struct tls *tls);

/*
 * Reads all files again; connections that come from now on get what they say. 0; or as tls_create, and what was in force
 * stays. One thread at a time.
 */
int tls_refresh(struct tls *tls, char message[TLS_MESSAGE_SIZE_MAX]);

/* Whether a file differs from what was read last, by its time, size and inode. Some system calls. One thread, as tls_refresh. */
bool tls_files_changed(const struct tls *tls);

/* New keys for tickets when the old ones have served a day. now_ns: monotonic. One thread, as tls_refresh. */
void tls_rotate_tickets(struct tls *tls, uint64_t now_ns);

/*
 * The keys of tickets, for the process that goes on with this one's work: clients resume there what began here. Of a
 * fixed size, for processes on one machine (its byte order). Whoever holds one wipes it when done (explicit_bzero(3)):
 * with it a client can pretend to be one whose certificate was looked at, for two days.
 */
enum { TLS_TICKETS_VERSION = 1, TLS_TICKET_KEY_SIZE = 80 };

struct tls_tickets {
    uint32_t version; /* TLS_TICKETS_VERSION; whoever does not know it makes nothing of the rest */
    uint32_t count;   /* keys that follow: 1, or 2 when there is one before the newest */
    uint64_t age_ns;  /* for which the newest has sealed */
    unsigned char
        keys[2][TLS_TICKET_KEY_SIZE]; /* the newest first: name (16 bytes), cipher's (32), digest's (32) */
};

/* A copy of them. now_ns: monotonic. Any thread. */
void tls_tickets_export(struct tls *tls, uint64_t now_ns, struct tls_tickets *tickets);

/*
 * Puts them in the place of those in force, for all workers; they rotate as if they had been made here. False, and nothing
 * happens: another version, a count of none, or a key of zeros. Any thread.
 */
bool tls_tickets_import(struct tls *tls, uint64_t now_ns, const struct tls_tickets *tickets);

/* Any thread. */
struct tls_status tls_status(const struct tls *tls);
void tls_counters_sum(const struct tls *tls, struct tls_counters *sum);

/*
 * The sums, for another process that goes on with them (riposte/numbers.h). While the engine is frozen; before a first worker
 * exists. Any one thread.
 */
void tls_counters_save(const struct tls *tls, struct record_writer *writer);
void tls_counters_load(struct tls *tls, struct numbers *numbers);

/* The same for whoever writes it down. Any thread. */
struct metrics_source tls_metrics(struct tls *tls);

/* For a worker's thread, worker_index below workers_max. NULL when memory ends. */
struct tls_worker *tls_worker_create(struct tls *tls, unsigned worker_index);

/* After the last connection of the worker has closed. Its counters stay in the sums. */
void tls_worker_destroy(struct tls_worker *worker);

/* The filter's context for connections of that listen, which is `used`. Lives as long as the worker. */
void *tls_worker_context(struct tls_worker *worker, unsigned listen_index);

#ifdef __cplusplus
}
#endif

#endif
