/* SPDX-License-Identifier: MIT
 *
 * answer: status lines and fields written in place, and the answers that have nothing of their own.
 */
#include "answer.h"

#include <stdio.h>

#include "log/note.h"
#include "number.h"
#include "riposte/check.h"

static const char *reason_of(enum http_status status) {
    switch (status) {
    case HTTP_STATUS_NONE:
        break;
    case HTTP_STATUS_OK:
        return "200 OK";
    case HTTP_STATUS_CREATED:
        return "201 Created";
    case HTTP_STATUS_NO_CONTENT:
        return "204 No Content";
    case HTTP_STATUS_PARTIAL_CONTENT:
        return "206 Partial Content";
    case HTTP_STATUS_MOVED_PERMANENTLY:
        return "301 Moved Permanently";
    case HTTP_STATUS_NOT_MODIFIED:
        return "304 Not Modified";
    case HTTP_STATUS_BAD_REQUEST:
        return "400 Bad Request";
    case HTTP_STATUS_UNAUTHORIZED:
        return "401 Unauthorized";
    case HTTP_STATUS_FORBIDDEN:
        return "403 Forbidden";
    case HTTP_STATUS_NOT_FOUND:
        return "404 Not Found";
    case HTTP_STATUS_METHOD_NOT_ALLOWED:
        return "405 Method Not Allowed";
    case HTTP_STATUS_REQUEST_TIMEOUT:
        return "408 Request Timeout";
    case HTTP_STATUS_CONFLICT:
        return "409 Conflict";
    case HTTP_STATUS_PRECONDITION_FAILED:
        return "412 Precondition Failed";
    case HTTP_STATUS_CONTENT_TOO_LARGE:
        return "413 Content Too Large";
    case HTTP_STATUS_URI_TOO_LONG:
        return "414 URI Too Long";
    case HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE:
        return "415 Unsupported Media Type";
    case HTTP_STATUS_RANGE_NOT_SATISFIABLE:
        return "416 Range Not Satisfiable";
    case HTTP_STATUS_EXPECTATION_FAILED:
        return "417 Expectation Failed";
    case HTTP_STATUS_MISDIRECTED:
        return "421 Misdirected Request";
    case HTTP_STATUS_HEAD_TOO_LARGE:
        return "431 Request Header Fields Too Large";
    case HTTP_STATUS_INTERNAL_ERROR:
        return "500 Internal Server Error";
    case HTTP_STATUS_NOT_IMPLEMENTED:
        return "501 Not Implemented";
    case HTTP_STATUS_UNAVAILABLE:
        return "503 Service Unavailable";
    case HTTP_STATUS_VERSION_NOT_SUPPORTED:
        return "505 HTTP Version Not Supported";
    case HTTP_STATUS_INSUFFICIENT_STORAGE:
        return "507 Insufficient Storage";
    }
    return "500 Internal Server Error";
}

/* Text of the program; with a literal all of it is a few moves. */
static inline char *put_text(char *at, const char *text) {
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static char *put_start(char *at, const struct http_worker *worker, enum http_status status) {
    if (likely(status == HTTP_STATUS_OK)) {
        at = put_text(at, "HTTP/1.1 200 OK\r\n");
    } else {
        at = put_text(at, "HTTP/1.1 ");
        at = put_text(at, reason_of(status));
        at = put_text(at, "\r\n");
    }
    memcpy(at, worker->date_line, HTTP_DATE_LINE_SIZE);
    return at + HTTP_DATE_LINE_SIZE;
}

static char *put_content(char *at, const struct http_answer *answer) {
    if (answer->type.size > 0) {
        at = put_text(at, "Content-Type: ");
        at = bytes_copy(at, answer->type);
        at = put_text(at, "\r\n");
    }
    if (unlikely(answer->coding.size > 0)) {
        at = put_text(at, "Content-Encoding: ");
        at = bytes_copy(at, answer->coding);
        at = put_text(at, "\r\n");
    }
    /* RFC 9110 section 8.6: none with 204; with 304 it may be left out, and is. */
    if (answer->status != HTTP_STATUS_NO_CONTENT && answer->status != HTTP_STATUS_NOT_MODIFIED) {
        at = put_text(at, "Content-Length: ");
        at = number_write(at, answer->size);
        at = put_text(at, "\r\n");
    }
    return at;
}

/* Also to those who are not allowed: a cache on the way must not give their answer to the one that is. */
static char *put_origin(char *at, const struct http_exchange *exchange, const char *allowed) {
    if (exchange->cors) {
        at = put_text(at, "Access-Control-Allow-Origin: ");
        at = put_text(at, allowed);
        at = put_text(at, "\r\nAccess-Control-Expose-Headers: ETag, X-Cache\r\n");
    }
    return put_text(at, "Vary: Origin\r\n");
}

static char *put_connection(char *at, const struct http_call *call, const struct http_exchange *exchange) {
    const char *allowed = call->worker->service->config.cors_origin;
    if (unlikely(allowed != NULL)) {
        at = put_origin(at, exchange, allowed);
    }
    if (unlikely(!exchange->keep_alive)) {
        return put_text(at, "Connection: close\r\n");
    }
    return unlikely(exchange->is_old) ? put_text(at, "Connection: keep-alive\r\n") : at;
}

/* At most as many bytes as the head will have: the lines that are always the same size, and the others. */
static size_t head_bound(const struct http_call *call, const struct http_answer *answer) {
    enum { LINES_SIZE = 216, CORS_SIZE = 96 };
    const char *allowed = call->worker->service->config.cors_origin;
    size_t cors_size = unlikely(allowed != NULL) ? CORS_SIZE + strlen(allowed) : 0;
    return LINES_SIZE + answer->type.size + answer->coding.size + answer->fields.size + cors_size;
}

char *http_answer_head(struct http_call *call, const struct http_exchange *exchange,
                       const struct http_answer *answer, size_t room, size_t *head_size) {
    assert(answer->fields.size <= HTTP_ANSWER_FIELDS_SIZE_MAX);
    size_t bound = head_bound(call, answer);
    assert(bound <= HTTP_ANSWER_HEAD_SIZE_MAX);
    char *begin = reply_reserve(call->reply, bound + room);
    char *at = put_start(begin, call->worker, answer->status);
    at = put_content(at, answer);
    if (answer->etag != 0) {
        at = put_text(at, "ETag: \"");
        at = number_write(at, answer->etag);
        at = put_text(at, "\"\r\n");
    }
    at = bytes_copy(at, answer->fields);
    at = put_connection(at, call, exchange);
    at = put_text(at, "\r\n");
    *head_size = (size_t)(at - begin);
    call->body_size = exchange->head_only ? 0 : answer->size;
    assert(*head_size <= bound);
    return begin;
}

static void count_answer(struct http_counters *counters, enum http_status status) {
    if (likely(status < 300)) {
        counter_add(&counters->answers_2xx, 1);
    } else if (status < 400) {
        counter_add(&counters->answers_3xx, 1);
    } else if (status < 500) {
        counter_add(&counters->answers_4xx, 1);
    } else {
        counter_add(&counters->answers_5xx, 1);
    }
}

void http_answer_end(struct http_call *call, const struct http_exchange *exchange, enum http_status status) {
    count_answer(&call->worker->counters, status);
    call->requests++;
    if (likely(call->worker->latency != NULL)) {
        latency_count(call->worker->latency, exchange->latency, 1);
    }
    if (unlikely(call->worker->service->config.slow_log != NULL)) {
        http_note_slow(call);
    }
    if (unlikely(call->worker->service->log != NULL)) {
        http_note_write(call, status);
    }
    if (unlikely(!exchange->keep_alive)) {
        reply_close(call->reply);
    }
}

void http_answer_send(struct http_call *call, const struct http_exchange *exchange,
                      const struct http_answer *answer, struct bytes body) {
    size_t head_size;
    http_answer_head(call, exchange, answer, 0, &head_size);
    reply_commit(call->reply, head_size);
    if (!exchange->head_only && body.size > 0) {
        reply_copy(call->reply, body);
    }
    http_answer_end(call, exchange, answer->status);
}

void http_answer_page(struct http_call *call, const struct http_exchange *exchange, enum http_status status,
                      const char *sentence, const char *fields) {
    char page[256];
    int size = snprintf(page, sizeof(page), "%s: %s\n", reason_of(status), sentence);
    assert(size > 0 && (size_t)size < sizeof(page));
    struct http_answer answer = {
        .status = status,
        .type = bytes_from_string("text/plain; charset=utf-8"),
        .size = (uint64_t)size,
        .fields = bytes_from_string(fields),
    };
    http_answer_send(call, exchange, &answer, bytes_of(page, (size_t)size));
}

void http_answer_refuse(struct http_call *call, enum http_status status, const char *sentence) {
    const struct http_exchange last = {
        .keep_alive = false,
        .head_only = call->request != NULL && call->request->head->method == HTTP_HEAD,
        .latency = LATENCY_HTTP_OTHER,
    };
    counter_add(&call->worker->counters.refused, 1);
    http_answer_page(call, &last, status, sentence, "");
}

void http_answer_continue(struct http_call *call) {
    reply_copy_string(call->reply, "HTTP/1.1 100 Continue\r\n\r\n");
}
