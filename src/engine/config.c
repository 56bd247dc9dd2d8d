/* SPDX-License-Identifier: MIT
 *
 * config: checks an engine's configuration and copies it, so that the caller's may go.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_MAX = 1000000, /* of one group */
    CONN_MEMORY_SIZE_MIN = 1024 * 1024,
    RECV_BUFFER_SIZE_MIN = 1024,
    RECV_BUFFER_SIZE_MAX = 1024 * 1024,
    RECV_BUFFERS_MAX = 32768, /* of one ring (io_uring_register_buf_ring(3)) */
    RING_ENTRIES_MIN = 8,
    RING_ENTRIES_MAX = 32768, /* io_uring_setup(2) */
    COMPLETION_ENTRIES_MAX = 262144,
};

void engine_limits_init(struct engine_limits *limits) {
    *limits = (struct engine_limits){
        .connections_max = 16384,
        .reject_when_full = true,
        .requests_per_round_max = 20,
        .input_size_max = 1024 * 1024 + 64 * 1024,
        .output_size_max = 8 * 1024 * 1024,
    };
}

void engine_config_init(struct engine_config *config) {
    *config = (struct engine_config){
        .pin = ENGINE_PIN_AUTO,
        .transport = ENGINE_AUTO,
        .send = ENGINE_SEND_AUTO,
        .send_zero_copy_size_min = 64 * 1024,
        .spin_us = ENGINE_SPIN_AUTO,
        .conn_memory_size_max = UINT64_C(64) * 1024 * 1024,
        .openings_max = 1024,
        .opening_timeout_ms = 10 * 1000,
        .listen_backlog = 4096,
        .write_timeout_ms = 60 * 1000,
        .drain_timeout_ms = 10 * 1000,
        .linger_timeout_ms = 1000,
    };
    engine_limits_init(&config->limits);
}

static int config_refuse(struct engine_error *error, const char *message) {
    error->usage = true;
    error->error = -EINVAL;
    snprintf(error->message, sizeof(error->message), "%s", message);
    return -EINVAL;
}

static bool is_power_of_two(uint32_t number) {
    return number != 0 && (number & (number - 1)) == 0;
}

/* A size that may be 0 (take the default) or a power of two in a range. */
static bool is_size(uint32_t size, uint32_t least, uint32_t most) {
    return size == 0 || (is_power_of_two(size) && size >= least && size <= most);
}

static bool is_timeout(uint32_t timeout_ms) {
    return timeout_ms >= 1 && timeout_ms <= ENGINE_TIMEOUT_MS_MAX;
}

static int config_check_limits(const struct engine_limits *limits, struct engine_error *error) {
    if (limits->connections_max < 1 || limits->connections_max > CONNECTIONS_MAX) {
        return config_refuse(error, "the connection limit must be 1 to 1000000");
    }
    if (limits->requests_per_round_max < 1) {
        return config_refuse(error, "the requests per connection and round must be at least 1");
    }
    if (limits->output_size_max < 1 || limits->input_size_max < 1) {
        return config_refuse(error, "the bounds of a connection's input and output must be at least 1 byte");
    }
    if (limits->idle_timeout_ms > ENGINE_TIMEOUT_MS_MAX) {
        return config_refuse(error, "the idle time-out must be at most 2000000 seconds");
    }
    return 0;
}

static int config_check_times(const struct engine_config *config, struct engine_error *error) {
    if (config->spin_us < ENGINE_SPIN_AUTO || config->spin_us > ENGINE_SPIN_US_MAX) {
        return config_refuse(error, "the time to spin must be 0 to 10000 microseconds");
    }
    if (!is_timeout(config->write_timeout_ms) || !is_timeout(config->drain_timeout_ms) ||
        !is_timeout(config->linger_timeout_ms) || !is_timeout(config->opening_timeout_ms)) {
        return config_refuse(error, "a time-out must be 1 millisecond to 2000000 seconds");
    }
    return 0;
}

static int config_check_listens(const struct engine_config *config, struct engine_error *error) {
    if (config->listens_count < 1 || config->listens_count > ENGINE_LISTENS_MAX) {
        return config_refuse(error, "the addresses to listen on must be 1 to 64");
    }
    int result = 0;
    for (unsigned i = 0; i < config->listens_count && result == 0; i++) {
        const struct engine_limits *limits = config->listens[i].limits;
        result = config_check_limits(limits == NULL ? &config->limits : limits, error);
    }
    return result;
}

int config_check(const struct engine_config *config, struct engine_error *error) {
    if (config->workers_count > ENGINE_WORKERS_MAX) {
        return config_refuse(error, "the number of workers must be 1 to 1024");
    }
    if (config->conn_memory_size_max < CONN_MEMORY_SIZE_MIN) {
        return config_refuse(error, "the memory of all connections must be at least 1 MiB");
    }
    if (config->openings_max < 1) {
        return config_refuse(error, "the handshakes under way must be at least 1");
    }
    if (!is_size(config->recv_buffer_size, RECV_BUFFER_SIZE_MIN, RECV_BUFFER_SIZE_MAX)) {
        return config_refuse(error,
                             "the size of a receive buffer must be a power of two from 1 KiB to 1 MiB");
    }
    if (!is_size(config->recv_buffer_count, 2, RECV_BUFFERS_MAX)) {
        return config_refuse(error, "the number of receive buffers must be a power of two from 2 to 32768");
    }
    if (!is_size(config->ring_entries, RING_ENTRIES_MIN, RING_ENTRIES_MAX)) {
        return config_refuse(error, "the ring entries must be a power of two from 8 to 32768");
    }
    if (!is_size(config->completion_entries, 2, COMPLETION_ENTRIES_MAX)) {
        return config_refuse(error, "the completion entries must be a power of two from 2 to 262144");
    }
    int result = config_check_times(config, error);
    return result < 0 ? result : config_check_listens(config, error);
}

/* The group of the first listen with the same limits, or a new one. */
static void config_group(struct engine *engine, const struct engine_config *config, unsigned listen_index) {
    const struct engine_limits *limits = config->listens[listen_index].limits;
    for (unsigned i = 0; i < listen_index; i++) {
        if (config->listens[i].limits == limits) {
            engine->listen_groups[listen_index] = engine->listen_groups[i];
            return;
        }
    }
    struct engine_group *group = &engine->groups[engine->groups_count];
    group->limits = limits == NULL ? config->limits : *limits;
    engine->connections_max += group->limits.connections_max;
    engine->listen_groups[listen_index] = (uint8_t)engine->groups_count++;
}

static void config_filter(struct engine *engine, const struct filter *filter) {
    if (filter != NULL) {
        size_t size = filter->state_size > 0 ? filter->state_size : 1;
        assert(size <= FILTER_STATE_SIZE_MAX);
        engine->filter_state_size = size > engine->filter_state_size ? size : engine->filter_state_size;
    }
}

int config_copy(struct engine *engine, const struct engine_config *config) {
    unsigned count = config->listens_count;
    engine->config = *config;
    engine->config.listens_count = 0;
    engine->listens = calloc(count, sizeof(*engine->listens));
    engine->groups = aligned_alloc(alignof(struct engine_group), count * sizeof(*engine->groups));
    if (engine->listens == NULL || engine->groups == NULL) {
        return -ENOMEM;
    }
    memcpy(engine->listens, config->listens, count * sizeof(*engine->listens));
    memset(engine->groups, 0, count * sizeof(*engine->groups));
    engine->config.listens = engine->listens;
    engine->config.listens_count = count;
    for (unsigned i = 0; i < count; i++) {
        size_t size = engine->listens[i].protocol->session_size;
        assert(size <= PROTOCOL_SESSION_SIZE_MAX);
        engine->session_size = size > engine->session_size ? size : engine->session_size;
        engine->session_size = (engine->session_size + 7) / 8 * 8;
        config_filter(engine, engine->listens[i].filter);
        config_group(engine, config, i);
    }
    return 0;
}

void config_free(struct engine *engine) {
    free(engine->listens);
    free(engine->groups);
}
