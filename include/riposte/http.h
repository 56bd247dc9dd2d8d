/* SPDX-License-Identifier: MIT
 *
 * http: HTTP/1.1 over a store, as a protocol for the engine.
 *
 *      /                a page that shows how the server is; people keep it open
 *      /cache/<key>     GET HEAD PUT POST DELETE: the store, shared with every other protocol
 *      /cache/?prefix=  DELETE: everything stored under keys that begin so
 *      /metrics         for Prometheus
 *      /stats.json      the same for people and scripts
 *      /healthz         200 while the process serves
 *      /readyz          200, or 503 once the stop has begun
 *      any other        the files beneath files_root; the page is at /riposte/ then
 *
 * One struct http_service for the process; one struct http_worker per worker thread. The protocol's `context`
 * is an endpoint of that worker: what may be asked there differs from listener to listener.
 */
#ifndef RIPOSTE_HTTP_H
#define RIPOSTE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/metrics.h"
#include "riposte/numbers.h"
#include "riposte/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine;
struct hotkeys;
struct latency;
struct slow_log;
struct http_service;
struct http_worker;
struct store;
struct store_worker;

extern const struct protocol http_protocol;

enum {
    HTTP_CORS_SIZE_MAX = 200,  /* bytes of cors_origin */
    HTTP_TOKEN_SIZE_MAX = 256, /* bytes of the token in its file */
    HTTP_SOURCES_MAX = 8,      /* of metrics */
    HTTP_FILE_DESCRIPTORS_MAX =
        256, /* of files_root, kept open while nobody sends from them; each connection may send from one more */
    HTTP_OUTPUT_SIZE_MAX =
        1 << 20, /* output_size_max of a listener: a pipeline of large answers waits behind it */
    HTTP_INPUT_SIZE_MAX = 65536 /* input_size_max of a listener: more than any head or line of a chunk */
};

struct http_config {
    struct store *store;     /* borrowed for the service's life */
    size_t item_size_max;    /* as the store's; bytes. A body may have as many */
    bool cas_enabled;        /* false (-C): no entity tags, no conditions on them */
    bool flush_enabled;      /* false (-F): DELETE of a prefix is refused: 403 */
    bool readonly;           /* PUT, POST and DELETE are refused: 403 */
    const char *cors_origin; /* pages of this origin may read and write: a valid one; NULL: none. Borrowed */
    uint32_t timeout_ms;     /* a head takes longer: 408. >= 1000 */
    uint32_t
        upload_rate_min; /* bytes/s at which a body must come, over half of timeout_ms or 10 s, what is less; else 408. 0: at any */
    const char *log_path;   /* access log; "-" is standard output, NULL: none. Borrowed */
    bool log_json;          /* an object a line instead of the combined format */
    bool admin_apart;       /* OPEN and LOOPBACK have no page, no /metrics, no /stats.json */
    const char *files_root; /* folder whose files are served; NULL: none. Read at http_service_create */
    size_t
        files_size_max; /* bytes of files kept in memory; one of more than 16 KiB, or half of it, is sent from the page cache */
    struct hotkeys *hotkeys;   /* requests for keys are counted there, and shown; NULL: nowhere. Borrowed */
    struct latency *latency;   /* the same of how long requests take. Borrowed */
    struct slow_log *slow_log; /* requests that take long are written there; NULL: nowhere. Borrowed */
    unsigned workers_max;      /* as the engine's */
    struct metrics_source sources[HTTP_SOURCES_MAX]; /* of /metrics and /stats.json, beside this protocol's */
    unsigned sources_count;
};

/* What a listener offers. */
enum http_endpoint_kind {
    HTTP_ENDPOINT_OPEN,     /* any Host */
    HTTP_ENDPOINT_LOOPBACK, /* bound to loopback: a Host that could be somebody else's name is refused: 421 */
    HTTP_ENDPOINT_ADMIN_OPEN,     /* as OPEN, for the page, /metrics, /stats.json and no values or files */
    HTTP_ENDPOINT_ADMIN_LOOPBACK, /* the same of LOOPBACK */
    HTTP_ENDPOINT_KIND_COUNT
};

/* 0 and *service; -ENOMEM; a negative errno where files_root or log_path cannot be opened. Before engine_start. */
int http_service_create(const struct http_config *config, struct http_service **service);

/*
 * The media types of the values go into the note of the store (store_note_set), from which http_service_create has them.
 * Before store_file_save; all workers are gone, or frozen. Without memory for it, it says so in the log.
 */
void http_service_save(struct http_service *service);

/*
 * What it has counted, for a service of another process that goes on with it (riposte/numbers.h). While the engine is frozen; before
 * a first worker exists. Any one thread.
 */
void http_counters_save(struct http_service *service, struct record_writer *writer);
void http_counters_load(struct http_service *service, struct numbers *numbers);

/* All workers are gone. */
void http_service_destroy(struct http_service *service);

/*
 * True for an origin of 1 to HTTP_CORS_SIZE_MAX bytes as browsers send it: scheme://host[:port], small letters, nothing behind. False for
 * `null`, which every page in a sandbox is, and for `*`.
 */
bool http_origin_is_valid(struct bytes origin);

/*
 * From now on everything but /healthz, /readyz and the files of the page, which hold no figures, asks for `Authorization: Bearer <token>`: the first line of
 * the file at `path`, 1 to HTTP_TOKEN_SIZE_MAX visible characters. 0; or a negative errno (-EINVAL: its
 * content), one sentence for the operator in `message`, and what was in force stays so. Before engine_start,
 * and again at any time from any one thread.
 */
int http_service_token_load(struct http_service *service, const char *path, char *message,
                            size_t message_size);

/* The access log is opened again before its next lines: it may have been moved away. Any thread. */
void http_service_log_reopen(struct http_service *service);

/* The stop begins: /readyz answers 503. Any thread. */
void http_service_drain(struct http_service *service);

/*
 * For a worker's thread; store_worker is that thread's own and is borrowed. NULL when memory ends.
 * worker_index as in engine_hooks.
 */
struct http_worker *http_worker_create(struct http_service *service, struct store_worker *store_worker,
                                       unsigned worker_index);

/* After the last connection of the worker has closed. Its counters stay in the sums. */
void http_worker_destroy(struct http_worker *worker);

/* The protocol's context for a listener of that kind. */
void *http_worker_endpoint(struct http_worker *worker, enum http_endpoint_kind kind);

#ifdef __cplusplus
}
#endif

#endif
