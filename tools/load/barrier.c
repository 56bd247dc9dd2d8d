/* SPDX-License-Identifier: MIT
 *
 * barrier: clients arrive under a mutex; an eventfd tells the thread that runs them when all have.
 */
#include "barrier.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int barrier_init(struct barrier *barrier, unsigned clients_count) {
    *barrier = (struct barrier){
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .released = PTHREAD_COND_INITIALIZER,
        .clients_count = clients_count,
    };
    barrier->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return barrier->event < 0 ? -errno : 0;
}

void barrier_deinit(struct barrier *barrier) {
    close(barrier->event);
    pthread_cond_destroy(&barrier->released);
    pthread_mutex_destroy(&barrier->mutex);
}

static void event_set(const struct barrier *barrier) {
    uint64_t one = 1;
    ssize_t written = write(barrier->event, &one, sizeof(one));
    assert(written == sizeof(one)); /* fails only when the counter would pass 2^64 (eventfd(2)) */
    (void)written;
}

static void event_clear(const struct barrier *barrier) {
    uint64_t count;
    ssize_t got = read(barrier->event, &count, sizeof(count));
    (void)got; /* EAGAIN when it was not set */
}

void barrier_arrive(struct barrier *barrier) {
    pthread_mutex_lock(&barrier->mutex);
    unsigned generation = barrier->generation;
    barrier->arrived_count++;
    if (barrier->arrived_count == barrier->clients_count) {
        event_set(barrier);
    }
    while (barrier->generation == generation) {
        pthread_cond_wait(&barrier->released, &barrier->mutex);
    }
    pthread_mutex_unlock(&barrier->mutex);
}

bool barrier_is_full(struct barrier *barrier) {
    pthread_mutex_lock(&barrier->mutex);
    bool is_full = barrier->arrived_count == barrier->clients_count;
    pthread_mutex_unlock(&barrier->mutex);
    return is_full;
}

void barrier_release(struct barrier *barrier) {
    pthread_mutex_lock(&barrier->mutex);
    assert(barrier->arrived_count == barrier->clients_count);
    event_clear(barrier);
    barrier->arrived_count = 0;
    barrier->generation++;
    pthread_cond_broadcast(&barrier->released);
    pthread_mutex_unlock(&barrier->mutex);
}
