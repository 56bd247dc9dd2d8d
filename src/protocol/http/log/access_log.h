/* SPDX-License-Identifier: MIT
 *
 * access_log: a line for every request that was answered, written off the path of requests.
 *
 *      worker --http_access_log_line--> its ring --writer thread, ten times a second--> the file
 *
 * A worker never waits: what finds its ring full is dropped and counted, as is what the file does not take (line_file.h). The
 * lines of a worker are in order, those of different workers may be a tenth of a second apart. One producer and one consumer per ring:
 *  - `head` is written by the worker only, after the bytes before it (release; the writer reads it with
 *    acquire and then the bytes);
 *  - `tail` is written by the writer only, after it has taken the bytes (release; the worker reads it with
 *    acquire before it writes over them).
 */
#ifndef HTTP_ACCESS_LOG_H
#define HTTP_ACCESS_LOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "line_file.h"
#include "riposte/bytes.h"

enum {
    HTTP_ACCESS_RING_SIZE = 256 * 1024, /* bytes per worker: a power of two */
    HTTP_ACCESS_LINE_SIZE_MAX = 3072,   /* bytes: five texts and what stands between them */
    HTTP_ACCESS_TEXT_SIZE_MAX = 500,    /* bytes of a client's text as it is written; the rest is cut off */
};

/* What a line says. */
struct http_access {
    struct bytes peer;   /* address without port, or "unix" */
    uint64_t unix_s;     /* when it was answered */
    struct bytes method; /* as sent; size 0: the request could not be read */
    struct bytes target;
    unsigned minor; /* of HTTP/1.x */
    unsigned status;
    uint64_t size;        /* bytes of the answer's body */
    struct bytes referer; /* size 0: none */
    struct bytes agent;
};

struct http_access_ring {
    _Atomic uint64_t head; /* bytes ever written */
    _Atomic uint64_t tail; /* bytes ever taken */
    char *data;            /* owned */
};

struct http_access_log {
    const char *path; /* borrowed; "-" is standard output */
    bool json;
    struct line_file file;          /* of the writer */
    unsigned rings_count;           /* one per worker */
    struct http_access_ring *rings; /* owned */
    pthread_t writer;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;  /* stopping has changed */
    bool stopping;
    _Atomic bool reopening;   /* the file may have another name by now */
    _Atomic uint64_t written; /* lines handed to a ring */
    _Atomic uint64_t dropped; /* lines that found it full, or that the file did not take */
};

/* 0, or a negative errno. Starts the writer. `path` for the life of the log. */
int http_access_log_create(const char *path, bool json, unsigned workers_max, struct http_access_log **log);

/* Writes what is left. All workers are gone. NULL is allowed. */
void http_access_log_destroy(struct http_access_log *log);

/* The file is opened again before the next lines (SIGHUP, after it was moved away). Any thread. */
void http_access_log_reopen(struct http_access_log *log);

/* The worker's own thread. */
void http_access_log_line(struct http_access_log *log, unsigned worker_index,
                          const struct http_access *access);

/* Writes the line, its end included, into `line`; returns how many bytes. */
size_t http_access_format(char line[HTTP_ACCESS_LINE_SIZE_MAX], bool json, const struct http_access *access);

#endif
