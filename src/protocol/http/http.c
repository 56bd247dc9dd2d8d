/* SPDX-License-Identifier: MIT
 *
 * http: the protocol's functions for the engine: the states of a session, one after the other.
 *
 *      http_on_input --> HEAD: http_memo_read --> http_route --> cache, metrics, ...
 *                    \-> BODY: http_change_continue
 */
#include "answer.h"
#include "change.h"
#include "log/note.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "route.h"
#include "saved.h"
#include "tls_client.h"

enum {
    /* A head up to this is a small request's. */
    HEAD_SMALL_SIZE_MAX = 512,
    /* Bytes of a larger one that take as long to read as a small request: 7 ns each where they are names in one field. 4 KiB are costly. */
    HEAD_SIZE_PER_WORK = 16,
};

static size_t call_unread_size(const struct http_call *call) {
    return (size_t)(call->end - call->at);
}

static const char *fault_of_head(enum http_status status) {
    switch ((int)status) {
    case HTTP_STATUS_URI_TOO_LONG:
        return "the target is longer than 8 KiB";
    case HTTP_STATUS_HEAD_TOO_LARGE:
        return "the head is larger than 16 KiB or has more than 100 fields";
    case HTTP_STATUS_VERSION_NOT_SUPPORTED:
        return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    case HTTP_STATUS_NOT_IMPLEMENTED:
        return "no transfer coding but chunked is known";
    case HTTP_STATUS_EXPECTATION_FAILED:
        return "nothing but 100-continue can be expected";
    default:
        return "the request is malformed";
    }
}

/* A head that is whole: *request is what is made of it. */
static void head_serve(struct http_call *call, const struct http_memo *memo, struct http_request *request) {
    const struct http_head *head = request->head;
    const char *begin = call->at;
    call->at += head->size;
    if (unlikely(!memo->message_is_good)) {
        http_answer_refuse(call, request->message.status, fault_of_head(request->message.status));
        return;
    }
    if (unlikely(!http_target_read(head, &request->target)) && head->method != HTTP_CONNECT) {
        http_answer_refuse(call, HTTP_STATUS_BAD_REQUEST, "the target is malformed");
        return;
    }
    counter_add(&call->worker->counters.requests, call->session->waits_ns == 0);
    request->exchange.is_old = head->minor == 0;
    request->exchange.head_only = head->method == HTTP_HEAD;
    request->exchange.latency = LATENCY_HTTP_OTHER;
    struct http_change change;
    http_change_init(&change);
    http_route(call, request, &change);
    bool reads_body = request->message.body != HTTP_BODY_NONE || change.stores;
    if (reads_body && !call->waits && !reply_closing(call->reply)) {
        http_change_begin(call, request, &change);
    }
    if (unlikely(call->waits)) {
        call->at = begin;
        return;
    }
    call->session->waits_ns = 0;
}

static void head_refuse(struct http_call *call, enum http_status status) {
    if ((unsigned char)*call->at == TLS_CLIENT_FIRST_BYTE) {
        counter_add(&call->worker->counters.closed_tls, 1);
        tls_client_refuse(call->reply);
        return;
    }
    http_answer_refuse(call, status, fault_of_head(status));
}

/* So much of a head was read. */
static inline void head_count_work(struct http_call *call, size_t size) {
    if (unlikely(size > HEAD_SMALL_SIZE_MAX)) {
        call->work += (unsigned)(size / HEAD_SIZE_PER_WORK);
    }
}

/* False when the rest of a head has not come, or the request waits. */
static bool head_step(struct http_call *call) {
    struct http_session *session = call->session;
    struct http_memo *memo = &call->worker->memo;
    struct http_request request;
    switch (http_memo_read(memo, bytes_of(call->at, call_unread_size(call)))) {
    case HTTP_PARSE_OK:
        head_count_work(call, memo->head.size);
        session->began_ns = 0;
        request.head = &memo->head;
        request.message = memo->message;
        request.host_is_loopback = memo->host_is_loopback;
        call->request = &request;
        head_serve(call, memo, &request);
        call->request = NULL;
        return !call->waits;
    case HTTP_PARSE_BAD:
        head_refuse(call, memo->head.status);
        return true;
    case HTTP_PARSE_MORE:
        head_count_work(call, call_unread_size(call));
        break;
    }
    if (session->began_ns == 0) {
        session->began_ns = call->now_ns;
    }
    return false;
}

/* One step. False when it needs more input. */
static bool call_step(struct http_call *call) {
    return unlikely(call->session->change != NULL) ? http_change_continue(call) : head_step(call);
}

/* The request that is not all there has had its time. */
static bool call_is_late(const struct http_call *call) {
    const struct http_session *session = call->session;
    uint64_t allowed_ns = call->worker->service->config.timeout_ms * CLOCK_NS_PER_MS;
    if (session->change != NULL) {
        return session->change->is_late;
    }
    return call->now_ns - session->began_ns > allowed_ns;
}

/* What was there is read, and a request has begun. */
static enum protocol_next call_wait(struct http_call *call) {
    if (likely(!call_is_late(call))) {
        return PROTOCOL_NEXT_REST;
    }
    counter_add(&call->worker->counters.timeouts, 1);
    if (call->session->change != NULL && !call->session->change->stores) {
        reply_close(call->reply); /* it has its answer */
    } else {
        http_answer_refuse(call, HTTP_STATUS_REQUEST_TIMEOUT, "the request came too slowly");
    }
    return PROTOCOL_NEXT_INPUT;
}

/* Requests that had to wait for this turn are counted by themselves. */
static void call_record(const struct http_call *call, uint64_t since_ns) {
    if (unlikely(call->received_ns != call->now_ns) && call->worker->latency != NULL) {
        latency_record(call->worker->latency, since_ns);
    }
}

static struct progress http_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                     void *context) {
    const struct http_endpoint *endpoint = context;
    const char *begin =
        input->bytes.size > 0 ? input->bytes.data : ""; /* an empty input may have no address */
    struct http_call call = {
        .worker = endpoint->worker,
        .session = session,
        .reply = reply,
        .endpoint = endpoint,
        .at = begin,
        .end = begin + input->bytes.size,
        .now_ns = input->now_ns,
        .received_ns = input->received_ns,
        .requests_max = input->requests_max,
        .memory_size_max = input->memory_size_max,
    };
    bool stopped = false;
    http_worker_tell_time(call.worker, input->now_ns);
    call_record(&call, call.now_ns);
    if (unlikely(call.worker->service->config.slow_log != NULL)) {
        call.since_ns = clock_monotonic_ns();
    }
    while (call.requests < call.requests_max && !reply_full(reply) && !stopped &&
           call.work < PROTOCOL_WORK_COSTLY && (call.at < call.end || call.session->change != NULL)) {
        stopped = !call_step(&call);
    }
    call_record(&call, call.received_ns);
    enum protocol_next next = PROTOCOL_NEXT_INPUT;
    if (unlikely(call.waits)) {
        next = PROTOCOL_NEXT_LATER;
    } else if (unlikely((call.yielded || (call.session->began_ns == 0 && !stopped && call.at < call.end)) &&
                        !reply_closing(reply))) {
        next = PROTOCOL_NEXT_AGAIN;
    } else if (unlikely(call.session->began_ns != 0 && !reply_closing(reply))) {
        next = call_wait(&call);
    }
    return (struct progress){
        .consumed = (size_t)(call.at - begin),
        .requests = call.requests,
        .next = next,
        .memory_size = call.session->change != NULL ? http_change_memory_size(call.session->change) : 0,
        .memory_wanted_size = call.memory_wanted_size,
        .work = call.work,
    };
}

/* Asks for the bucket of the first request's key, where it stands in the input as it is. */
static void http_prefetch(const void *session, struct bytes input, void *context) {
    static const char start[] = "GET /cache/";
    const size_t start_size = sizeof(start) - 1;
    const struct http_session *own = session;
    const struct http_endpoint *endpoint = context;
    if (own->change != NULL || input.size <= start_size || !store_prefetch_helps(endpoint->worker->store) ||
        memcmp(input.data, start, start_size) != 0) {
        return;
    }
    size_t size = 0;
    const char *key = input.data + start_size;
    while (size < input.size - start_size && key[size] != ' ' && key[size] != '?' && key[size] != '%') {
        size++;
    }
    if (size > 0 && size <= STORE_KEY_SIZE_MAX && size < input.size - start_size && key[size] == ' ') {
        store_prefetch(endpoint->worker->store, bytes_of(key, size));
    }
}

static enum protocol_next http_on_open(void *session, const struct protocol_peer *peer, struct reply *reply,
                                       void *context) {
    const struct http_endpoint *endpoint = context;
    struct http_session *own = session;
    (void)reply;
    own->fd = peer->fd;
    if (endpoint->worker->service->log != NULL) {
        http_note_peer(own, peer->fd);
    }
    return PROTOCOL_NEXT_INPUT;
}

static void http_on_close(void *session, const struct protocol_peer *peer, enum protocol_close reason,
                          void *context) {
    struct http_session *own = session;
    const struct http_endpoint *endpoint = context;
    (void)peer;
    (void)reason;
    if (own->change != NULL) {
        http_change_drop(own, endpoint->worker);
    }
    http_note_drop(own);
}

const struct protocol http_protocol = {
    .name = "http",
    .session_size = sizeof(struct http_session),
    .reject_text = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: "
                   "0\r\nRetry-After: 1\r\n\r\n",
    .on_open = http_on_open,
    .prefetch = http_prefetch,
    .on_input = http_on_input,
    .on_close = http_on_close,
    .session_save = http_saved_write,
    .session_check = http_saved_check,
    .session_load = http_saved_load,
};
