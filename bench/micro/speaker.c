/* SPDX-License-Identifier: MIT
 *
 * speaker: see speaker.h.
 */
#include "speaker.h"

#include <stdlib.h>

#include "stopwatch.h"

enum { OUTPUT_SIZE_MAX = 8 << 20 };

void *speaker_begin(void *user, unsigned thread_index) {
    const struct stock *stock = user;
    struct memcached_config config = {
        .store = stock->store,
        .item_size_max = 1 << 20,
        .cas_enabled = true,
        .prefix_delimiter = ':',
        .connections_max = 1,
        .workers_max = 1,
    };
    struct speaker *speaker = calloc(1, sizeof(*speaker));
    if (speaker == NULL || memcached_service_create(&config, &speaker->service) != 0) {
        stopwatch_give_up("no memory");
    }
    speaker->visitor = visitor_begin(user, thread_index);
    speaker->worker = memcached_worker_create(speaker->service, speaker->visitor->worker, 0);
    if (speaker->worker == NULL) {
        stopwatch_give_up("no memory");
    }
    speaker->reply.unsent_size_max = OUTPUT_SIZE_MAX;
    return speaker;
}

void speaker_end(void *state) {
    struct speaker *speaker = state;
    reply_discard(&speaker->reply);
    memcached_worker_destroy(speaker->worker);
    memcached_service_destroy(speaker->service);
    visitor_end(speaker->visitor);
    free(speaker);
}

uint64_t speaker_flush(struct speaker *speaker) {
    uint64_t size = speaker->reply.unsent_size;
    reply_sent(&speaker->reply, size);
    return size;
}
