/* SPDX-License-Identifier: MIT
 *
 * http_talk: see http_talk.h.
 */
#include "http_talk.h"

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
    TALK_FD = 999, /* the descriptor that the server is told; there is none */
};

void http_talk_server_config(struct http_talk_server *server) {
    memset(server, 0, sizeof(*server));
    server->store_config = (struct store_config){
        .memory_size_max = (size_t)64 << 20,
        .item_size_max = (size_t)1 << 20,
        .evict = true,
        .workers_max = 1,
        .hash_seed = 1,
    };
    server->config = (struct http_config){
        .item_size_max = (size_t)1 << 20,
        .cas_enabled = true,
        .flush_enabled = true,
        .timeout_ms = 30000,
        .workers_max = 1,
    };
}

void http_talk_server_init(struct http_talk_server *server) {
    int result = store_create(&server->store_config, &server->store);
    assert(result == 0);
    server->config.store = server->store;
    result = http_service_create(&server->config, &server->service);
    assert(result == 0);
    server->now_ns = clock_monotonic_ns();
    server->store_worker = store_worker_join(server->store, server->now_ns);
    assert(server->store_worker != NULL);
    server->worker = http_worker_create(server->service, server->store_worker, 0);
    assert(server->worker != NULL);
}

void http_talk_server_deinit(struct http_talk_server *server) {
    http_worker_destroy(server->worker);
    store_worker_leave(server->store_worker);
    http_service_destroy(server->service);
    store_destroy(server->store);
}

void http_talk_server_advance(struct http_talk_server *server, uint32_t seconds) {
    server->now_ns += seconds * CLOCK_NS_PER_S;
    store_quiescent(server->store_worker, server->now_ns);
}

void http_talk_open(struct http_talk *talk, struct http_talk_server *server) {
    memset(talk, 0, sizeof(*talk));
    talk->server = server;
    talk->session = calloc(1, http_protocol.session_size);
    talk->reply.unsent_size_max = UNSENT_SIZE_MAX;
    talk->requests_max = REQUESTS_MAX;
    talk->output = calloc(1, 1);
    assert(talk->session != NULL && talk->output != NULL);
}

static void *talk_context(struct http_talk *talk) {
    return http_worker_endpoint(talk->server->worker, talk->endpoint);
}

void http_talk_close(struct http_talk *talk) {
    http_protocol.on_close(talk->session, TALK_FD, PROTOCOL_CLOSE_NORMAL, talk_context(talk));
    reply_discard(&talk->reply);
    free(talk->session);
    free(talk->input);
    free(talk->output);
}

/* Moves what was answered to the output, as if the kernel had taken it. */
static void talk_drain(struct http_talk *talk) {
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
static void talk_reshape(struct http_talk *talk, size_t size, struct bytes more) {
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

static void talk_step(struct http_talk *talk) {
    struct bytes input = bytes_of(talk->input, talk->input_size);
    void *context = talk_context(talk);
    http_protocol.prefetch(talk->session, input, context);
    const struct protocol_input call = {.bytes = input,
                                        .requests_max = talk->requests_max,
                                        .now_ns = talk->server->now_ns,
                                        .received_ns = talk->server->now_ns};
    struct progress progress = http_protocol.on_input(talk->session, &call, &talk->reply, context);
    assert(progress.consumed <= input.size && progress.requests <= talk->requests_max);
    talk->requests += progress.requests;
    talk->next = progress.next;
    talk_reshape(talk, progress.consumed, bytes_of(NULL, 0));
    if (!talk->hold) {
        talk_drain(talk);
    }
    talk->closed = reply_closing(&talk->reply);
    store_quiescent(talk->server->store_worker, talk->server->now_ns);
}

void http_talk_send(struct http_talk *talk, struct bytes bytes) {
    talk_reshape(talk, 0, bytes);
    if (talk->closed || talk->input_size == 0) {
        return;
    }
    do {
        talk_step(talk);
    } while (talk->next == PROTOCOL_NEXT_AGAIN && !talk->closed && !(talk->hold && reply_full(&talk->reply)));
}

void http_talk_go_on(struct http_talk *talk) {
    while (talk->next == PROTOCOL_NEXT_AGAIN && !talk->closed) {
        talk_step(talk);
    }
}

void http_talk_look(struct http_talk *talk) {
    if (talk->next == PROTOCOL_NEXT_REST && !talk->closed) {
        talk_step(talk);
    }
}

struct bytes http_talk_output(struct http_talk *talk) {
    talk_drain(talk);
    enum { DATE_SIZE = 37 };
    char *at = talk->output;
    char *end = talk->output + talk->output_size;
    char *found;
    while ((found = memmem(at, (size_t)(end - at), "\r\nDate: ", 8)) != NULL) {
        memmove(found + 2, found + 2 + DATE_SIZE, (size_t)(end - found - 2 - DATE_SIZE + 1));
        end -= DATE_SIZE;
        at = found + 2;
    }
    talk->output_size = 0;
    return bytes_of(talk->output, (size_t)(end - talk->output));
}

static void talk_fail(const char *request, const char *expected, struct bytes output) {
    fprintf(stderr, "request:  %.300s\nexpected: %.900s\nanswered: %.*s\n", request, expected,
            (int)(output.size < 900 ? output.size : 900), output.data);
    abort();
}

void http_talk_check(struct http_talk *talk, const char *request, const char *expected) {
    http_talk_send(talk, bytes_from_string(request));
    struct bytes output = http_talk_output(talk);
    if (!bytes_equal_string(output, expected)) {
        talk_fail(request, expected, output);
    }
}

void http_talk_check_status(struct http_talk *talk, const char *request, const char *status) {
    http_talk_send(talk, bytes_from_string(request));
    struct bytes output = http_talk_output(talk);
    if (output.size < 13 || memcmp(output.data, "HTTP/1.1 ", 9) != 0 ||
        memcmp(output.data + 9, status, 3) != 0) {
        talk_fail(request, status, output);
    }
}
