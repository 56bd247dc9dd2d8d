/* SPDX-License-Identifier: MIT
 *
 * service: makes and ends what workers share; tokens, dates and sums of counters.
 */
#include "service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/access_log.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "parse/host.h"
#include "parse/text.h"

/* What may fail. */
static int service_fill(struct http_service *service) {
    const struct http_config *config = &service->config;
    service->workers = calloc(config->workers_max, sizeof(struct http_worker *));
    int error = service->workers == NULL ? -ENOMEM : 0;
    if (error == 0 && config->files_root != NULL) {
        error = http_file_cache_create(config->files_root, config->files_size_max, &service->files);
    }
    if (error == 0 && config->log_path != NULL) {
        error =
            http_access_log_create(config->log_path, config->log_json, config->workers_max, &service->log);
    }
    return error == 0 ? http_contents_init(&service->contents) : error;
}

/* What cannot be read costs types, not values. */
static void types_load(struct http_service *service) {
    if (!http_contents_load(&service->contents, store_note(service->config.store))) {
        log_line(LOG_LEVEL_WARNING, "HTTP: the media types of the items that were taken cannot be read; they "
                                    "are application/octet-stream");
    }
}

static_assert((int)HTTP_CONTENTS_NOTE_SIZE_MAX <= (int)STORE_NOTE_SIZE_MAX, "the store takes it");

void http_service_save(struct http_service *service) {
    char *note = malloc(HTTP_CONTENTS_NOTE_SIZE_MAX);
    int status = note == NULL ? -ENOMEM : 0;
    if (status == 0) {
        size_t size = http_contents_save(&service->contents, note);
        status = store_note_set(service->config.store, bytes_of(note, size));
    }
    free(note);
    if (status < 0) {
        log_line(LOG_LEVEL_WARNING, "HTTP: the media types of the items are not saved with them: %s",
                 strerror(-status));
    }
}

int http_service_create(const struct http_config *config, struct http_service **service) {
    struct http_service *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->config = *config;
    int error = service_fill(made);
    if (error < 0) {
        http_access_log_destroy(made->log);
        http_file_cache_destroy(made->files);
        free(made->workers);
        free(made);
        return error;
    }
    types_load(made);
    pthread_mutex_init(&made->lock, NULL);
    *service = made;
    return 0;
}

void http_service_destroy(struct http_service *service) {
    if (service == NULL) {
        return;
    }
    struct http_token *token = atomic_load(&service->token);
    while (token != NULL) {
        struct http_token *previous = token->previous;
        free(token);
        token = previous;
    }
    pthread_mutex_destroy(&service->lock);
    http_contents_deinit(&service->contents);
    http_file_cache_destroy(service->files);
    http_access_log_destroy(service->log);
    free(service->workers);
    free(service);
}

void http_service_log_reopen(struct http_service *service) {
    if (service->log != NULL) {
        http_access_log_reopen(service->log);
    }
}

void http_service_drain(struct http_service *service) {
    atomic_store(&service->draining, true);
}

/* --- workers ------------------------------------------------------------------------------------------------ */

struct http_worker *http_worker_create(struct http_service *service, struct store_worker *store_worker,
                                       unsigned worker_index) {
    assert(worker_index < service->config.workers_max);
    if (service->files != NULL && http_file_cache_start(service->files) < 0) {
        return NULL;
    }
    struct http_worker *worker = aligned_alloc(HTTP_CACHE_LINE_SIZE, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    memset(worker, 0, sizeof(*worker));
    worker->service = service;
    worker->store = store_worker;
    worker->index = worker_index;
    if (service->config.hotkeys != NULL) {
        worker->hotkeys = hotkeys_worker(service->config.hotkeys, worker_index);
    }
    if (service->config.latency != NULL) {
        worker->latency = latency_worker(service->config.latency, worker_index);
    }
    for (unsigned i = 0; i < HTTP_ENDPOINT_KIND_COUNT; i++) {
        worker->endpoints[i] = (struct http_endpoint){worker, i};
    }
    pthread_mutex_lock(&service->lock);
    service->workers[worker_index] = worker;
    pthread_mutex_unlock(&service->lock);
    return worker;
}

void http_worker_destroy(struct http_worker *worker) {
    struct http_service *service = worker->service;
    pthread_mutex_lock(&service->lock);
    http_counts_add(&service->left, &worker->counters);
    service->workers[worker->index] = NULL;
    pthread_mutex_unlock(&service->lock);
    free(worker);
}

void *http_worker_endpoint(struct http_worker *worker, enum http_endpoint_kind kind) {
    return &worker->endpoints[kind];
}

void http_service_counts(struct http_service *service, struct http_counts *counts) {
    pthread_mutex_lock(&service->lock);
    *counts = service->left;
    for (unsigned i = 0; i < service->config.workers_max; i++) {
        if (service->workers[i] != NULL) {
            http_counts_add(counts, &service->workers[i]->counters);
        }
    }
    pthread_mutex_unlock(&service->lock);
}

void http_worker_tell_time(struct http_worker *worker, uint64_t now_ns) {
    if (likely(now_ns < worker->date_until_ns)) {
        return;
    }
    uint64_t real_ns = clock_real_ns();
    worker->unix_s = real_ns / CLOCK_NS_PER_S;
    worker->date_until_ns = now_ns + CLOCK_NS_PER_S - real_ns % CLOCK_NS_PER_S;
    memcpy(worker->date_line, "Date: ", 6);
    http_date_write(worker->date_line + 6, worker->unix_s);
    memcpy(worker->date_line + 6 + HTTP_DATE_SIZE, "\r\n", 2);
}

/* --- the allowed origin --------------------------------------------------------------------------------------- */

bool http_origin_is_valid(struct bytes origin) {
    static const char mark[] = "://";
    enum { MARK_SIZE = sizeof(mark) - 1 };
    const char *found = origin.size > 0 ? memmem(origin.data, origin.size, mark, MARK_SIZE) : NULL;
    if (origin.size > HTTP_CORS_SIZE_MAX || found == NULL || origin.data[origin.size - 1] == ':') {
        return false;
    }
    size_t scheme_size = (size_t)(found - origin.data);
    for (size_t i = 0; i < origin.size; i++) {
        if (origin.data[i] >= 'A' && origin.data[i] <= 'Z') {
            return false;
        }
    }
    return http_text_all_token(bytes_of(origin.data, scheme_size)) &&
           http_host_is_valid(bytes_after(origin, scheme_size + MARK_SIZE));
}

/* --- the token ---------------------------------------------------------------------------------------------- */

/* The first line of the file, -EINVAL when it is no token, or why it cannot be read. */
static int token_read(const char *path, struct http_token *token) {
    char text[HTTP_TOKEN_SIZE_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t size = read(fd, text, sizeof(text));
    int error = errno;
    close(fd);
    if (size < 0) {
        return -error;
    }
    const char *end = memchr(text, '\n', (size_t)size);
    token->size = end != NULL ? (size_t)(end - text) : (size_t)size;
    if (token->size == 0 || token->size > HTTP_TOKEN_SIZE_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < token->size; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f) {
            return -EINVAL;
        }
    }
    memcpy(token->text, text, token->size);
    return 0;
}

int http_service_token_load(struct http_service *service, const char *path, char *message,
                            size_t message_size) {
    struct http_token *token = calloc(1, sizeof(*token));
    int result = token == NULL ? -ENOMEM : token_read(path, token);
    if (result < 0) {
        snprintf(message, message_size, "%s: %s", path,
                 result == -EINVAL ? "the first line must be a token of 1 to 256 visible characters"
                                   : strerror(-result));
        free(token);
        return result;
    }
    token->previous = atomic_load(&service->token);
    atomic_store(&service->token, token);
    return 0;
}

bool http_service_allows(const struct http_service *service, struct bytes given) {
    enum { SCHEME_SIZE = 7 };
    const struct http_token *token = atomic_load(&service->token);
    if (likely(token == NULL)) {
        return true;
    }
    if (given.size <= SCHEME_SIZE || !http_text_equal(bytes_of(given.data, SCHEME_SIZE), "bearer ")) {
        return false;
    }
    struct bytes text = http_text_trim(bytes_of(given.data + SCHEME_SIZE, given.size - SCHEME_SIZE));
    /* Every byte is looked at whatever came before: the time tells the size of what was given, no more. */
    unsigned difference = text.size != token->size;
    for (size_t i = 0; i < text.size; i++) {
        difference |= (unsigned char)(text.data[i] ^ token->text[i % token->size]);
    }
    return difference == 0;
}

/* --- what goes on in another process (riposte/numbers.h) ------------------------------------------------------ */

#define HTTP_FIELD(name, help) {#name, offsetof(struct http_counts, name)},

static const struct numbers_field fields[] = {HTTP_COUNTERS(HTTP_FIELD)};

enum { FIELDS_COUNT = sizeof(fields) / sizeof(fields[0]) };

void http_counters_save(struct http_service *service, struct record_writer *writer) {
    struct http_counts counts;
    http_service_counts(service, &counts);
    numbers_put_fields(writer, "http.", fields, FIELDS_COUNT, &counts);
}

void http_counters_load(struct http_service *service, struct numbers *numbers) {
    numbers_add_fields(numbers, "http.", fields, FIELDS_COUNT, &service->left);
}
