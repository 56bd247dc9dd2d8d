/* SPDX-License-Identifier: MIT
 *
 * gate: see gate.h.
 */
#include "gate.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int gate_init(struct gate *gate, unsigned clients_count) {
    *gate = (struct gate){
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .opened = PTHREAD_COND_INITIALIZER,
        .clients_count = clients_count,
    };
    gate->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return gate->event < 0 ? -errno : 0;
}

void gate_deinit(struct gate *gate) {
    close(gate->event);
    pthread_cond_destroy(&gate->opened);
    pthread_mutex_destroy(&gate->mutex);
}

static void event_set(const struct gate *gate) {
    uint64_t one = 1;
    ssize_t written = write(gate->event, &one, sizeof(one));
    assert(written == sizeof(one)); /* fails only when the counter would pass 2^64 (eventfd(2)) */
    (void)written;
}

static void event_clear(const struct gate *gate) {
    uint64_t count;
    ssize_t got = read(gate->event, &count, sizeof(count));
    (void)got; /* EAGAIN when it was not set */
}

void gate_arrive(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    unsigned openings = gate->openings;
    gate->arrived_count++;
    if (gate->arrived_count == gate->clients_count) {
        event_set(gate);
    }
    while (gate->openings == openings) {
        pthread_cond_wait(&gate->opened, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

bool gate_is_full(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    bool is_full = gate->arrived_count == gate->clients_count;
    pthread_mutex_unlock(&gate->mutex);
    return is_full;
}

void gate_open(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    assert(gate->arrived_count == gate->clients_count);
    event_clear(gate);
    gate->arrived_count = 0;
    gate->openings++;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->mutex);
}
