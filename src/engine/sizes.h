/* SPDX-License-Identifier: MIT
 *
 * sizes: how large the buffers and rings of one worker are.
 *
 * What the configuration leaves open is chosen here: the sizes that are fastest with a few workers, halved until those of
 * all workers together stay below the configuration's fixed_memory_size_max. Both transports' sizes are chosen, because a
 * start may end on the other one (start.h).
 */
#ifndef RIPOSTE_ENGINE_SIZES_H
#define RIPOSTE_ENGINE_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "riposte/engine.h"

/* Of one worker. */
struct engine_sizes {
    /* io_uring */
    uint32_t recv_buffer_size; /* bytes */
    uint32_t recv_buffer_count;
    uint32_t ring_entries; /* submissions */
    uint32_t completion_entries;
    uint32_t send_messages; /* sends of several pieces between two enters */
    /* epoll */
    uint32_t turn_buffer_size; /* bytes received in one turn, from all connections */
};

/* Bytes that a worker takes at start, beside its connections. */
size_t sizes_uring_memory(const struct engine_sizes *sizes);
size_t sizes_epoll_memory(const struct engine_sizes *sizes);

/*
 * Fills *sizes for workers_count workers (>= 1). `incremental`: the kernel uses a receive buffer up piece by piece. 0, or
 * -EINVAL and *error: what the configuration fixes, or the least that works, is too much for fixed_memory_size_max.
 */
int sizes_choose(struct engine_sizes *sizes, const struct engine_config *config, unsigned workers_count,
                 bool incremental, struct engine_error *error);

#endif
