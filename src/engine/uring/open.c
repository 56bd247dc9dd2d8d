/* SPDX-License-Identifier: MIT
 *
 * open: how a worker's ring comes, with its buffers, and goes. See uring.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine_state.h"
#include "probe.h"
#include "riposte/log.h"
#include "uring.h"

enum { OPEN_COMPLETIONS_MIN = 256 }; /* fewer are not tried where memory is short */

/* The ring and its receive buffers: both or none. */
static int open_ring(const struct engine *engine, struct uring *uring, unsigned completion_entries) {
    const struct engine_sizes *sizes = &engine->sizes;
    bool is_restricted = engine->config.restrict_rings;
    /* R_DISABLED: the ring takes nothing before its list of operations is there. Linux 5.10. */
    unsigned setup_flags = engine->uring.setup_flags | (is_restricted ? IORING_SETUP_R_DISABLED : 0);
    int result = ring_init(&uring->ring, sizes->ring_entries, completion_entries, &setup_flags,
                           engine->uring.no_iowait);
    if (result < 0) {
        return result;
    }
    result = is_restricted ? ring_restrict(&uring->ring, engine->uring.send_zero_copy) : 0;
    if (result == 0) {
        result = buffers_init(&uring->buffers, &uring->ring, URING_RECV_GROUP, sizes->recv_buffer_size,
                              sizes->recv_buffer_count, engine->uring.incremental_buffers);
    }
    if (result < 0) {
        ring_deinit(&uring->ring);
    }
    return result;
}

/* Older kernels want contiguous pages (https://github.com/axboe/liburing/issues/1088): a smaller ring may still find some. */
static int open_ring_smaller(const struct engine *engine, struct uring *uring) {
    unsigned completion_entries = engine->sizes.completion_entries;
    int result = -ENOMEM;
    while (result == -ENOMEM && completion_entries > OPEN_COMPLETIONS_MIN) {
        completion_entries /= 2;
        result = open_ring(engine, uring, completion_entries);
    }
    if (result == 0) {
        log_line(LOG_LEVEL_WARNING, "memory is short: a ring has %u completion entries instead of %u",
                 completion_entries, engine->sizes.completion_entries);
    }
    return result;
}

static int open_ring_somehow(const struct engine *engine, struct uring *uring) {
    struct uring_patience patience = {0};
    int result;
    do {
        result = open_ring(engine, uring, engine->sizes.completion_entries);
    } while (result == -ENOMEM && uring_wait_for_memory(&patience, &engine->sizes, engine->workers_count));
    bool may_shrink = result == -ENOMEM && !uring_memory_is_limited(&engine->sizes, engine->workers_count);
    return may_shrink ? open_ring_smaller(engine, uring) : result;
}

int uring_open(struct worker *worker, struct engine_error *error) {
    struct engine *engine = worker->engine;
    const struct engine_sizes *sizes = &engine->sizes;
    const struct engine_config *config = &engine->config;
    struct uring *uring = calloc(1, sizeof(*uring));
    struct send_scratch *scratch = malloc(send_scratch_size(sizes->send_messages));
    int result = uring == NULL || scratch == NULL ? -ENOMEM : open_ring_somehow(engine, uring);
    if (result < 0) {
        free(scratch);
        free(uring);
        return uring_explain(result, sizes, engine->workers_count, error);
    }
    *scratch = (struct send_scratch){.count = sizes->send_messages};
    uring->scratch = scratch;
    uring->recv_single = !engine->uring.recv_multishot;
    uring->bundle = engine->uring.bundle && config->send == ENGINE_SEND_BUNDLE;
    uring->zero_copy = engine->uring.send_zero_copy && config->send == ENGINE_SEND_ZERO_COPY;
    uring->zero_copy_report = true;
    for (uint16_t group = 0; group < URING_SEND_GROUPS; group++) {
        uring->groups[group].next_free = (uint16_t)(group + 1);
    }
    worker->transport_state = uring;
    return 0;
}

static void open_free(struct worker *worker, struct uring *uring) {
    ring_deinit(&uring->ring);
    free(uring->scratch);
    free(uring);
    worker->transport_state = NULL;
}

void uring_close(struct worker *worker) {
    struct uring *uring = worker->transport_state;
    ring_enter(&uring->ring, 0); /* the last descriptors are on their way to be closed */
    uring_send_deinit(uring);
    buffers_deinit(&uring->buffers, &uring->ring, URING_RECV_GROUP);
    open_free(worker, uring);
}

/* The ring's requests end with it; that of the wake-up too. */
void uring_abandon(struct worker *worker) {
    struct uring *uring = worker->transport_state;
    uring_send_deinit(uring);
    buffers_abandon(&uring->buffers);
    open_free(worker, uring);
}
