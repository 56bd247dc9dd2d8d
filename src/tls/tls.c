/* SPDX-License-Identifier: MIT
 *
 * tls: the process's part and the workers': made, refreshed, asked, ended. See riposte/tls.h.
 */
#include "riposte/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record_buffers.h"
#include "riposte/clock.h"
#include "service.h"
#include "signer.h"

enum {
    GATHER_SIZE = 16384,      /* plain bytes of one record */
    CONNECTION_LINES_MAX = 10 /* a second, of all workers */
};

bool tls_is_built(void) {
    return true;
}

/* --- the process ------------------------------------------------------------------------------------------ */

static int config_copy(struct tls *tls, const struct tls_config *config) {
    tls->config = *config;
    tls->listens = calloc(config->listens_count, sizeof(*tls->listens));
    tls->slots = aligned_alloc(alignof(struct tls_slot), config->workers_max * sizeof(*tls->slots));
    if (tls->listens == NULL || tls->slots == NULL) {
        return -ENOMEM;
    }
    memcpy(tls->listens, config->listens, config->listens_count * sizeof(*tls->listens));
    memset(tls->slots, 0, config->workers_max * sizeof(*tls->slots));
    tls->config.listens = tls->listens;
    return 0;
}

/* Reads the files, and tries them. */
static int material_load(struct tls *tls, struct material **material, struct tls_status *status,
                         char message[TLS_MESSAGE_SIZE_MAX]) {
    struct contexts *tried;
    int result = material_read(&tls->config, material, message);
    if (result < 0) {
        return result;
    }
    result = contexts_create(&tls->config, *material, &tried, message);
    if (result < 0) {
        material_free(*material);
        return result;
    }
    status->certificate_ends_s = tried->ends_s;
    status->signature_ns = contexts_measure(tried, &tls->config);
    tls->slow_keys = tried->slow_keys;
    contexts_release(tried);
    return 0;
}

int tls_create(const struct tls_config *config, struct tls **tls, char message[TLS_MESSAGE_SIZE_MAX]) {
    record_buffers_install(); /* where it is refused, malloc has to do */
    struct tls *made = calloc(1, sizeof(*made));
    uint64_t now_ns = clock_monotonic_ns();
    snprintf(message, TLS_MESSAGE_SIZE_MAX, "no memory for TLS");
    if (made == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&made->mutex, NULL);
    made->lines.per_second_max = CONNECTION_LINES_MAX;
    int result = config_copy(made, config);
    result = result < 0 ? result : ticket_keys_init(&made->tickets, now_ns);
    made->wire_method = wire_method_create();
    result = result < 0 || made->wire_method != NULL ? result : -ENOMEM;
    result = result < 0 ? result : material_load(made, &made->material, &made->status, message);
    if (result < 0) {
        made->material = NULL;
        tls_destroy(made);
        return result;
    }
    made->status.refreshed_ns = now_ns;
    *tls = made;
    return 0;
}

void tls_destroy(struct tls *tls) {
    if (tls == NULL) {
        return;
    }
    for (unsigned i = 0; tls->slots != NULL && i < tls->config.workers_max; i++) {
        signer_destroy(tls->slots[i].signer);
        /* relaxed: the workers are gone. */
        contexts_release(atomic_load_explicit(&tls->slots[i].next, memory_order_relaxed));
    }
    BIO_meth_free(tls->wire_method);
    ticket_keys_deinit(&tls->tickets);
    pthread_mutex_destroy(&tls->mutex);
    material_free(tls->material);
    free(tls->slots);
    free(tls->listens);
    free(tls);
}

/* A set for each worker, all of them or none. */
static int contexts_create_all(const struct tls *tls, const struct material *material, struct contexts **all,
                               char message[TLS_MESSAGE_SIZE_MAX]) {
    for (unsigned i = 0; i < tls->config.workers_max; i++) {
        int result = contexts_create(&tls->config, material, &all[i], message);
        if (result < 0) {
            while (i > 0) {
                contexts_release(all[--i]);
            }
            return result;
        }
    }
    return 0;
}

static int refresh(struct tls *tls, char message[TLS_MESSAGE_SIZE_MAX]) {
    struct material *material;
    struct contexts **all = calloc(tls->config.workers_max, sizeof(*all));
    int result = all == NULL ? -ENOMEM : material_read(&tls->config, &material, message);
    if (result < 0) {
        free(all);
        return result;
    }
    result = contexts_create_all(tls, material, all, message);
    if (result < 0) {
        material_free(material);
        free(all);
        return result;
    }
    assert(all[0] != NULL);                                         /* there is at least a worker */
    uint64_t signature_ns = contexts_measure(all[0], &tls->config); /* no worker has it yet */
    uint32_t slow_keys = all[0]->slow_keys;
    for (unsigned i = 0; i < tls->config.workers_max; i++) {
        all[i]->slow_keys = slow_keys;
    }
    pthread_mutex_lock(&tls->mutex);
    struct material *old = tls->material;
    tls->material = material;
    tls->status.certificate_ends_s = all[0]->ends_s;
    tls->status.signature_ns = signature_ns;
    tls->slow_keys = slow_keys;
    tls->status.refreshed_ns = clock_monotonic_ns();
    tls->status.refreshes++;
    pthread_mutex_unlock(&tls->mutex);
    for (unsigned i = 0; i < tls->config.workers_max; i++) {
        /* acq_rel: the worker finds what was made; what it has not taken yet is freed here. */
        contexts_release(atomic_exchange_explicit(&tls->slots[i].next, all[i], memory_order_acq_rel));
    }
    material_free(old);
    free(all);
    return 0;
}

int tls_refresh(struct tls *tls, char message[TLS_MESSAGE_SIZE_MAX]) {
    snprintf(message, TLS_MESSAGE_SIZE_MAX, "no memory for certificates");
    int result = refresh(tls, message);
    if (result < 0) {
        pthread_mutex_lock(&tls->mutex);
        tls->status.refresh_errors++;
        pthread_mutex_unlock(&tls->mutex);
    }
    return result;
}

bool tls_files_changed(const struct tls *tls) {
    return material_changed(tls->material); /* only the thread that asks replaces it */
}

void tls_rotate_tickets(struct tls *tls, uint64_t now_ns) {
    ticket_keys_rotate(&tls->tickets, now_ns);
}

void tls_tickets_export(struct tls *tls, uint64_t now_ns, struct tls_tickets *tickets) {
    ticket_keys_export(&tls->tickets, now_ns, tickets);
}

bool tls_tickets_import(struct tls *tls, uint64_t now_ns, const struct tls_tickets *tickets) {
    return ticket_keys_import(&tls->tickets, now_ns, tickets);
}

struct tls_status tls_status(const struct tls *tls) {
    pthread_mutex_t *mutex = (pthread_mutex_t *)(uintptr_t)&tls->mutex;
    pthread_mutex_lock(mutex);
    struct tls_status status = tls->status;
    pthread_mutex_unlock(mutex);
    return status;
}

void tls_counters_sum(const struct tls *tls, struct tls_counters *sum) {
    *sum = (struct tls_counters){0};
    for (unsigned i = 0; i < tls->config.workers_max; i++) {
#define SUM(name, help) counter_add(&sum->name, counter_read(&tls->slots[i].counters.name));
        TLS_COUNTERS(SUM)
#undef SUM
    }
}

#define TLS_FIELD(name, help) {#name, offsetof(struct tls_counters, name)},

static const struct numbers_field counter_fields[] = {TLS_COUNTERS(TLS_FIELD)};

enum { COUNTER_FIELDS_COUNT = sizeof(counter_fields) / sizeof(counter_fields[0]) };

void tls_counters_save(const struct tls *tls, struct record_writer *writer) {
    struct tls_counters sum;
    tls_counters_sum(tls, &sum);
    numbers_put_fields(writer, "tls.", counter_fields, COUNTER_FIELDS_COUNT, &sum);
}

void tls_counters_load(struct tls *tls, struct numbers *numbers) {
    numbers_add_fields(numbers, "tls.", counter_fields, COUNTER_FIELDS_COUNT, &tls->slots[0].counters);
}

/* --- a worker --------------------------------------------------------------------------------------------- */

/* Of the slot's first worker: later ones may be forbidden to make a thread. */
static struct signer *slot_signer(struct tls *tls, struct tls_slot *slot, unsigned worker_index) {
    if (slot->signer == NULL) {
        slot->signer = signer_create(&tls->config, worker_index);
    }
    return slot->signer;
}

struct tls_worker *tls_worker_create(struct tls *tls, unsigned worker_index) {
    char message[TLS_MESSAGE_SIZE_MAX];
    struct tls_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    worker->tls = tls;
    worker->index = worker_index;
    worker->gather = malloc(GATHER_SIZE);
    worker->endpoints = calloc(tls->config.listens_count, sizeof(*worker->endpoints));
    pthread_mutex_lock(&tls->mutex);
    int result = contexts_create(&tls->config, tls->material, &worker->contexts, message);
    uint32_t slow_keys = tls->slow_keys;
    pthread_mutex_unlock(&tls->mutex);
    if (result < 0 || worker->gather == NULL || worker->endpoints == NULL) {
        tls_worker_destroy(worker);
        return NULL;
    }
    worker->contexts->slow_keys = slow_keys;
    /* Also where no key is slow: a refresh may bring one when no thread can be made any more. Until then it sleeps. */
    worker->signer = slot_signer(tls, &tls->slots[worker_index], worker_index);
    for (unsigned i = 0; i < tls->config.listens_count; i++) {
        worker->endpoints[i] = (struct tls_endpoint){worker, &tls->listens[i]};
    }
    return worker;
}

void tls_worker_destroy(struct tls_worker *worker) {
    contexts_release(worker->contexts);
    free(worker->endpoints);
    free(worker->gather);
    free(worker);
}

void *tls_worker_context(struct tls_worker *worker, unsigned listen_index) {
    return worker->tls->listens[listen_index].used ? &worker->endpoints[listen_index] : NULL;
}

struct contexts *worker_contexts(struct tls_worker *worker) {
    struct tls_slot *slot = &worker->tls->slots[worker->index];
    /* relaxed: only whether there is something to exchange. */
    if (atomic_load_explicit(&slot->next, memory_order_relaxed) != NULL) {
        contexts_release(worker->contexts);
        /* acquire: pairs with the release of the refresh that has made them. */
        worker->contexts = atomic_exchange_explicit(&slot->next, NULL, memory_order_acquire);
    }
    return worker->contexts;
}
