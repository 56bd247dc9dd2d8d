/* SPDX-License-Identifier: MIT
 *
 * Rates between samples, sums over servers, and orders.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view.h"

enum { SECOND_NS = 1000000000 };

static struct sample samples[3][2];
static struct view view;

static void samples_make(void) {
    for (unsigned i = 0; i < 3; i++) {
        samples[i][0] = (struct sample){.answered = true, .time_ns = SECOND_NS, .uptime_s = 10};
        samples[i][1] = (struct sample){.answered = true, .time_ns = 3 * (uint64_t)SECOND_NS, .uptime_s = 12};
    }
}

TestSuite(view, .init = samples_make);

static void show(unsigned count, enum view_sort sort) {
    static const char *const addresses[] = {"b:1", "a:1", "c:1"};
    struct view_pair pairs[3];
    for (unsigned i = 0; i < count; i++) {
        pairs[i] =
            (struct view_pair){.address = addresses[i], .before = &samples[i][0], .now = &samples[i][1]};
    }
    view_make(&view, pairs, count, sort);
}

static void get_set(unsigned server, uint64_t gets, uint64_t hits, uint64_t sets) {
    samples[server][1].commands[SAMPLE_GET] =
        (struct sample_requests){.count = gets, .hits = hits, .misses = gets - hits, .has_hits = true};
    samples[server][1].commands[SAMPLE_SET].count = sets;
}

static void expect_near(double got, double expected) {
    cr_expect_lt(fabs(got - expected), 0.001, "%f instead of %f", got, expected);
}

Test(view, has_rates_per_second_of_the_time_between_two_samples) {
    get_set(0, 200, 150, 20);
    samples[0][1].evictions = 8;
    show(1, VIEW_BY_RATE);
    expect_near(view.all.requests_per_s, 110);
    expect_near(view.commands[0].per_s, 100);
    cr_expect_eq(view.commands[0].command, SAMPLE_GET);
    expect_near(view.all.evictions_per_s, 4);
    expect_near(view_hit_percent(view.all.hits_per_s, view.all.misses_per_s), 75);
}

Test(view, knows_no_rate_of_a_server_that_was_started_again_or_has_just_come) {
    get_set(0, 200, 150, 20);
    samples[0][0].commands[SAMPLE_GET].count = 1000;
    show(1, VIEW_BY_RATE);
    expect_near(view.all.requests_per_s, 10);
    samples[0][1].uptime_s = 1;
    show(1, VIEW_BY_RATE);
    expect_near(view.all.requests_per_s, 0);
    samples[0][1].uptime_s = 12;
    samples[0][0].answered = false;
    show(1, VIEW_BY_RATE);
    expect_near(view.all.requests_per_s, 0);
    expect_near(view_hit_percent(0, 0), -1);
}

Test(view, adds_servers_up_and_leaves_out_the_silent) {
    get_set(0, 200, 200, 0);
    get_set(1, 100, 0, 0);
    samples[2][1].answered = false;
    samples[0][1].connections = 5;
    samples[1][1].connections = 6;
    samples[2][1].connections = 100;
    samples[0][1].commands[SAMPLE_GET].p99_ns = 10;
    samples[1][1].commands[SAMPLE_GET].p99_ns = 30;
    show(3, VIEW_BY_RATE);
    expect_near(view.all.requests_per_s, 150);
    cr_expect_eq(view.connections, 11);
    cr_expect_eq(view.answered_count, 2);
    cr_expect_eq(view.servers_count, 3);
    cr_expect_eq(view.all.p99_ns, 30);
}

Test(view, sorts_servers_and_commands) {
    get_set(0, 100, 100, 400);
    get_set(1, 100, 20, 0);
    show(3, VIEW_BY_RATE);
    cr_expect_str_eq(view.servers[0].address, "b:1");
    cr_expect_eq(view.commands[0].command, SAMPLE_SET);
    show(3, VIEW_BY_NAME);
    cr_expect_str_eq(view.servers[0].address, "a:1");
    cr_expect_eq(view.commands[0].command, SAMPLE_CAS);
    show(3, VIEW_BY_MISSES);
    cr_expect_str_eq(view.servers[0].address, "a:1");
    cr_expect_eq(view.commands[0].command, SAMPLE_GET);
    samples[2][1].commands[SAMPLE_GET].p99_ns = 5;
    show(3, VIEW_BY_LATENCY);
    cr_expect_str_eq(view.servers[0].address, "c:1");
}

Test(view, has_the_busiest_keys_of_all_servers) {
    for (unsigned server = 0; server < 2; server++) {
        samples[server][1].keys_count = SAMPLE_KEYS_MAX;
        for (unsigned i = 0; i < SAMPLE_KEYS_MAX; i++) {
            struct sample_key *key = &samples[server][1].keys[i];
            snprintf(key->text, sizeof(key->text), "key%u", i * 2 + server);
            key->gets_per_s = 1000 - i * 2 - server;
        }
    }
    show(2, VIEW_BY_RATE);
    cr_expect_eq(view.keys_count, SAMPLE_KEYS_MAX);
    for (unsigned i = 1; i < SAMPLE_KEYS_MAX; i++) {
        cr_expect_eq(view.keys[i].gets_per_s, 1000 - i);
    }
}

Test(view, tells_the_busiest_worker_from_the_idlest) {
    samples[0][1].workers_count = 3;
    samples[0][1].worker_requests[0] = 30;
    samples[0][1].worker_requests[1] = 10;
    samples[0][1].worker_requests[2] = 20;
    show(1, VIEW_BY_RATE);
    expect_near(view.worker_most_per_s, 15);
    expect_near(view.worker_least_per_s, 5);
    cr_expect_eq(view.workers_count, 3);
}
