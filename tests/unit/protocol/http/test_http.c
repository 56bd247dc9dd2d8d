/* SPDX-License-Identifier: MIT
 *
 * http: connections through the whole protocol: pipelines, pieces, closing, time, who may ask.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "http_talk.h"

#define HOST      "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static struct http_talk_server server;
static struct talk talk;

static void configure(void) {
    http_talk_server_config(&server);
}

static void start(void) {
    http_talk_server_init(&server);
    http_talk_open(&talk, &server);
}

static void close_server(void) {
    talk_close(&talk);
    http_talk_server_deinit(&server);
}

TestSuite(http, .init = configure, .fini = close_server);

static unsigned count(struct bytes text, const char *word) {
    unsigned found = 0;
    const char *at = text.data;
    const char *end = text.data + text.size;
    while ((at = memmem(at, (size_t)(end - at), word, strlen(word))) != NULL) {
        at += strlen(word);
        found++;
    }
    return found;
}

/* Everything below is sent whole, and in pieces of every size: the answers must be the same. */
static const char *const conversations[] = {
    GET("/healthz") GET("/healthz") GET("/none"),
    "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET("/cache/a"),
    "PUT /cache/a HTTP/1.1\r\n" HOST
    "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: u\r\n\r\n" GET("/cache/a"),
    "GET /cache/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET("/healthz"),
    "POST /none HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n\r\n" GET("/healthz"),
    "PUT /cache/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nhelX0\r\n\r\n" GET("/healthz"),
    "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\nConnection: close\r\n\r\nhello" GET("/healthz"),
    "GET /healthz HTTP/1.0\r\n\r\n" GET("/healthz"),
    "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/healthz"),
    GET("/healthz") "BAD\r\n\r\n" GET("/healthz"),
    "\r\n" GET("/healthz") "\r\n" GET("/healthz"),
};

Test(http, answers_the_same_however_a_conversation_is_cut) {
    start();
    for (size_t i = 0; i < sizeof(conversations) / sizeof(conversations[0]); i++) {
        static char whole[8192];
        struct bytes text = bytes_from_string(conversations[i]);
        for (size_t step = text.size; step > 0; step--) {
            close_server();
            start();
            for (size_t at = 0; at < text.size; at += step) {
                talk_send(&talk, bytes_of(text.data + at, text.size - at < step ? text.size - at : step));
            }
            struct bytes output = http_talk_output(&talk);
            if (step == text.size) {
                snprintf(whole, sizeof(whole), "%s", output.data);
            }
            cr_assert_str_eq(output.data, whole, "step %zu of %s", step, text.data);
        }
    }
}

Test(http, serves_a_pipeline_in_order_and_in_turns) {
    start();
    talk.requests_max = 3;
    static char text[8192];
    size_t size = 0;
    for (int i = 0; i < 16; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", GET("/healthz"));
    }
    talk_send(&talk, bytes_of(text, size));
    cr_assert_eq(talk.requests, 16);
    cr_assert_eq(count(http_talk_output(&talk), "HTTP/1.1 200 OK"), 16);
    cr_assert_eq(talk.next, PROTOCOL_NEXT_INPUT);
}

/* A request whose head has a field of so many bytes, without its end. */
static size_t large_head(char *request, size_t field_size) {
    size_t size = (size_t)sprintf(request, "GET /healthz HTTP/1.1\r\n" HOST "X-A: ");
    memset(request + size, 'a', field_size);
    return size + field_size;
}

Test(http, a_large_head_is_as_much_work_as_many_small_ones) {
    static char request[16384];
    start();
    size_t size = large_head(request, 2000);
    talk_send(&talk, bytes_of(request, size));
    cr_expect(talk.work >= 125 && !talk.costly, "%u, of which the end is missing", talk.work);
    talk_send(&talk, bytes_from_string("\r\n\r\n"));
    cr_expect(talk.work >= 125 && !talk.costly, "%u", talk.work);
    talk_send(&talk, bytes_from_string(GET("/healthz")));
    cr_expect_eq(talk.work, 0);
    talk_send(&talk, bytes_of(request, large_head(request, 4200)));
    cr_expect(talk.costly);
    talk_send(&talk, bytes_from_string("\r\n\r\n"));
    cr_expect(talk.costly);
}

/* A body costs nobody but who sends it; what was there before is copied for a byte. */
Test(http, an_append_is_as_much_work_as_what_it_copies) {
    static const char append[] = "POST /cache/a?op=append HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n+";
    char value[40000], head[100];
    memset(value, 'v', sizeof(value));
    snprintf(head, sizeof(head), "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
             sizeof(value));
    start();
    talk_send(&talk, bytes_from_string(head));
    talk_send(&talk, bytes_of(value, sizeof(value)));
    cr_assert_eq(count(http_talk_output(&talk), "201 Created"), 1);
    http_talk_check_status(&talk, append, "204");
    cr_expect(talk.costly, "40 KB were copied: others come first");
    http_talk_check_status(&talk, "PUT /cache/a HTTP/1.1\r\n" HOST "\r\n", "204");
    http_talk_check_status(&talk, append, "204");
    cr_expect_not(talk.costly);
}

Test(http, a_flushed_prefix_is_costly) {
    start();
    talk_send(&talk, bytes_from_string("DELETE /cache/?prefix=a HTTP/1.1\r\n" HOST "\r\n"));
    cr_expect(talk.costly);
}

Test(http, a_call_ends_behind_heads_that_are_large_together) {
    static char request[2048];
    char pipeline[4 * sizeof(request)];
    start();
    size_t size = large_head(request, 1900);
    memcpy(request + size, "\r\n\r\n", 4);
    for (size_t i = 0; i < 4; i++) {
        memcpy(pipeline + i * (size + 4), request, size + 4);
    }
    unsigned calls = talk.calls;
    talk_send(&talk, bytes_of(pipeline, 4 * (size + 4)));
    cr_expect_eq(talk.calls - calls, 2);
    cr_expect_eq(talk.requests, 4);
}

Test(http, says_100_to_a_client_that_waits_and_not_to_one_that_does_not) {
    start();
    http_talk_check(&talk,
                    "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
                    "HTTP/1.1 100 Continue\r\n\r\n");
    http_talk_check(&talk, "hello", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nETag: \"1\"\r\n\r\n");
    http_talk_check(&talk,
                    "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
                    "HTTP/1.1 204 No Content\r\nETag: \"*\"\r\n\r\n");
}

/* handshake_failure (RFC 8446 section 6), whichever piece of its first message comes. */
Test(http, a_client_of_tls_reads_an_alert) {
    for (size_t size = 1; size <= 11; size++) {
        start();
        talk_send(&talk, bytes_of("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\n", size));
        struct bytes output = http_talk_output(&talk);
        cr_expect(bytes_equal(output, bytes_of("\x15\x03\x01\x00\x02\x02\x28", 7)), "%zu", size);
        cr_expect(talk.closed);
        if (size < 11) {
            close_server();
            configure();
        }
    }
}

Test(http, refuses_a_body_before_it_is_sent_where_the_client_waits) {
    start();
    http_talk_check_status(
        &talk, "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n",
        "413");
    cr_assert(talk.closed);
    talk_close(&talk);
    http_talk_open(&talk, &server);
    http_talk_check_status(
        &talk, "POST /cache/a?op=no HTTP/1.1\r\n" HOST "Content-Length: 20\r\nExpect: 100-continue\r\n\r\n",
        "400");
    cr_assert(talk.closed);
}

Test(http, refuses_a_body_that_is_too_large_in_pieces) {
    server.config.item_size_max = 1024;
    server.store_config.item_size_max = 1024;
    start();
    static char piece[400];
    memset(piece, 'x', sizeof(piece));
    talk_send(&talk,
              bytes_from_string("PUT /cache/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 3 && !talk.closed; i++) {
        talk_send(&talk, bytes_from_string("190\r\n"));
        talk_send(&talk, bytes_of(piece, sizeof(piece)));
        talk_send(&talk, bytes_from_string("\r\n"));
    }
    cr_assert(talk.closed);
    cr_assert_eq(count(http_talk_output(&talk), "HTTP/1.1 413 "), 1);
}

Test(http, closes_when_the_end_of_a_request_is_in_doubt) {
    static const char *const refused[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "GET /#a HTTP/1.1\r\n" HOST "\r\n",
        "GET a:80 HTTP/1.1\r\n" HOST "\r\n",
    };
    start();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        http_talk_check_status(&talk, refused[i], "400");
        cr_assert(talk.closed, "%s", refused[i]);
        talk_close(&talk);
        http_talk_open(&talk, &server);
    }
}

Test(http, a_refused_head_has_no_body) {
    start();
    http_talk_check(
        &talk, "HEAD /healthz HTTP/1.1\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\n"
        "Connection: close\r\n\r\n");
}

Test(http, answers_other_methods_and_goes_on) {
    start();
    http_talk_check_status(&talk, "BREW / HTTP/1.1\r\n" HOST "\r\n", "501");
    http_talk_check_status(&talk, "get / HTTP/1.1\r\n" HOST "\r\n", "501");
    http_talk_check_status(&talk, "PATCH /cache/a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", "405");
    http_talk_check_status(&talk, "TRACE / HTTP/1.1\r\n" HOST "\r\n", "405");
    http_talk_check_status(&talk, "PUT /metrics HTTP/1.1\r\n" HOST "\r\n", "405");
    http_talk_check(&talk, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
                    "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n\r\n");
    cr_assert(!talk.closed);
    http_talk_check_status(&talk, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", "405");
    cr_assert(talk.closed);
}

Test(http, answers_an_upgrade_as_if_it_were_not_there) {
    start();
    http_talk_check_status(
        &talk, "GET /healthz HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "200");
    cr_assert(!talk.closed);
}

Test(http, says_keep_alive_to_old_clients_that_ask_for_it) {
    start();
    http_talk_check(
        &talk, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCache-Control: no-store\r\n"
        "Connection: keep-alive\r\n\r\nok\n");
    cr_assert(!talk.closed);
    http_talk_check(
        &talk, "GET /healthz HTTP/1.0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n\r\nok\n");
    cr_assert(talk.closed);
}

Test(http, gives_a_head_thirty_seconds) {
    start();
    talk_send(&talk, bytes_from_string("GET / HTTP/1.1\r\n"));
    cr_assert_eq(talk.next, PROTOCOL_NEXT_REST);
    http_talk_server_advance(&server, 30);
    talk_step(&talk, false);
    cr_assert(!talk.closed);
    http_talk_server_advance(&server, 1);
    talk_step(&talk, false);
    cr_assert(talk.closed);
    cr_assert_eq(count(http_talk_output(&talk), "HTTP/1.1 408 "), 1);
}

Test(http, waits_for_nothing_between_requests) {
    start();
    http_talk_check_status(&talk, GET("/healthz"), "200");
    cr_assert_eq(talk.next, PROTOCOL_NEXT_INPUT);
    talk_send(&talk, bytes_from_string("PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n"));
    cr_assert_eq(talk.next, PROTOCOL_NEXT_REST);
    talk_send(&talk, bytes_from_string("ab"));
    cr_assert_eq(talk.next, PROTOCOL_NEXT_INPUT);
}

Test(http, serves_only_names_of_loopback_where_it_is_told_to) {
    start();
    http_talk_move(&talk, &server, HTTP_ENDPOINT_LOOPBACK);
    http_talk_check_status(&talk, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421");
    http_talk_check_status(&talk, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", "200");
    http_talk_check_status(&talk, "GET http://evil.example/healthz HTTP/1.1\r\n" HOST "\r\n", "421");
    http_talk_check_status(&talk, "GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                           "421");
    http_talk_move(&talk, &server, HTTP_ENDPOINT_OPEN);
    http_talk_check_status(&talk, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", "200");
}

#define PUT_FROM(origin) "PUT /cache/a HTTP/1.1\r\n" HOST "Origin: " origin "\r\nContent-Length: 1\r\n\r\nx"

Test(http, refuses_writes_from_pages_of_other_origins) {
    server.config.cors_origin = "https://app.example";
    start();
    http_talk_check_status(&talk, PUT_FROM("http://evil.example"), "403");
    http_talk_check_status(&talk, PUT_FROM("null"), "403");
    http_talk_check_status(&talk, PUT_FROM("http://localhost"), "201");
    http_talk_check(
        &talk, PUT_FROM("https://app.example"),
        "HTTP/1.1 204 No Content\r\nETag: \"*\"\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
        "Access-Control-Expose-Headers: ETag, X-Cache\r\nVary: Origin\r\n\r\n");
    talk_send(&talk, bytes_from_string("OPTIONS /cache/a HTTP/1.1\r\n" HOST "Origin: https://app.example\r\n"
                                       "Access-Control-Request-Method: PUT\r\n\r\n"));
    const struct bytes options = http_talk_output(&talk);
    cr_assert_eq(count(options, "Access-Control-Allow-Methods: "), 1);
    cr_assert_eq(count(options, "Content-Encoding, Content-Type"), 1, "a PUT from there may say both");
    talk_send(&talk, bytes_from_string("OPTIONS /cache/a HTTP/1.1\r\n" HOST "Origin: https://b\r\n\r\n"));
    const struct bytes other = http_talk_output(&talk);
    cr_assert_eq(count(other, "Access-Control"), 0);
    cr_assert_eq(count(other, "Vary: Origin\r\n"), 1, "a cache must not give it to the allowed one");
    talk_send(&talk, bytes_from_string(GET("/cache/a")));
    cr_assert_eq(count(http_talk_output(&talk), "Vary: Origin\r\n"), 1);
}

Test(http, may_be_told_of_origins_that_browsers_send_and_of_no_others) {
    static const char *const good[] = {"https://app.example", "http://localhost:3000", "http://[::1]:80",
                                       "chrome-extension://abcdef"};
    static const char *const bad[] = {
        "",          "null",           "*",           "app.example",    "https://",
        "://a",      "https://a/",     "https://a b", "https://A.b",    "https://a:",
        "https://*", "https://a\r\nb", "https://u@a", "https://a:65536"};
    char text[HTTP_CORS_SIZE_MAX + 2];
    start();
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_expect(http_origin_is_valid(bytes_from_string(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_not(http_origin_is_valid(bytes_from_string(bad[i])), "%s", bad[i]);
    }
    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    cr_expect(http_origin_is_valid(bytes_of(text, HTTP_CORS_SIZE_MAX)));
    cr_expect_not(http_origin_is_valid(bytes_of(text, HTTP_CORS_SIZE_MAX + 1)));
}

Test(http, refuses_writes_where_it_is_read_only) {
    server.config.readonly = true;
    start();
    http_talk_check_status(&talk, "PUT /cache/a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "403");
    http_talk_check_status(&talk, "DELETE /cache/a HTTP/1.1\r\n" HOST "\r\n", "403");
    http_talk_check_status(&talk, "POST /cache/a?op=incr HTTP/1.1\r\n" HOST "\r\n", "403");
    http_talk_check_status(&talk, GET("/cache/a"), "404");
}

static void token_write(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

#define GET_AS(path, value) "GET " path " HTTP/1.1\r\n" HOST "Authorization: " value "\r\n\r\n"

Test(http, asks_for_the_token_of_its_file_on_all_but_health) {
    char path[] = "/tmp/riposte-token-XXXXXX";
    char message[512];
    close(mkstemp(path));
    start();
    token_write(path, "s3cret\nrest\n");
    cr_assert_eq(http_service_token_load(server.service, path, message, sizeof(message)), 0);
    http_talk_check_status(&talk, GET("/cache/a"), "401");
    http_talk_check_status(&talk, GET("/healthz"), "200");
    http_talk_check_status(&talk, GET("/readyz"), "200");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer s3cret"), "404");
    http_talk_check_status(&talk, GET_AS("/cache/a", "bearer  s3cret"), "404");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer s3cre"), "401");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer s3crets3cret"), "401");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer"), "401");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Basic s3cret"), "401");
    token_write(path, "other\n");
    cr_assert_eq(http_service_token_load(server.service, path, message, sizeof(message)), 0);
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer s3cret"), "401");
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer other"), "404");
    token_write(path, "a b\n");
    cr_assert_eq(http_service_token_load(server.service, path, message, sizeof(message)), -EINVAL);
    token_write(path, "");
    cr_assert_eq(http_service_token_load(server.service, path, message, sizeof(message)), -EINVAL);
    http_talk_check_status(&talk, GET_AS("/cache/a", "Bearer other"), "404");
    unlink(path);
}

Test(http, is_not_ready_while_it_drains) {
    start();
    http_service_drain(server.service);
    http_talk_check_status(&talk, GET("/readyz"), "503");
    http_talk_check_status(&talk, GET("/healthz"), "200");
}

static void rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    (void)user;
    row(target, &(struct metrics_row){.name = "a_total", .help = "h", .kind = METRICS_COUNTER, .value = 3});
    row(target, &(struct metrics_row){
                    .name = "b", .help = "i", .kind = METRICS_GAUGE, .labels = {{"w", "0"}}, .value = 1});
    row(target, &(struct metrics_row){.name = "b",
                                      .help = "i",
                                      .kind = METRICS_GAUGE,
                                      .labels = {{"w", "1"}, {"x", "y"}},
                                      .value = 0.5});
    row(target, &(struct metrics_row){.name = "c", .help = "j", .kind = METRICS_GAUGE, .value = 2});
}

Test(http, tells_its_metrics_and_those_of_its_sources) {
    server.config.sources[0] = (struct metrics_source){.write = rows};
    server.config.sources_count = 1;
    start();
    talk_send(&talk, bytes_from_string(GET("/metrics")));
    struct bytes output = http_talk_output(&talk);
    cr_assert_eq(count(output, "# TYPE riposte_http_requests_total counter\nriposte_http_requests_total 1\n"),
                 1);
    cr_assert_eq(count(output,
                       "# HELP a_total h\n# TYPE a_total counter\na_total 3\n# HELP b i\n# TYPE b gauge\n"
                       "b{w=\"0\"} 1\nb{w=\"1\",x=\"y\"} 0.5\n# HELP c j\n# TYPE c gauge\nc 2\n"),
                 1);
    talk_send(&talk, bytes_from_string(GET("/stats.json")));
    output = http_talk_output(&talk);
    cr_assert_eq(count(output, "{\"riposte_http_requests_total\":2,"), 1);
    cr_assert_eq(count(output, ",\"a_total\":3,\"b\":{\"0\":1 ,\"1,y\":0.5 },\"c\":2}\n"), 1, "%s",
                 output.data);
    http_talk_check_status(&talk, "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", "200");
}
