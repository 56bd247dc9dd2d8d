/* SPDX-License-Identifier: MIT
 *
 * client_memory: what a client allocates at its start, and gives back at its end. See client.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "share.h"

enum {
    BUFFER_SIZE_MIN = 256,
    BUFFER_SIZE_MAX = 128 * 1024,
    BUFFERS_COUNT_MIN = 16,
    BUFFERS_CACHED_MAX = 2 << 20,  /* bytes; what may be hoped to stay in a second-level cache */
    BUFFERS_MEMORY_MAX = 64 << 20, /* bytes; of buffers of one thread */
    REPLY_OVERHEAD = 64,           /* bytes of a reply beside key and value, generously */
    PAGE_SIZE_GUESS = 16384,
    ENTRIES_MIN = 64,
    ENTRIES_MAX = 8192,
};

static uint64_t clamp(uint64_t value, uint64_t minimum, uint64_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* The smallest power of two that is not below `value` (1 to 2^63). */
static uint64_t power_of_two(uint64_t value) {
    return value <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(value - 1));
}

/* Most requests in flight on one connection in any phase. */
static unsigned depth_max(const struct scenario *scenario) {
    unsigned depth = (unsigned)scenario->options->depth;
    unsigned preload_depth = scenario->preload ? scenario_preload_depth(scenario) : 1;
    return depth > preload_depth ? depth : preload_depth;
}

/* What the body of a reply has to be reckoned with, where values have `of_values` bytes. */
static uint64_t body_size(const struct scenario *scenario, uint64_t of_values) {
    if (scenario->dialect->is_bare) {
        return 0;
    }
    return scenario->is_keyed ? of_values : PAGE_SIZE_GUESS;
}

/*
 * Room for the replies of a whole batch, so that they come in one receive, and little more: small buffers
 * stay in the first-level cache (6 % less time per request with 256 bytes than with 4 KiB, 64 connections).
 * Of a page on the web the size is not known yet.
 */
static uint32_t buffer_size(const struct scenario *scenario) {
    const struct options *options = scenario->options;
    uint64_t value_size = body_size(scenario, options->value_sizes.size_mean);
    uint64_t reply_size = value_size + options->key_size + REPLY_OVERHEAD;
    return (uint32_t)clamp(power_of_two(reply_size * options->depth), BUFFER_SIZE_MIN, BUFFER_SIZE_MAX);
}

/*
 * Enough that every connection may answer in one batch, also with replies of several buffers as long as all
 * stay within a cache. A ring that runs empty costs a request to the kernel for each receive it ends.
 */
static uint32_t buffers_count(const struct scenario *scenario, uint32_t connections_count, uint32_t size) {
    uint64_t largest = body_size(scenario, scenario->options->value_sizes.size_max);
    uint64_t pieces = 1 + largest * scenario->options->depth / size;
    uint64_t cached =
        clamp(power_of_two(connections_count * pieces), BUFFERS_COUNT_MIN, BUFFERS_CACHED_MAX / size);
    uint64_t needed = clamp(power_of_two(connections_count), BUFFERS_COUNT_MIN, BUFFERS_COUNT_MAX);
    uint64_t wanted = clamp(cached, needed, BUFFERS_COUNT_MAX);
    uint64_t affordable = BUFFERS_MEMORY_MAX / size;
    return (uint32_t)(wanted < affordable ? wanted : affordable);
}

static bool fail_for_memory(struct client *client) {
    failure_set(&client->failure, EXIT_CODE_SYSTEM,
                "no memory for %u connections with %u requests in flight each", client->connections_count,
                depth_max(client->scenario));
    return false;
}

static bool connection_init(struct client *client, struct connection *connection, uint32_t index) {
    const struct scenario *scenario = client->scenario;
    unsigned depth = depth_max(scenario);
    uint32_t pending_max = (uint32_t)power_of_two(depth);
    *connection = (struct connection){
        .fd = -1,
        .index = index,
        .pending_max = pending_max,
        .pending = client->pendings + (size_t)index * pending_max,
    };
    if (!client->wire.multishot) {
        connection->input = malloc(client->wire.input_size);
    }
    return output_init(&connection->output, &scenario->encoder, depth,
                       scenario->options->value_sizes.size_max) &&
           (client->wire.multishot || connection->input != NULL);
}

static bool connections_init(struct client *client) {
    uint64_t pending_max = power_of_two(depth_max(client->scenario));
    client->ready_max = (uint32_t)power_of_two(client->connections_count);
    client->connections = calloc(client->connections_count, sizeof(*client->connections));
    client->pendings = calloc(client->connections_count * pending_max, sizeof(*client->pendings));
    client->ready = calloc(client->ready_max, sizeof(*client->ready));
    client->dirty = calloc(client->connections_count, sizeof(*client->dirty));
    client->tally = calloc(1, sizeof(*client->tally));
    if (client->connections == NULL || client->pendings == NULL || client->ready == NULL ||
        client->dirty == NULL || client->tally == NULL) {
        return fail_for_memory(client);
    }
    for (uint32_t i = 0; i < client->connections_count; i++) {
        if (!connection_init(client, &client->connections[i], i)) {
            return fail_for_memory(client);
        }
    }
    return true;
}

/* Chooses how to receive; multishot falls back to single where the kernel lacks it and nobody insists. */
static bool receive_init(struct client *client) {
    struct wire *wire = &client->wire;
    const struct scenario *scenario = client->scenario;
    wire->input_size = buffer_size(scenario);
    if (scenario->single_receive) {
        return true;
    }
    int status = -EOPNOTSUPP;
    if (ring_has_multishot_receive(&wire->ring)) {
        uint32_t count = buffers_count(scenario, client->connections_count, wire->input_size);
        status = buffers_init(&wire->buffers, &wire->ring, count, wire->input_size);
    }
    wire->multishot = status == 0;
    if (status < 0 && (scenario->options->receive == RECEIVE_MULTISHOT || status == -ENOMEM)) {
        failure_set(&client->failure, EXIT_CODE_SYSTEM,
                    "receive buffers cannot be shared with the kernel (%s): try --receive single",
                    strerror(-status));
        return false;
    }
    return true;
}

bool client_init(struct client *client, const struct scenario *scenario, unsigned index,
                 const _Atomic int *stop) {
    const struct options *options = scenario->options;
    client->scenario = scenario;
    client->index = index;
    client->stop = stop;
    client->connections_count = (uint32_t)share_of(options->connections_count, index, options->threads_count);
    client->wire.target = &scenario->target;
    client->wire.rotate_sources = scenario->rotate_sources;
    client->random.state = options->seed * 1024 + index;
    client->checker.dialect = scenario->dialect;
    client->checker.workload = &scenario->workload;
    client->checker.encoder = &scenario->encoder;
    client->checker.level = options->check;
    client->checker.reference.is_needed = !scenario->is_keyed;
    unsigned entries = (unsigned)clamp(power_of_two(client->connections_count * 2), ENTRIES_MIN, ENTRIES_MAX);
    return ring_init(&client->wire.ring, entries, scenario->spin, &client->failure) && receive_init(client) &&
           connections_init(client);
}

static void connection_deinit(struct connection *connection) {
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    free(connection->input);
    output_deinit(&connection->output);
    reader_deinit(&connection->reader);
}

void client_deinit(struct client *client) {
    /* The ring first: it ends what the kernel still does with the memory below. */
    ring_deinit(&client->wire.ring);
    buffers_deinit(&client->wire.buffers);
    for (uint32_t i = 0; client->connections != NULL && i < client->connections_count; i++) {
        connection_deinit(&client->connections[i]);
    }
    checker_deinit(&client->checker);
    free(client->connections);
    free(client->pendings);
    free(client->ready);
    free(client->dirty);
    free(client->tally);
    client->connections = NULL;
}
