/* SPDX-License-Identifier: MIT
 *
 * http_talk: a store, and HTTP over it, for one thread.
 */
#include "http_talk.h"

#include <assert.h>
#include <string.h>

#include "riposte/clock.h"

void http_talk_server_config(struct http_talk_server *server) {
    memset(server, 0, sizeof(*server));
    server->store_config = talk_store_config();
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

void http_talk_open(struct talk *talk, struct http_talk_server *server) {
    talk_begin(talk, &(struct talk_place){.protocol = &http_protocol,
                                          .context = http_worker_endpoint(server->worker, HTTP_ENDPOINT_OPEN),
                                          .store_worker = server->store_worker,
                                          .now_ns = &server->now_ns});
    talk->patient = true; /* a file may have to be asked of the disk */
}

void http_talk_move(struct talk *talk, struct http_talk_server *server, enum http_endpoint_kind endpoint) {
    talk->place.context = http_worker_endpoint(server->worker, endpoint);
}

struct bytes http_talk_output(struct talk *talk) {
    enum { DATE_SIZE = 37 };
    struct bytes output = talk_output(talk);
    char *at = talk->output;
    char *end = at + output.size;
    char *found;
    while ((found = memmem(at, (size_t)(end - at), "\r\nDate: ", 8)) != NULL) {
        memmove(found + 2, found + 2 + DATE_SIZE, (size_t)(end - found - 2 - DATE_SIZE + 1));
        end -= DATE_SIZE;
        at = found + 2;
    }
    return bytes_of(talk->output, (size_t)(end - talk->output));
}

/* Another entity tag's number becomes a star: it says where the store has put the value. */
static struct bytes without_tag(struct bytes output) {
    char *text = (char *)(uintptr_t)output.data; /* it is the talk's own */
    char *tag = memmem(text, output.size, "ETag: \"", 7);
    if (tag == NULL) {
        return output;
    }
    char *end = text + output.size;
    char *digits = tag + 7;
    size_t count = strspn(digits, "0123456789");
    memmove(digits + 1, digits + count, (size_t)(end - digits) - count + 1);
    digits[0] = '*';
    return bytes_of(output.data, output.size - count + 1);
}

void http_talk_check(struct talk *talk, const char *request, const char *expected) {
    talk_send(talk, bytes_from_string(request));
    struct bytes output = http_talk_output(talk);
    if (strstr(expected, "ETag: \"*\"") != NULL) {
        output = without_tag(output);
    }
    if (!bytes_equal_string(output, expected)) {
        talk_fail(request, expected, output);
    }
}

void http_talk_check_status(struct talk *talk, const char *request, const char *status) {
    talk_send(talk, bytes_from_string(request));
    struct bytes output = http_talk_output(talk);
    if (output.size < 13 || memcmp(output.data, "HTTP/1.1 ", 9) != 0 ||
        memcmp(output.data + 9, status, 3) != 0) {
        talk_fail(request, status, output);
    }
}
