/* SPDX-License-Identifier: MIT
 *
 * What is spoken here, and the parts of a thread: made, moved on, ended.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "encryption.h"
#include "protocols.h"
#include "riposte/clock.h"
#include "riposte/http.h"
#include "riposte/memcached.h"
#include "riposte/store.h"

Test(protocols, are_found_by_each_of_their_names) {
    cr_expect_eq(protocols_find(bytes_from_string("memcached"))->protocol, &memcached_protocol);
    cr_expect_eq(protocols_find(bytes_from_string("ascii"))->protocol, &memcached_protocol);
    cr_expect_eq(protocols_find(bytes_from_string("http"))->protocol, &http_protocol);
    cr_expect_null(protocols_find(bytes_from_string("")));
    cr_expect_null(protocols_find(bytes_from_string("memcache")));
    cr_expect_null(protocols_find(bytes_from_string("memcachedd")));
}

Test(protocols, have_different_names_and_a_context_each) {
    for (unsigned i = 0; i < PROTOCOLS_COUNT; i++) {
        const struct server_protocol *protocol = &protocols_table[i];
        cr_expect_not_null(protocol->protocol);
        cr_expect_not_null(protocol->context_of);
        cr_expect_not_null(protocol->loopback_context_of);
        cr_expect_eq(protocols_find(bytes_from_string(protocol->name)), protocol);
    }
}

/* Command line, engine, store and services, without a listener that anybody would find. */
static struct options options;
static struct engine *engine;
static struct store *store;
static struct protocols protocols;
static struct protocols_parts parts;
static struct encryption no_encryption; /* no listen speaks TLS */

static void no_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    (void)user;
    (void)row;
    (void)target;
}

static void make(void) {
    const char *arguments[] = {"riposte", "-t1", "-c16"};
    struct failure failure = {0};
    struct engine_error error;
    struct engine_config config;
    struct engine_listen listen = {.protocol = &memcached_protocol};
    struct store_config store_config = {.memory_size_max = 8 << 20,
                                        .item_size_max = 1 << 20,
                                        .evict = true,
                                        .workers_max = 1,
                                        .index_power_min = 6};
    cr_assert_eq(options_table_read(&options, 3, arguments, &failure), OPTIONS_COMPLETE);
    listen.address.ss_family = AF_INET;
    listen.address_size = sizeof(struct sockaddr_in);
    engine_config_init(&config);
    config.workers_count = 1;
    config.limits.connections_max = 16;
    config.listens = &listen;
    config.listens_count = 1;
    config.hooks = protocols_hooks(&protocols);
    cr_assert_eq(engine_create(&config, &engine, &error), 0, "%s", error.message);
    cr_assert_eq(store_create(&store_config, &store), 0);
    parts = (struct protocols_parts){.store = store,
                                     .engine = engine,
                                     .encryption = &no_encryption,
                                     .options = &options,
                                     .metrics = {no_rows, NULL},
                                     .has_http = true};
    cr_assert(protocols_create(&protocols, &parts, &failure), "%s", failure.text);
}

static void end(void) {
    protocols_destroy(&protocols);
    store_destroy(store);
    engine_destroy(engine);
}

TestSuite(protocols_thread, .init = make, .fini = end);

Test(protocols_thread, has_a_part_of_every_protocol) {
    struct engine_hooks hooks = protocols_hooks(&protocols);
    void *thread = hooks.worker_start(hooks.user, 0);
    cr_assert_not_null(thread);
    for (unsigned i = 0; i < PROTOCOLS_COUNT; i++) {
        cr_expect_not_null(protocols_table[i].context_of(thread), "%s", protocols_table[i].name);
        cr_expect_not_null(protocols_table[i].loopback_context_of(thread), "%s", protocols_table[i].name);
    }
    hooks.turn(thread, clock_monotonic_ns());
    hooks.offline(thread);
    hooks.online(thread, clock_monotonic_ns());
    hooks.worker_stop(thread);
}

Test(protocols_thread, is_refused_when_the_store_has_no_room_for_one_more) {
    struct engine_hooks hooks = protocols_hooks(&protocols);
    void *thread = hooks.worker_start(hooks.user, 0);
    cr_assert_not_null(thread);
    cr_expect_null(hooks.worker_start(hooks.user, 0), "the store was made for one worker");
    hooks.worker_stop(thread);
}

Test(protocols_thread, needs_no_passwords_unless_a_file_is_named) {
    struct failure failure = {0};
    cr_expect(protocols_load_passwords(&protocols, &options, &failure));
    options.auth_file = "/proc/none/passwords";
    cr_expect_not(protocols_load_passwords(&protocols, &options, &failure));
    cr_expect_eq(strncmp(failure.text, "-Y ", 3), 0, "%s", failure.text);
}

Test(protocols_thread, has_no_http_unless_a_listen_speaks_it) {
    struct failure failure = {0};
    protocols_destroy(&protocols);
    parts.has_http = false;
    cr_assert(protocols_create(&protocols, &parts, &failure), "%s", failure.text);
    cr_expect_null(protocols.http);
    protocols_drain(&protocols);
    cr_expect(protocols_load_token(&protocols, &options, &failure));
    struct engine_hooks hooks = protocols_hooks(&protocols);
    void *thread = hooks.worker_start(hooks.user, 0);
    cr_assert_not_null(thread);
    hooks.worker_stop(thread);
}

Test(protocols_thread, does_not_let_strangers_in_by_http_where_passwords_are_asked_for) {
    struct failure failure = {0};
    struct protocols others;
    options.auth_file = "/tmp/passwords";
    cr_expect_not(protocols_create(&others, &parts, &failure));
    cr_expect_not_null(strstr(failure.text, "--http-token-file"), "%s", failure.text);
    options.auth_file = NULL;
}

Test(protocols_thread, of_http_may_take_less_than_those_of_memcached) {
    struct engine_limits limits;
    engine_limits_init(&limits);
    const struct server_protocol *http = protocols_find(bytes_from_string("http"));
    http->limits(&options, &limits);
    cr_expect_eq(limits.connections_max, options.http_conn_limit);
    cr_expect_eq(limits.input_size_max, HTTP_INPUT_SIZE_MAX);
    cr_expect_eq(limits.idle_timeout_ms, options.http_timeout * 1000);
}
