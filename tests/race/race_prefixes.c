/* SPDX-License-Identifier: MIT
 *
 * Counts by prefix: three workers that count, common prefixes and some of their own, and a fourth that lists and, in
 * the second half, forgets.
 *
 * The real protocol without sockets. Checked of every listing: each prefix stands there once, with at least what an
 * earlier listing said, until the first is forgotten; and at the end of the first half with exactly what was counted.
 */
#include <string.h>
#include <sys/uio.h>

#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "torture.h"

enum {
    ROUNDS = 20000, /* gets of each counting worker, per half */
    COMMON = 50,    /* prefixes that all count */
    OWN = 200,      /* that only one does */
    COUNTING = TORTURE_THREADS - 1,
    TEXT_SIZE_MAX = 1 << 18,
    REQUESTS_MAX = 20,
};

struct shared {
    struct memcached_service *service;
    _Atomic unsigned working; /* workers that still count, in this half */
};

struct client {
    struct memcached_worker *worker;
    void *session;
    struct reply reply;
    char text[TEXT_SIZE_MAX]; /* what was answered */
};

static const struct protocol_peer nobody = {.fd = 1 << 24};

static void client_open(struct client *client, struct memcached_worker *worker) {
    *client = (struct client){.worker = worker, .reply.unsent_size_max = 1 << 20};
    client->session = calloc(1, memcached_protocol.session_size);
    torture_check(client->session != NULL, "no memory");
    memcached_protocol.on_open(client->session, &nobody, &client->reply, worker);
}

static void client_close(struct client *client) {
    memcached_protocol.on_close(client->session, &nobody, PROTOCOL_CLOSE_NORMAL, client->worker);
    reply_discard(&client->reply);
    free(client->session);
}

/* The whole answer to a request that may take many calls. */
static const char *client_ask(struct client *client, struct torture_thread *thread, const char *request) {
    struct progress progress = {.next = PROTOCOL_NEXT_AGAIN};
    size_t used = 0;
    struct bytes bytes = bytes_from_string(request);
    while (progress.next == PROTOCOL_NEXT_AGAIN) {
        const struct protocol_input input = {
            .bytes = bytes, .requests_max = REQUESTS_MAX, .memory_size_max = SIZE_MAX};
        progress = memcached_protocol.on_input(client->session, &input, &client->reply, client->worker);
        bytes = bytes_of(bytes.data + progress.consumed, bytes.size - progress.consumed);
        struct iovec iov;
        size_t size;
        while (reply_iov(&client->reply, &iov, 1, &size) == 1) {
            torture_check(used + size < TEXT_SIZE_MAX, "%zu bytes", used + size);
            memcpy(client->text + used, iov.iov_base, size);
            used += size;
            reply_sent(&client->reply, size);
        }
        torture_turn(thread);
    }
    client->text[used] = '\0';
    return client->text;
}

static void count_half(struct torture_thread *thread, struct client *client) {
    char request[64];
    for (unsigned i = 0; i < ROUNDS * thread->torture->scale; i++) {
        if (i % 2 == 0) {
            snprintf(request, sizeof(request), "get common%u:x\r\n", i / 2 % COMMON);
        } else {
            snprintf(request, sizeof(request), "get own%u-%u:x\r\n", thread->index, i / 2 % OWN);
        }
        torture_check(strcmp(client_ask(client, thread, request), "END\r\n") == 0, "%s", client->text);
    }
}

/* The count that the listing has for the prefix, which stands there once at most. */
static uint64_t listed(const char *text, const char *name) {
    char line[64];
    snprintf(line, sizeof(line), "PREFIX %s get ", name);
    const char *found = strstr(text, line);
    torture_check(found == NULL || strstr(found + 1, line) == NULL, "%s twice", name);
    return found == NULL ? 0 : strtoull(found + strlen(line), NULL, 10);
}

static uint64_t check_listing(const char *text, uint64_t last_total) {
    uint64_t total = 0;
    char name[32];
    for (unsigned i = 0; i < COMMON; i++) {
        snprintf(name, sizeof(name), "common%u", i);
        total += listed(text, name);
    }
    torture_check(total >= last_total, "%" PRIu64 " after %" PRIu64, total, last_total);
    torture_check(strcmp(text + strlen(text) - 5, "END\r\n") == 0, "%s", text + strlen(text) - 5);
    return total;
}

static void list_both_halves(struct torture_thread *thread, struct client *client) {
    struct shared *shared = thread->torture->shared;
    uint64_t total = 0, lists = 0;
    while (atomic_load(&shared->working) > 0) {
        total = check_listing(client_ask(client, thread, "stats detail dump\r\n"), total);
        lists++;
    }
    total = check_listing(client_ask(client, thread, "stats detail dump\r\n"), total);
    uint64_t counted = (uint64_t)ROUNDS / 2 * thread->torture->scale * COUNTING;
    torture_check(total == counted, "%" PRIu64 " of %" PRIu64, total, counted);
    atomic_store(&shared->working, COUNTING);
    pthread_barrier_wait(&thread->torture->barrier);
    while (atomic_load(&shared->working) > 0) {
        torture_check(strcmp(client_ask(client, thread, "stats reset\r\n"), "RESET\r\n") == 0, "%s",
                      client->text);
        check_listing(client_ask(client, thread, "stats detail dump\r\n"), 0);
        lists++;
    }
    printf("race_prefixes: %" PRIu64 " counted, %" PRIu64 " listings\n", counted, lists);
}

static void run(struct torture_thread *thread) {
    struct shared *shared = thread->torture->shared;
    struct memcached_worker *worker = memcached_worker_create(shared->service, thread->worker, thread->index);
    struct client *client = malloc(sizeof(*client));
    torture_check(worker != NULL && client != NULL, "no memory");
    client_open(client, worker);
    pthread_barrier_wait(&thread->torture->barrier);
    if (thread->index == COUNTING) {
        list_both_halves(thread, client);
    } else {
        count_half(thread, client);
        atomic_fetch_sub(&shared->working, 1);
        pthread_barrier_wait(&thread->torture->barrier);
        count_half(thread, client);
        atomic_fetch_sub(&shared->working, 1);
    }
    pthread_barrier_wait(&thread->torture->barrier); /* a worker that leaves takes its counts along */
    client_close(client);
    free(client);
    memcached_worker_destroy(worker);
}

int main(int argument_count, char **arguments) {
    void (*const runs[])(struct torture_thread *) = {run};
    struct torture torture;
    struct shared shared = {.working = COUNTING};
    torture_open(&torture, argument_count, arguments, 64 * 1024 * 1024, true);
    const struct memcached_config config = {.store = torture.store,
                                            .item_size_max = 8192,
                                            .dump_enabled = true,
                                            .detail_enabled = true,
                                            .prefix_delimiter = ':',
                                            .connections_max = 100,
                                            .workers_max = TORTURE_THREADS};
    torture_check(memcached_service_create(&config, &shared.service) == 0, "no memory");
    torture.shared = &shared;
    torture_run(&torture, runs, 1);
    memcached_service_destroy(shared.service);
    torture_close(&torture, "race_prefixes");
    return 0;
}
