/* SPDX-License-Identifier: MIT
 *
 * protocols: what is spoken here, and what each protocol keeps: a service for the process, a part of every
 * worker thread.
 *
 *      process     struct protocols: the store and one service per protocol
 *      thread      struct thread (private): the store's part and each service's part for one worker
 *      listen      struct server_protocol: the protocol, and how it finds its part of a thread
 *
 * A protocol more is a row of the table, a service and a part.
 */
#ifndef RIPOSTE_SERVER_PROTOCOLS_H
#define RIPOSTE_SERVER_PROTOCOLS_H

#include <stdbool.h>

#include "failure.h"
#include "options_table.h"
#include "riposte/bytes.h"
#include "riposte/engine.h"
#include "riposte/metrics.h"
#include "wall_clock.h"

struct hotkeys;
struct latency;
struct slow_log;
struct http_service;
struct memcached_service;
struct store;
struct tls;
struct encryption;

/* What a listen can speak. */
struct server_protocol {
    const char *name; /* in proto[name]: */
    const struct protocol *protocol;
    const char *scheme;    /* before the addresses of the start line: "http", or "" */
    const char *port_word; /* of its lines in the file of MEMCACHED_PORT_FILENAME */

    /* For engine_listen.context_of: of a listen that others than this machine reach, and of one that they do not. */
    void *(*context_of)(void *worker_user);
    void *(*loopback_context_of)(void *worker_user);

    /* Changes *limits, which are those of the configuration, to its own; NULL: they are. */
    void (*limits)(const struct options *options, struct engine_limits *limits);
};

enum {
    PROTOCOLS_COUNT = 5,
    HTTP_ADMIN_CONNECTIONS_MAX = 64, /* of --http-admin: people and their monitoring */
};

/* Every name once. */
extern const struct server_protocol protocols_table[PROTOCOLS_COUNT];

/* NULL when nothing is called so. */
const struct server_protocol *protocols_find(struct bytes name);

/* What all threads share; constant while they run, lives longer than they do. */
struct protocols {
    struct store *store;                 /* borrowed */
    const struct engine *engine;         /* borrowed */
    uint64_t conn_memory_size_max;       /* bytes that its connections may hold together */
    struct hotkeys *hotkeys;             /* owned; NULL with -X: nobody is to list keys */
    struct latency *latency;             /* owned; NULL with --no-latency */
    struct slow_log *slow_log;           /* owned; NULL without --slow-us */
    struct memcached_service *memcached; /* owned */
    struct http_service *http;           /* owned; NULL where no listen speaks it */
    struct tls *tls;                     /* borrowed; NULL where no listen speaks it */
    struct tls_worker **tls_workers;     /* its parts, owned: one per worker, NULL before its first start */
    unsigned tls_workers_count;          /* 0 without it */
    struct wall_clock wall_clock;        /* the store's beside the world's */
};

/* Who the services work for. */
struct protocols_parts {
    struct store *store;
    struct engine *engine;
    struct encryption *encryption; /* for as long as the services live */
    struct options *options;       /* for as long as the services live */
    struct metrics_source metrics; /* of all but the protocols */
    bool has_http;                 /* a listen speaks it */
    size_t files_size;             /* bytes of -m that are for its files */
};

/* The services. False and *failure, with nothing left: flags that do not go together, or memory has ended. */
bool protocols_create(struct protocols *protocols, const struct protocols_parts *parts,
                      struct failure *failure);

/* What has to be saved with the items is in the store afterwards, which is saved later. */
void protocols_destroy(struct protocols *protocols);

/*
 * -Y and --http-token-file; called again for SIGHUP. False and *failure leave in force what was. Nothing where
 * no file is named.
 */
bool protocols_load_passwords(struct protocols *protocols, const struct options *options,
                              struct failure *failure);
bool protocols_load_token(struct protocols *protocols, const struct options *options,
                          struct failure *failure);

/* The access log of HTTP, where there is one, may have been moved away. */
void protocols_reopen_log(struct protocols *protocols);

/* The stop begins: who asks is told so. */
void protocols_drain(struct protocols *protocols);

/* For engine_listen.filter_context_of. */
void *protocols_filter_context(void *worker_user, unsigned listen_index);

/*
 * The hooks of an engine whose workers share `protocols`, which is filled in before they start. Each makes a
 * thread's parts, moves the store's on once per turn, takes it offline around every sleep, and ends them.
 */
struct engine_hooks protocols_hooks(struct protocols *protocols);

#endif
