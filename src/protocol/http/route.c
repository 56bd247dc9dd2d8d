/* SPDX-License-Identifier: MIT
 *
 * route: the checks that every request passes, in order, and the table of paths.
 *
 *      Host a loopback name, where that is asked for -> method known -> preflight of the allowed origin
 *        -> token -> writes from pages of other origins refused -> by path
 */
#include "route.h"

#include "answer.h"
#include "cache.h"
#include "files/files.h"
#include "parse/host.h"
#include "metrics.h"
#include "page.h"
#include "riposte/check.h"
#include "parse/text.h"

#define CACHE_PATH "/cache/"

static bool path_is(const struct http_request *request, const char *path) {
    return bytes_equal_string(request->target.path, path);
}

/* What the request is for, as its client wrote it. */
static struct bytes host_of(const struct http_request *request) {
    return request->target.authority.size > 0 ? request->target.authority
                                              : http_head_find(request->head, HTTP_HOST);
}

/*
 * A name server of somebody else's can say that their name is this machine (DNS rebinding); then their pages
 * would be of one origin with it. Only names that cannot be so are served on a loopback address.
 */
static bool host_is_served(const struct http_call *call, const struct http_request *request) {
    if (!http_endpoint_is_loopback(call->endpoint)) {
        return true;
    }
    struct bytes authority = request->target.authority;
    return (!http_head_has(request->head, HTTP_HOST) || request->host_is_loopback) &&
           (authority.size == 0 || http_host_is_loopback(authority));
}

/* --- pages of other origins ---------------------------------------------------------------------------------- */

/* True when `origin` is http:// or https:// and the host that was asked. */
static bool origin_is_own(struct bytes origin, struct bytes host) {
    size_t scheme = origin.size > 7 && http_text_equal(bytes_of(origin.data, 7), "http://")    ? 7
                    : origin.size > 8 && http_text_equal(bytes_of(origin.data, 8), "https://") ? 8
                                                                                               : 0;
    return scheme > 0 && bytes_equal(bytes_of(origin.data + scheme, origin.size - scheme), host);
}

/*
 * Browsers send some requests to other origins without asking: a POST of plain text is one. They say from
 * where, so what would change something is refused unless that origin is this one, or the one allowed.
 */
static bool origin_may_write(const struct http_call *call, const struct http_request *request) {
    enum http_method method = request->head->method;
    bool reads = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
    if (likely(reads || !http_head_has(request->head, HTTP_ORIGIN)) || request->exchange.cors) {
        return true;
    }
    (void)call;
    return http_head_has_one(request->head, HTTP_ORIGIN) &&
           origin_is_own(http_head_find(request->head, HTTP_ORIGIN), host_of(request));
}

static bool origin_is_allowed(const struct http_call *call, const struct http_request *request) {
    const char *allowed = call->worker->service->config.cors_origin;
    return unlikely(allowed != NULL) && http_head_has_one(request->head, HTTP_ORIGIN) &&
           bytes_equal_string(http_head_find(request->head, HTTP_ORIGIN), allowed);
}

/* --- by path -------------------------------------------------------------------------------------------------- */

static void answer_options(struct http_call *call, const struct http_request *request) {
    const struct http_answer answer = {
        .status = HTTP_STATUS_NO_CONTENT,
        .fields = bytes_from_string(
            request->exchange.cors
                ? "Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n"
                  "Access-Control-Allow-Methods: GET, HEAD, PUT, POST, DELETE\r\n"
                  "Access-Control-Allow-Headers: Authorization, Cache-Control, Content-Encoding, "
                  "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, "
                  "Range\r\n"
                  "Access-Control-Max-Age: 600\r\n"
                : "Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n"),
    };
    http_answer_send(call, &request->exchange, &answer, bytes_of(NULL, 0));
}

static void answer_state(struct http_call *call, const struct http_request *request) {
    bool draining = path_is(request, "/readyz") && atomic_load(&call->worker->service->draining);
    struct bytes body = bytes_from_string(draining ? "draining\n" : "ok\n");
    const struct http_answer answer = {
        .status = draining ? HTTP_STATUS_UNAVAILABLE : HTTP_STATUS_OK,
        .type = bytes_from_string("text/plain"),
        .size = body.size,
        .fields = bytes_from_string("Cache-Control: no-store\r\n"),
    };
    http_answer_send(call, &request->exchange, &answer, body);
}

static bool path_is_state(const struct http_request *request) {
    return path_is(request, "/healthz") || path_is(request, "/readyz");
}

/* The page, /metrics and /stats.json. */
static bool path_is_admin(const struct http_call *call, const struct http_request *request) {
    bool served = http_endpoint_is_admin(call->endpoint) || !call->worker->service->config.admin_apart;
    return served && (http_page_is(call, request->target.path) || path_is(request, "/metrics") ||
                      path_is(request, "/stats.json"));
}

/* Values and files. */
static bool serves_values(const struct http_call *call) {
    return !http_endpoint_is_admin(call->endpoint);
}

/* The parts that are only read. */
static void route_read(struct http_call *call, struct http_request *request) {
    bool known = path_is_state(request) || path_is_admin(call, request);
    bool has_files = call->worker->service->files != NULL && serves_values(call);
    bool reads = request->head->method == HTTP_GET || request->head->method == HTTP_HEAD;
    if (!known && !has_files) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_NOT_FOUND, "there is nothing here", "");
    } else if (!reads) {
        http_answer_page(call, &request->exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, "this can only be read",
                         "Allow: GET, HEAD, OPTIONS\r\n");
    } else if (path_is_state(request)) {
        answer_state(call, request);
    } else if (!known) {
        request->exchange.latency = LATENCY_HTTP_FILE;
        http_files(call, request);
    } else if (http_page_is(call, request->target.path)) {
        http_page(call, request);
    } else {
        http_metrics(call, request, path_is(request, "/metrics"));
    }
}

static void route_path(struct http_call *call, struct http_request *request, struct http_change *change) {
    enum { CACHE_PATH_SIZE = sizeof(CACHE_PATH) - 1 };
    struct bytes path = request->target.path;
    if (likely(path.size >= CACHE_PATH_SIZE && memcmp(path.data, CACHE_PATH, CACHE_PATH_SIZE) == 0 &&
               serves_values(call))) {
        http_cache(call, request, bytes_of(path.data + CACHE_PATH_SIZE, path.size - CACHE_PATH_SIZE), change);
    } else {
        route_read(call, request);
    }
}

/* What no path could change. True when it is answered. */
static bool route_refused(struct http_call *call, struct http_request *request) {
    struct http_exchange *exchange = &request->exchange;
    switch (request->head->method) {
    case HTTP_METHOD_UNKNOWN:
        http_answer_page(call, exchange, HTTP_STATUS_NOT_IMPLEMENTED, "no such method", "");
        return true;
    case HTTP_CONNECT:
        exchange->keep_alive = false; /* what follows is for whoever it wanted to be connected to */
        break;
    case HTTP_PATCH:
    case HTTP_TRACE:
        break;
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_PUT:
    case HTTP_POST:
    case HTTP_DELETE:
    case HTTP_OPTIONS:
        return false;
    }
    http_answer_page(call, exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, "not a method of this server",
                     "Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n");
    return true;
}

static bool token_is_good(const struct http_call *call, const struct http_request *request) {
    if (likely(!http_service_asks(call->worker->service))) {
        return true;
    }
    struct bytes given = http_head_has_one(request->head, HTTP_AUTHORIZATION)
                             ? http_head_find(request->head, HTTP_AUTHORIZATION)
                             : bytes_of(NULL, 0);
    return http_service_allows(call->worker->service, given) || path_is_state(request) ||
           http_page_is(call, request->target.path);
}

void http_route(struct http_call *call, struct http_request *request, struct http_change *change) {
    struct http_exchange *exchange = &request->exchange;
    exchange->cors = origin_is_allowed(call, request);
    exchange->keep_alive = request->message.keep_alive && !request->message.expect_continue;
    if (request->message.body_size > call->worker->service->config.item_size_max) {
        exchange->keep_alive = false;
        http_answer_page(call, exchange, HTTP_STATUS_CONTENT_TOO_LARGE,
                         "the body is larger than a value may be", "");
    } else if (!host_is_served(call, request)) {
        http_answer_page(call, exchange, HTTP_STATUS_MISDIRECTED,
                         "on a loopback address only names of loopback are served", "");
    } else if (route_refused(call, request)) {
        return;
    } else if (request->head->method == HTTP_OPTIONS) {
        answer_options(call, request);
    } else if (!token_is_good(call, request)) {
        http_answer_page(call, exchange, HTTP_STATUS_UNAUTHORIZED, "a bearer token is asked for",
                         "WWW-Authenticate: Bearer\r\n");
    } else if (!origin_may_write(call, request)) {
        http_answer_page(call, exchange, HTTP_STATUS_FORBIDDEN, "pages of another origin may not write", "");
    } else {
        route_path(call, request, change);
    }
}
