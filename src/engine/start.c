/* SPDX-License-Identifier: MIT
 *
 * start: reports and orders of a start, under one mutex.
 */
#include "start.h"

void start_init(struct engine_start *start) {
    *start = (struct engine_start){.orders_count = 0};
    pthread_mutex_init(&start->mutex, NULL);
    pthread_cond_init(&start->changed, NULL);
}

void start_deinit(struct engine_start *start) {
    pthread_cond_destroy(&start->changed);
    pthread_mutex_destroy(&start->mutex);
}

static void start_note(struct engine_start *start, int result, const struct engine_error *error) {
    start->reported_count++;
    if (result < 0 && !start->failed) {
        start->failed = true;
        start->error = *error;
    }
    pthread_cond_broadcast(&start->changed);
}

void start_report(struct engine_start *start, int result, const struct engine_error *error) {
    pthread_mutex_lock(&start->mutex);
    start_note(start, result, error);
    pthread_mutex_unlock(&start->mutex);
}

enum start_order start_report_and_wait(struct engine_start *start, int result,
                                       const struct engine_error *error, unsigned *orders_seen) {
    pthread_mutex_lock(&start->mutex);
    start_note(start, result, error);
    /* One may be there already: not all threads could be started. */
    while (start->orders_count == *orders_seen) {
        pthread_cond_wait(&start->changed, &start->mutex);
    }
    *orders_seen = start->orders_count;
    enum start_order order = start->order;
    pthread_mutex_unlock(&start->mutex);
    return order;
}

void start_meet(struct engine_start *start, unsigned count) {
    pthread_mutex_lock(&start->mutex);
    unsigned meeting = start->meetings_count;
    start->met_count++;
    while (start->meetings_count == meeting && start->met_count + start->left_count < count) {
        pthread_cond_wait(&start->changed, &start->mutex);
    }
    if (start->meetings_count == meeting) {
        start->meetings_count++;
        start->met_count = 0;
        pthread_cond_broadcast(&start->changed);
    }
    pthread_mutex_unlock(&start->mutex);
}

void start_leave(struct engine_start *start) {
    pthread_mutex_lock(&start->mutex);
    start->left_count++;
    pthread_cond_broadcast(&start->changed);
    pthread_mutex_unlock(&start->mutex);
}

int start_await(struct engine_start *start, unsigned count, struct engine_error *error) {
    pthread_mutex_lock(&start->mutex);
    while (start->reported_count + start->left_count < count) {
        pthread_cond_wait(&start->changed, &start->mutex);
    }
    int result = 0;
    if (start->failed) {
        *error = start->error;
        result = error->error;
    }
    pthread_mutex_unlock(&start->mutex);
    return result;
}

void start_begin(struct engine_start *start) {
    pthread_mutex_lock(&start->mutex);
    start->reported_count = 0;
    start->failed = false;
    pthread_mutex_unlock(&start->mutex);
}

void start_order(struct engine_start *start, enum start_order order) {
    pthread_mutex_lock(&start->mutex);
    start->reported_count = 0;
    start->failed = false;
    start->order = order;
    start->orders_count++;
    pthread_cond_broadcast(&start->changed);
    pthread_mutex_unlock(&start->mutex);
}
