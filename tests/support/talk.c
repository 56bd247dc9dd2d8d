/* SPDX-License-Identifier: MIT
 *
 * talk: see talk.h.
 */
#include "talk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "riposte/clock.h"

enum {
    IOV_COUNT = 16,
    REQUESTS_MAX = 20,
    UNSENT_SIZE_MAX = 8 << 20,
};

void talk_server_config(struct talk_server *server) {
    memset(server, 0, sizeof(*server));
    server->store_config = (struct store_config){
        .memory_size_max = (size_t)64 << 20,
        .item_size_max = (size_t)1 << 20,
        .evict = true,
        .workers_max = 1,
        .hash_seed = 1,
    };
    server->config = (struct memcached_config){
        .item_size_max = (size_t)1 << 20,
        .cas_enabled = true,
        .flush_enabled = true,
        .dump_enabled = true,
        .watch_enabled = true,
        .debug_commands = true,
        .prefix_delimiter = ':',
        .connections_max = 16384,
        .workers_max = 1,
        .maxconns_fast = true,
        .slab_reassign = true,
        .lru_crawler = true,
        .lru_maintainer = true,
    };
}

void talk_server_init(struct talk_server *server) {
    int result = store_create(&server->store_config, &server->store);
    assert(result == 0);
    server->config.store = server->store;
    result = memcached_service_create(&server->config, &server->service);
    assert(result == 0);
    server->now_ns = clock_monotonic_ns();
    server->store_worker = store_worker_join(server->store, server->now_ns);
    assert(server->store_worker != NULL);
    server->worker = memcached_worker_create(server->service, server->store_worker, 0);
    assert(server->worker != NULL);
}

void talk_server_deinit(struct talk_server *server) {
    memcached_worker_destroy(server->worker);
    store_worker_leave(server->store_worker);
    memcached_service_destroy(server->service);
    store_destroy(server->store);
}

void talk_server_advance(struct talk_server *server, uint32_t seconds) {
    store_clock_advance(server->store, seconds);
    store_quiescent(server->store_worker, server->now_ns);
}

void talk_open(struct talk *talk, struct talk_server *server) {
    memset(talk, 0, sizeof(*talk));
    talk->server = server;
    talk->session = calloc(1, memcached_protocol.session_size);
    talk->reply.unsent_size_max = UNSENT_SIZE_MAX;
    talk->requests_max = REQUESTS_MAX;
    talk->memory_size_max = SIZE_MAX;
    talk->output = calloc(1, 1);
    assert(talk->session != NULL && talk->output != NULL);
    if (memcached_protocol.on_open != NULL) {
        memcached_protocol.on_open(talk->session, TALK_FD, &talk->reply, server->worker);
    }
}

void talk_close(struct talk *talk) {
    if (memcached_protocol.on_close != NULL) {
        memcached_protocol.on_close(talk->session, TALK_FD, PROTOCOL_CLOSE_NORMAL, talk->server->worker);
    }
    reply_discard(&talk->reply);
    free(talk->session);
    free(talk->input);
    free(talk->output);
}

/* Moves what was answered to the output, as if the kernel had taken it. */
static void talk_drain(struct talk *talk) {
    struct iovec iov[IOV_COUNT];
    size_t size;
    unsigned count;
    while ((count = reply_iov(&talk->reply, iov, IOV_COUNT, &size)) > 0) {
        talk->output = realloc(talk->output, talk->output_size + size + 1);
        assert(talk->output != NULL);
        for (unsigned i = 0; i < count; i++) {
            memcpy(talk->output + talk->output_size, iov[i].iov_base, iov[i].iov_len);
            talk->output_size += iov[i].iov_len;
        }
        talk->output[talk->output_size] = '\0';
        reply_sent(&talk->reply, size);
    }
}

/* Replaces the input by its last input_size - size bytes and `more`, in memory of exactly that size. */
static void talk_reshape(struct talk *talk, size_t size, struct bytes more) {
    size_t kept_size = talk->input_size - size;
    char *input = NULL;
    if (kept_size + more.size > 0) {
        input = malloc(kept_size + more.size);
        assert(input != NULL);
        if (kept_size > 0) {
            memcpy(input, talk->input + size, kept_size);
        }
        if (more.size > 0) {
            memcpy(input + kept_size, more.data, more.size);
        }
    }
    free(talk->input);
    talk->input = input;
    talk->input_size = kept_size + more.size;
}

void talk_step(struct talk *talk, bool keep) {
    struct bytes input = bytes_of(talk->input, talk->input_size);
    if (talk->closed || (input.size == 0 && !talk->again && !talk->later)) {
        return;
    }
    struct memcached_worker *worker = talk->server->worker;
    memcached_protocol.prefetch(talk->session, input, worker);
    const struct protocol_input call = {.bytes = input,
                                        .requests_max = talk->requests_max,
                                        .now_ns = talk->server->now_ns,
                                        .received_ns = talk->server->now_ns,
                                        .memory_size_max = talk->memory_size_max};
    struct progress progress = memcached_protocol.on_input(talk->session, &call, &talk->reply, worker);
    assert(progress.consumed <= input.size && progress.requests <= talk->requests_max);
    talk->requests += progress.requests;
    assert(progress.memory_size <= talk->memory_size_max);
    talk->memory_size = progress.memory_size;
    talk->costly = progress.costly;
    talk->again = progress.next == PROTOCOL_NEXT_AGAIN;
    talk->later = progress.next != PROTOCOL_NEXT_AGAIN && progress.next != PROTOCOL_NEXT_INPUT;
    talk_reshape(talk, progress.consumed, bytes_of(NULL, 0));
    if (!keep) {
        talk_drain(talk);
    }
    talk->closed = reply_closing(&talk->reply);
    store_quiescent(talk->server->store_worker, talk->server->now_ns);
}

void talk_send(struct talk *talk, struct bytes bytes) {
    talk_reshape(talk, 0, bytes);
    do {
        talk_step(talk, false);
    } while (talk->again && !talk->closed);
}

struct bytes talk_output(struct talk *talk) {
    talk_drain(talk);
    struct bytes output = bytes_of(talk->output, talk->output_size);
    talk->output_size = 0;
    return output;
}

void talk_check(struct talk *talk, const char *request, const char *expected) {
    talk_send(talk, bytes_from_string(request));
    struct bytes output = talk_output(talk);
    if (!bytes_equal_string(output, expected)) {
        fprintf(stderr, "request:  %.300s\nexpected: %.600s\nanswered: %.*s\n", request, expected,
                (int)(output.size < 600 ? output.size : 600), output.data);
        abort();
    }
}
