/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "config.h"
#include "dial.h"
#include "frames.h"

static struct engine_listen listens[2];
static struct engine_config config;

static void set_up(void) {
    listens[0] = listens[1] = dial_listen(&frames_protocol);
    config = dial_config(ENGINE_EPOLL, listens);
}

TestSuite(config, .init = set_up);

static void expect_refused(const char *sentence) {
    struct engine_error error = {0};
    cr_assert_eq(config_check(&config, &error), -EINVAL);
    cr_assert(error.usage);
    cr_assert_not_null(strstr(error.message, sentence), "%s", error.message);
}

Test(config, takes_the_defaults) {
    struct engine_error error = {0};
    cr_assert_eq(config_check(&config, &error), 0, "%s", error.message);
}

Test(config, takes_a_spin_of_its_limit_and_refuses_one_more) {
    struct engine_error error = {0};
    config.spin_us = ENGINE_SPIN_US_MAX;
    cr_assert_eq(config_check(&config, &error), 0);
    config.spin_us = ENGINE_SPIN_US_MAX + 1;
    expect_refused("spin");
    config.spin_us = ENGINE_SPIN_AUTO - 1;
    expect_refused("spin");
}

/* 2^31 ms would lie in the past of a clock that compares by difference: every writer was closed at once. */
Test(config, takes_a_time_out_of_its_limit_and_refuses_one_more) {
    uint32_t *timeouts[] = {&config.write_timeout_ms, &config.drain_timeout_ms, &config.linger_timeout_ms};
    struct engine_error error = {0};
    for (int i = 0; i < 3; i++) {
        *timeouts[i] = ENGINE_TIMEOUT_MS_MAX;
        cr_assert_eq(config_check(&config, &error), 0);
        *timeouts[i] = ENGINE_TIMEOUT_MS_MAX + 1u;
        expect_refused("time-out");
        *timeouts[i] = 0;
        expect_refused("time-out");
        *timeouts[i] = 1000;
    }
}

Test(config, checks_the_limits_of_every_listen) {
    struct engine_limits limits;
    engine_limits_init(&limits);
    limits.idle_timeout_ms = ENGINE_TIMEOUT_MS_MAX + 1u;
    listens[1].limits = &limits;
    config.listens_count = 2;
    expect_refused("idle time-out");
    limits.idle_timeout_ms = 0;
    limits.requests_per_round_max = 0;
    expect_refused("requests per connection");
}

Test(config, makes_one_group_of_listens_with_the_same_limits) {
    struct engine_listen five[5];
    struct engine_limits own;
    engine_limits_init(&own);
    own.connections_max = 7;
    for (int i = 0; i < 5; i++) {
        five[i] = dial_listen(&frames_protocol);
        five[i].limits = i % 2 == 0 ? NULL : &own;
    }
    config.listens = five;
    config.listens_count = 5;
    struct engine engine = {0};
    cr_assert_eq(config_copy(&engine, &config), 0);
    cr_assert_eq(engine.groups_count, 2);
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(engine.listen_groups[i], i % 2);
    }
    cr_expect_eq(engine.groups[1].limits.connections_max, 7);
    cr_expect_eq(engine.connections_max, 16384 + 7);
    config_free(&engine);
}
