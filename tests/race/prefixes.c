/* SPDX-License-Identifier: MIT
 *
 * Counts by prefix: two workers that count, one that lists, one that lists and forgets.
 *
 * The real protocol without sockets: each thread is a worker with a connection of its own, as the engine
 * would call it. Checked of every listing: lines are whole, no prefix stands twice, and none has more gets
 * than were sent. Before anything is forgotten: in the end each prefix has exactly the gets that were sent.
 */
#include <string.h>
#include <sys/uio.h>

#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "torture.h"

enum {
    PREFIXES = 500,
    ROUNDS = 20, /* gets of each prefix by each of those who count, in each half */
    COUNTERS = 2,
    OUTPUT_SIZE_MAX = 64 * 1024,
    UNSENT_SIZE_MAX = 64 * 1024,
    IOV_COUNT = 16,
    FD = 1 << 24, /* a number that no descriptor has */
};

struct half {
    struct memcached_service *service;
    _Atomic unsigned working; /* threads that still count */
    bool forgets;             /* the second half */
};

struct client {
    struct memcached_worker *worker;
    void *session;
    struct reply reply;
    char output[OUTPUT_SIZE_MAX + 1];
    size_t output_size;
};

static struct client *client_open(struct memcached_worker *worker) {
    struct client *client = calloc(1, sizeof(*client));
    torture_check(client != NULL, "no memory");
    client->worker = worker;
    client->reply.unsent_size_max = UNSENT_SIZE_MAX;
    client->session = calloc(1, memcached_protocol.session_size);
    torture_check(client->session != NULL, "no memory");
    memcached_protocol.on_open(client->session, FD, &client->reply, worker);
    return client;
}

static void client_close(struct client *client) {
    memcached_protocol.on_close(client->session, FD, PROTOCOL_CLOSE_NORMAL, client->worker);
    reply_discard(&client->reply);
    free(client->session);
    free(client);
}

static void output_take(struct client *client) {
    struct iovec iov[IOV_COUNT];
    size_t size;
    unsigned count;
    while ((count = reply_iov(&client->reply, iov, IOV_COUNT, &size)) > 0) {
        torture_check(client->output_size + size <= OUTPUT_SIZE_MAX, "%zu bytes", size);
        for (unsigned i = 0; i < count; client->output_size += iov[i++].iov_len) {
            memcpy(client->output + client->output_size, iov[i].iov_base, iov[i].iov_len);
        }
        reply_sent(&client->reply, size);
    }
    client->output[client->output_size] = '\0';
}

/* Sends and goes on until all is answered, with the pauses that an engine makes. */
static const char *client_ask(struct torture_thread *thread, struct client *client, const char *request) {
    struct protocol_input input = {.bytes = bytes_from_string(request), .requests_max = 20};
    struct progress progress;
    client->output_size = 0;
    do {
        progress = memcached_protocol.on_input(client->session, &input, &client->reply, client->worker);
        input.bytes.data += progress.consumed;
        input.bytes.size -= progress.consumed;
        output_take(client);
        torture_pause(thread);
    } while (progress.next == PROTOCOL_NEXT_AGAIN);
    torture_check(input.bytes.size == 0, "of %s", request);
    return client->output;
}

static void count_all(struct torture_thread *thread, struct client *client, unsigned rounds) {
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned prefix = 0; prefix < PREFIXES; prefix++) {
            char request[32];
            snprintf(request, sizeof(request), "get p%u:x\r\n", prefix);
            torture_check(strcmp(client_ask(thread, client, request), "END\r\n") == 0, "%s", client->output);
        }
    }
}

/* One listing; returns the sum of its gets. */
static uint64_t list_all(struct torture_thread *thread, struct client *client, unsigned gets_max) {
    bool seen[PREFIXES] = {false};
    uint64_t sum = 0;
    const char *line = client_ask(thread, client, "stats detail dump\r\n");
    while (strcmp(line, "END\r\n") != 0) {
        unsigned prefix, gets, hits, sets, deletes;
        int size = 0;
        int fields = sscanf(line, "PREFIX p%u get %u hit %u set %u del %u\r\n%n", &prefix, &gets, &hits,
                            &sets, &deletes, &size);
        torture_check(fields == 5 && size > 0, "%s", line);
        torture_check(prefix < PREFIXES && !seen[prefix], "p%u twice", prefix);
        torture_check(gets <= gets_max && hits + sets + deletes == 0, "p%u has %u", prefix, gets);
        seen[prefix] = true;
        sum += gets;
        line += size;
    }
    return sum;
}

static void list_while_counted(struct torture_thread *thread, struct client *client, unsigned gets_max) {
    struct half *half = thread->torture->shared;
    unsigned listings = 0;
    while (atomic_load(&half->working) > 0) {
        list_all(thread, client, gets_max);
        if (half->forgets && thread->index == 3) {
            client_ask(thread, client, "stats reset\r\n");
        }
        listings++;
    }
    printf("prefixes: %u listings\n", listings);
}

static void run(struct torture_thread *thread) {
    struct half *half = thread->torture->shared;
    unsigned rounds = ROUNDS * thread->torture->scale;
    struct memcached_worker *worker = memcached_worker_create(half->service, thread->worker, thread->index);
    torture_check(worker != NULL, "no memory");
    struct client *client = client_open(worker);
    pthread_barrier_wait(&thread->torture->barrier);
    if (thread->index < COUNTERS) {
        count_all(thread, client, rounds);
        atomic_fetch_sub(&half->working, 1);
    } else {
        list_while_counted(thread, client, rounds * COUNTERS);
        uint64_t sum = list_all(thread, client, rounds * COUNTERS);
        torture_check(half->forgets || sum == (uint64_t)rounds * COUNTERS * PREFIXES, "%" PRIu64 " gets",
                      sum);
    }
    client_close(client);
    memcached_worker_destroy(worker);
}

static void run_half(struct torture *torture, bool forgets) {
    void (*const runs[])(struct torture_thread *) = {run};
    struct half half = {.working = COUNTERS, .forgets = forgets};
    const struct memcached_config config = {.store = torture->store,
                                            .item_size_max = 8192,
                                            .dump_enabled = true,
                                            .detail_enabled = true,
                                            .prefix_delimiter = ':',
                                            .connections_max = 100,
                                            .workers_max = TORTURE_THREADS};
    torture_check(memcached_service_create(&config, &half.service) == 0, "no memory");
    torture->shared = &half;
    torture_run(torture, runs, 1);
    memcached_service_destroy(half.service);
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    torture_open(&torture, argument_count, arguments, 64 * 1024 * 1024, true);
    run_half(&torture, false);
    run_half(&torture, true);
    torture_close(&torture, "prefixes");
    return 0;
}
