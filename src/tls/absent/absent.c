/* SPDX-License-Identifier: MIT
 *
 * absent: riposte/tls.h in a build without TLS (make TLS=no): it is refused at the start, so that nothing else is called.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "riposte/tls.h"

const struct filter tls_filter = {.name = "tls"};

bool tls_is_built(void) {
    return false;
}

int tls_create(const struct tls_config *config, struct tls **tls, char message[TLS_MESSAGE_SIZE_MAX]) {
    (void)config;
    (void)tls;
    snprintf(message, TLS_MESSAGE_SIZE_MAX, "this riposte was built without TLS (make TLS=no)");
    return -ENOTSUP;
}

void tls_destroy(struct tls *tls) {
    (void)tls;
}

int tls_refresh(struct tls *tls, char message[TLS_MESSAGE_SIZE_MAX]) {
    (void)tls;
    (void)message;
    abort();
}

bool tls_files_changed(const struct tls *tls) {
    (void)tls;
    abort();
}

void tls_rotate_tickets(struct tls *tls, uint64_t now_ns) {
    (void)tls;
    (void)now_ns;
    abort();
}

void tls_tickets_export(struct tls *tls, uint64_t now_ns, struct tls_tickets *tickets) {
    (void)tls;
    (void)now_ns;
    (void)tickets;
    abort();
}

bool tls_tickets_import(struct tls *tls, uint64_t now_ns, const struct tls_tickets *tickets) {
    (void)tls;
    (void)now_ns;
    (void)tickets;
    abort();
}

void tls_counters_save(const struct tls *tls, struct record_writer *writer) {
    (void)tls;
    (void)writer;
    abort();
}

void tls_counters_load(struct tls *tls, struct numbers *numbers) {
    (void)tls;
    (void)numbers;
    abort();
}

struct tls_status tls_status(const struct tls *tls) {
    (void)tls;
    abort();
}

void tls_counters_sum(const struct tls *tls, struct tls_counters *sum) {
    (void)tls;
    (void)sum;
    abort();
}

struct metrics_source tls_metrics(struct tls *tls) {
    (void)tls;
    abort();
}

struct tls_worker *tls_worker_create(struct tls *tls, unsigned worker_index) {
    (void)tls;
    (void)worker_index;
    abort();
}

void tls_worker_destroy(struct tls_worker *worker) {
    (void)worker;
    abort();
}

void *tls_worker_context(struct tls_worker *worker, unsigned listen_index) {
    (void)worker;
    (void)listen_index;
    abort();
}
