/* SPDX-License-Identifier: MIT
 *
 * service: what the parts of this folder share: the process's struct tls and a worker's struct tls_worker.
 *
 *      struct tls -- owns --> material (files as read), tickets (keys), slots: one per worker
 *      slot       -- next --> contexts made by the main thread at a refresh; the worker takes them at its next accept
 */
#ifndef TLS_SERVICE_H
#define TLS_SERVICE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "context.h"
#include "log_limit.h"
#include "material.h"
#include "riposte/tls.h"
#include "ticket.h"
#include "wire.h"

/* One listen on one worker: the filter's context. */
struct tls_endpoint {
    struct tls_worker *worker;
    const struct tls_listen *listen; /* the struct tls's */
};

struct tls_worker {
    struct tls *tls;
    unsigned index;
    struct contexts *contexts; /* for connections that come now; owned */
    struct signer *signer;     /* the slot's; NULL: there is none */

    /* The bytes that OpenSSL reads and writes by its BIO (wire.h), while a function of the filter runs. */
    struct bytes received;
    struct wire_record *record; /* the connection's */
    unsigned reads;             /* of `received` that OpenSSL has made: none of more than a record */
    struct reply *output;
    char *gather; /* room for one record of plain bytes from many pieces; owned */

    struct tls_endpoint *endpoints; /* one per listen; owned */
};

/* What outlives a worker. */
struct tls_slot {
    alignas(64) struct tls_counters counters; /* written by the worker */
    struct signer
        *signer; /* owned; made by the first worker of this slot, that of the next one, too. NULL: none */
    _Atomic(struct contexts *)
        next; /* for the worker to take; NULL: none. Owned by whoever exchanges it out */
};

struct tls {
    struct tls_config config;   /* a copy; listens points to own memory */
    struct tls_listen *listens; /* owned */
    struct material *material;  /* what is in force; owned. Guarded by `mutex` */
    pthread_mutex_t mutex;      /* between the main thread and workers that start, or ask for the status */
    struct tls_status status;   /* guarded by `mutex` */
    uint32_t slow_keys;         /* of `material`, a bit for each certificate; guarded by `mutex` */
    struct ticket_keys tickets;
    BIO_METHOD *wire_method; /* owned */
    struct tls_slot *slots;  /* workers_max of them; owned */
    struct log_limit lines;  /* about single connections */
};

/* Those for a connection that comes now: after a refresh the new ones. The worker's thread only. */
struct contexts *worker_contexts(struct tls_worker *worker);

static inline struct tls_counters *tls_worker_counters(struct tls_worker *worker) {
    return &worker->tls->slots[worker->index].counters;
}

#endif
