/* SPDX-License-Identifier: MIT
 *
 * access_log: words the lines, fills the rings of workers, and the thread that empties them into the file.
 *
 *      127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] "GET / HTTP/1.1" 200 12 "referer" "agent"       combined
 *      {"time":"1994-11-06T08:49:37Z","peer":"127.0.0.1","method":"GET", ... }                    JSON, one a line
 */
#include "access_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "stack.h"

enum { WRITE_PERIOD_MS = 100 };

/* --- lines ------------------------------------------------------------------------------------------------------ */

/*
 * Writes `text` so that neither a quote nor a backslash nor a control byte of a client's can end or change the
 * line: as \xHH, or \u00HH in JSON, where bytes above 127 are written so, too (they may be no UTF-8).
 */
static char *put_escaped(char *at, struct bytes text, bool json) {
    static const char digits[] = "0123456789abcdef";
    char *end = at + HTTP_ACCESS_TEXT_SIZE_MAX - 6;
    for (size_t i = 0; i < text.size && at < end; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
            *at++ = (char)byte;
            continue;
        }
        const char *start = json ? "\\u00" : "\\x";
        for (; *start != '\0'; start++) {
            *at++ = *start;
        }
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return at;
}

static char *put_text(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static char *put_number(char *at, uint64_t number) {
    return at + bytes_format_u64(at, number);
}

static char *put_time(char *at, const char *format, uint64_t unix_s) {
    time_t seconds = (time_t)unix_s;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return at + strftime(at, 64, format, &parts);
}

/* "-" where there is nothing, as the combined format has it. */
static char *put_quoted(char *at, struct bytes text) {
    *at++ = '"';
    at = text.size > 0 ? put_escaped(at, text, false) : put_text(at, "-");
    *at++ = '"';
    return at;
}

static char *put_combined(char *at, const struct http_access *access) {
    at = put_escaped(at, access->peer, false);
    at = put_time(at, " - - [%d/%b/%Y:%H:%M:%S +0000] \"", access->unix_s);
    if (access->method.size > 0) {
        at = put_escaped(at, access->method, false);
        *at++ = ' ';
        at = put_escaped(at, access->target, false);
        at = put_text(at, access->minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    } else {
        *at++ = '-';
    }
    at = put_text(at, "\" ");
    at = put_number(at, access->status);
    *at++ = ' ';
    at = put_number(at, access->size);
    *at++ = ' ';
    at = put_quoted(at, access->referer);
    *at++ = ' ';
    return put_quoted(at, access->agent);
}

static char *put_member(char *at, const char *name, struct bytes text) {
    at = put_text(at, name);
    at = put_escaped(at, text, true);
    *at++ = '"';
    return at;
}

static char *put_json(char *at, const struct http_access *access) {
    at = put_time(at, "{\"time\":\"%Y-%m-%dT%H:%M:%SZ\"", access->unix_s);
    at = put_member(at, ",\"peer\":\"", access->peer);
    at = put_member(at, ",\"method\":\"", access->method);
    at = put_member(at, ",\"target\":\"", access->target);
    at = put_text(at, access->minor == 0 ? ",\"version\":\"1.0\",\"status\":"
                                         : ",\"version\":\"1.1\",\"status\":");
    at = put_number(at, access->status);
    at = put_text(at, ",\"size\":");
    at = put_number(at, access->size);
    at = put_member(at, ",\"referer\":\"", access->referer);
    at = put_member(at, ",\"agent\":\"", access->agent);
    return put_text(at, "}");
}

size_t http_access_format(char line[HTTP_ACCESS_LINE_SIZE_MAX], bool json, const struct http_access *access) {
    char *at = json ? put_json(line, access) : put_combined(line, access);
    *at++ = '\n';
    assert(at <= line + HTTP_ACCESS_LINE_SIZE_MAX);
    return (size_t)(at - line);
}

/* --- rings ------------------------------------------------------------------------------------------------------- */

static void ring_copy_in(struct http_access_ring *ring, uint64_t head, const char *data, size_t size) {
    size_t at = head % HTTP_ACCESS_RING_SIZE;
    size_t first = size < HTTP_ACCESS_RING_SIZE - at ? size : HTTP_ACCESS_RING_SIZE - at;
    memcpy(ring->data + at, data, first);
    memcpy(ring->data, data + first, size - first);
}

void http_access_log_line(struct http_access_log *log, unsigned worker_index,
                          const struct http_access *access) {
    struct http_access_ring *ring = &log->rings[worker_index];
    char line[HTTP_ACCESS_LINE_SIZE_MAX];
    size_t size = http_access_format(line, log->json, access);
    uint64_t head =
        atomic_load_explicit(&ring->head, memory_order_relaxed); /* relaxed: its only writer reads it */
    /* acquire: the writer has taken what is written over now (its release of tail). */
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (HTTP_ACCESS_RING_SIZE - (head - tail) < size) {
        atomic_fetch_add_explicit(&log->dropped, 1,
                                  memory_order_relaxed); /* relaxed: a count orders nothing */
        return;
    }
    ring_copy_in(ring, head, line, size);
    /* release: the bytes are there for whoever sees the new head (acquire in ring_write). */
    atomic_store_explicit(&ring->head, head + size, memory_order_release);
    atomic_fetch_add_explicit(&log->written, 1, memory_order_relaxed);
}

static void ring_write(struct http_access_log *log, struct http_access_ring *ring) {
    uint64_t tail =
        atomic_load_explicit(&ring->tail, memory_order_relaxed); /* relaxed: its only writer reads it */
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire); /* acquire: see access_log.h */
    while (tail < head) {
        size_t at = tail % HTTP_ACCESS_RING_SIZE;
        size_t size = (size_t)(head - tail);
        size = size < HTTP_ACCESS_RING_SIZE - at ? size : HTTP_ACCESS_RING_SIZE - at;
        uint64_t lost_count = line_file_write(&log->file, bytes_of(ring->data + at, size));
        atomic_fetch_add_explicit(&log->dropped, lost_count, memory_order_relaxed); /* relaxed: as above */
        tail += size;
        atomic_store_explicit(&ring->tail, tail, memory_order_release); /* release: see access_log.h */
    }
}

/* --- the writer -------------------------------------------------------------------------------------------------- */

static int log_open(const char *path) {
    if (strcmp(path, "-") == 0) {
        int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
    }
    /* APPEND: where somebody cuts the file short, lines go on at its end. NOCTTY: a terminal does not become this process's. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    return fd < 0 ? -errno : fd;
}

/* A file that cannot be opened again leaves the old one. */
static void log_reopen(struct http_access_log *log) {
    int fd = log_open(log->path);
    if (fd >= 0) {
        close(log->file.fd);
        log->file = (struct line_file){.fd = fd, .skips = log->file.skips};
    }
}

static void log_write(struct http_access_log *log) {
    if (atomic_exchange(&log->reopening, false)) {
        log_reopen(log);
    }
    for (unsigned i = 0; i < log->rings_count; i++) {
        ring_write(log, &log->rings[i]);
    }
}

/* False when the log stops. */
static bool log_wait(struct http_access_log *log) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t until_ns = (uint64_t)until.tv_nsec + WRITE_PERIOD_MS * CLOCK_NS_PER_MS;
    until.tv_sec += (time_t)(until_ns / CLOCK_NS_PER_S);
    until.tv_nsec = (long)(until_ns % CLOCK_NS_PER_S);
    pthread_mutex_lock(&log->lock);
    if (!log->stopping) {
        pthread_cond_timedwait(&log->wake, &log->lock, &until);
    }
    bool goes_on = !log->stopping;
    pthread_mutex_unlock(&log->lock);
    return goes_on;
}

static void *writer_main(void *user) {
    struct http_access_log *log = user;
    while (log_wait(log)) {
        log_write(log);
    }
    log_write(log);
    return NULL;
}

static void log_free(struct http_access_log *log) {
    for (unsigned i = 0; log->rings != NULL && i < log->rings_count; i++) {
        free(log->rings[i].data);
    }
    free(log->rings);
    if (log->file.fd >= 0) {
        close(log->file.fd);
    }
    free(log);
}

static int log_fill(struct http_access_log *log) {
    log->file.fd = log_open(log->path);
    if (log->file.fd < 0) {
        return log->file.fd;
    }
    log->rings = calloc(log->rings_count, sizeof(*log->rings));
    for (unsigned i = 0; log->rings != NULL && i < log->rings_count; i++) {
        log->rings[i].data = malloc(HTTP_ACCESS_RING_SIZE);
        if (log->rings[i].data == NULL) {
            return -ENOMEM;
        }
    }
    return log->rings != NULL ? 0 : -ENOMEM;
}

static int writer_start(struct http_access_log *log) {
    pthread_condattr_t attributes;
    pthread_mutex_init(&log->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return stack_create_thread(&log->writer, NULL, writer_main, log);
}

int http_access_log_create(const char *path, bool json, unsigned workers_max, struct http_access_log **log) {
    struct http_access_log *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->path = path;
    made->json = json;
    made->rings_count = workers_max;
    int error = log_fill(made);
    error = error == 0 ? writer_start(made) : error;
    if (error < 0) {
        log_free(made);
        return error;
    }
    *log = made;
    return 0;
}

void http_access_log_destroy(struct http_access_log *log) {
    if (log == NULL) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    pthread_join(log->writer, NULL);
    pthread_cond_destroy(&log->wake);
    pthread_mutex_destroy(&log->lock);
    log_free(log);
}

void http_access_log_reopen(struct http_access_log *log) {
    atomic_store(&log->reopening, true);
}
