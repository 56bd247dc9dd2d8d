/* SPDX-License-Identifier: MIT
 *
 * sizes: the defaults, and how they shrink where there are many workers or little memory. See sizes.h.
 */
#include "sizes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "epoll/epoll.h"
#include "uring/uring.h"

enum {
    /*
     * Incremental receive buffers: few and large, used up piece by piece, so that they stay in cache (src/engine/README.md).
     * Otherwise many small ones.
     */
    INCREMENTAL_SIZE = 64 * 1024,
    INCREMENTAL_COUNT = 8,
    WHOLE_SIZE = 2048,
    WHOLE_COUNT = 256,
    RING_ENTRIES = 1024,
    COMPLETIONS_PER_ENTRY = 4,
    SEND_MESSAGES = 256,
    TURN_BUFFER_SIZE = 512 * 1024,
    BYTES_PER_KIB = 1024,
};

/* Below these a worker does not work, or not well enough to be worth its CPU. 1024 workers of them take 16 MiB. */
enum {
    RECV_BUFFER_SIZE_LEAST = 4096,
    RECV_BUFFER_COUNT_LEAST = 2,
    RING_ENTRIES_LEAST = 16,
    COMPLETION_ENTRIES_LEAST = 64,
    SEND_MESSAGES_LEAST = 4,
    TURN_BUFFER_SIZE_LEAST = 8 * 1024,
};

size_t sizes_uring_memory(const struct engine_sizes *sizes) {
    return (size_t)sizes->recv_buffer_size * sizes->recv_buffer_count +
           sizes->ring_entries * sizeof(struct io_uring_sqe) +
           sizes->completion_entries * sizeof(struct io_uring_cqe) + send_scratch_size(sizes->send_messages);
}

size_t sizes_epoll_memory(const struct engine_sizes *sizes) {
    return epoll_memory_size(sizes->turn_buffer_size);
}

/* Halves a size that nobody asked for and that may still shrink; true when it did. */
static bool size_halve(uint32_t *size, uint32_t configured, uint32_t least) {
    if (configured != 0 || *size / 2 < least) {
        return false;
    }
    *size /= 2;
    return true;
}

/* Many small buffers serve more clients of a turn than few large ones: their number shrinks last. */
static bool sizes_halve_uring(struct engine_sizes *sizes, const struct engine_config *config) {
    bool halved = size_halve(&sizes->recv_buffer_size, config->recv_buffer_size, RECV_BUFFER_SIZE_LEAST) ||
                  size_halve(&sizes->recv_buffer_count, config->recv_buffer_count, RECV_BUFFER_COUNT_LEAST);
    halved |= size_halve(&sizes->ring_entries, config->ring_entries, RING_ENTRIES_LEAST);
    halved |= size_halve(&sizes->completion_entries, config->completion_entries, COMPLETION_ENTRIES_LEAST);
    halved |= size_halve(&sizes->send_messages, 0, SEND_MESSAGES_LEAST);
    return halved;
}

static bool sizes_halve_epoll(struct engine_sizes *sizes, const struct engine_config *config) {
    (void)config;
    return size_halve(&sizes->turn_buffer_size, 0, TURN_BUFFER_SIZE_LEAST);
}

static uint32_t or_default(uint32_t configured, uint32_t otherwise) {
    return configured > 0 ? configured : otherwise;
}

static void sizes_begin(struct engine_sizes *sizes, const struct engine_config *config, bool incremental) {
    uint32_t ring_entries = or_default(config->ring_entries, RING_ENTRIES);
    *sizes = (struct engine_sizes){
        .recv_buffer_size = or_default(config->recv_buffer_size, incremental ? INCREMENTAL_SIZE : WHOLE_SIZE),
        .recv_buffer_count =
            or_default(config->recv_buffer_count, incremental ? INCREMENTAL_COUNT : WHOLE_COUNT),
        .ring_entries = ring_entries,
        .completion_entries = or_default(config->completion_entries, COMPLETIONS_PER_ENTRY * ring_entries),
        .send_messages = SEND_MESSAGES,
        .turn_buffer_size = TURN_BUFFER_SIZE,
    };
}

static int sizes_fail(const struct engine_config *config, unsigned workers_count, size_t memory_size,
                      struct engine_error *error) {
    bool fixed = config->recv_buffer_size != 0 || config->recv_buffer_count != 0 ||
                 config->ring_entries != 0 || config->completion_entries != 0;
    error->error = -EINVAL;
    error->usage = true;
    snprintf(error->message, sizeof(error->message),
             "the buffers of %u workers take %zuk, a quarter of -m is %zuk: raise -m, lower -t%s",
             workers_count, memory_size * workers_count / BYTES_PER_KIB,
             config->fixed_memory_size_max / BYTES_PER_KIB,
             fixed ? ", or ask for smaller buffers and rings" : "");
    return -EINVAL;
}

int sizes_choose(struct engine_sizes *sizes, const struct engine_config *config, unsigned workers_count,
                 bool incremental, struct engine_error *error) {
    static const struct {
        size_t (*memory)(const struct engine_sizes *sizes);
        bool (*halve)(struct engine_sizes *sizes, const struct engine_config *config);
        enum engine_transport other; /* with this one in the configuration it is never used */
    } ways[] = {
        {sizes_uring_memory, sizes_halve_uring, ENGINE_EPOLL},
        {sizes_epoll_memory, sizes_halve_epoll, ENGINE_URING},
    };
    size_t most =
        config->fixed_memory_size_max == 0 ? SIZE_MAX : config->fixed_memory_size_max / workers_count;
    sizes_begin(sizes, config, incremental);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        while (config->transport != ways[i].other && ways[i].memory(sizes) > most) {
            if (!ways[i].halve(sizes, config)) {
                return sizes_fail(config, workers_count, ways[i].memory(sizes), error);
            }
        }
    }
    return 0;
}
