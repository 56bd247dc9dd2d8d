/* SPDX-License-Identifier: MIT
 *
 * slow_log: a ring of rows under a lock. See riposte/slow_log.h.
 */
#include "riposte/slow_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/clock.h"

struct slow_log {
    uint64_t threshold_ns; /* constant */
    pthread_mutex_t lock;  /* of what follows */
    uint64_t count;        /* rows ever written; the next goes to count % SLOW_LOG_ROWS_COUNT */
    struct slow_request rows[SLOW_LOG_ROWS_COUNT];
};

struct slow_log *slow_log_create(uint64_t threshold_us) {
    struct slow_log *log = calloc(1, sizeof(*log));
    if (log != NULL) {
        log->threshold_ns = threshold_us * CLOCK_NS_PER_US;
        pthread_mutex_init(&log->lock, NULL);
    }
    return log;
}

void slow_log_destroy(struct slow_log *log) {
    if (log != NULL) {
        pthread_mutex_destroy(&log->lock);
        free(log);
    }
}

uint64_t slow_log_threshold_ns(const struct slow_log *log) {
    return log->threshold_ns;
}

static uint8_t text_copy(char *text, size_t size_max, struct bytes from) {
    size_t size = from.size < size_max ? from.size : size_max;
    if (size > 0) {
        memcpy(text, from.data, size);
    }
    return (uint8_t)size;
}

void slow_log_add(struct slow_log *log, struct slow_request *request, struct bytes command,
                  struct bytes key) {
    request->unix_ms = clock_real_ns() / CLOCK_NS_PER_MS;
    request->command_size = text_copy(request->command, sizeof(request->command), command);
    request->key_size = text_copy(request->key, sizeof(request->key), key);
    pthread_mutex_lock(&log->lock);
    log->rows[log->count++ % SLOW_LOG_ROWS_COUNT] = *request;
    pthread_mutex_unlock(&log->lock);
}

unsigned slow_log_read(struct slow_log *log, struct slow_request rows[SLOW_LOG_ROWS_COUNT]) {
    pthread_mutex_lock(&log->lock);
    unsigned count = log->count < SLOW_LOG_ROWS_COUNT ? (unsigned)log->count : SLOW_LOG_ROWS_COUNT;
    for (unsigned i = 0; i < count; i++) {
        rows[i] = log->rows[(log->count - 1 - i) % SLOW_LOG_ROWS_COUNT];
    }
    pthread_mutex_unlock(&log->lock);
    return count;
}
