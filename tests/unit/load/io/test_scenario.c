/* SPDX-License-Identifier: MIT
 *
 * What follows from the options before the first connection is made, and what is refused then.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "options_table.h"
#include "scenario.h"

static struct options options;
static struct scenario scenario;
static struct failure failure;

/* `flags` are separated by single spaces. Whether they make a scenario. */
static bool make(const char *flags) {
    static char text[1024];
    const char *arguments[64] = {"riposte-load"};
    int count = 1;
    failure = (struct failure){0};
    snprintf(text, sizeof(text), "%s", flags);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        arguments[count++] = word;
    }
    cr_assert_eq(options_table_read(&options, count, arguments, &failure), OPTIONS_COMPLETE, "%s: %s", flags,
                 failure.text);
    return scenario_init(&scenario, &options, &failure);
}

static void expect_made(const char *flags) {
    cr_assert(make(flags), "%s: %s", flags, failure.text);
}

static void expect_refused(const char *flags, int exit_status, const char *words) {
    cr_expect_not(make(flags), "%s", flags);
    cr_expect_eq(failure.exit_status, exit_status);
    cr_expect_not_null(strstr(failure.text, words), "%s: %s", flags, failure.text);
}

Test(scenario, keys_need_room_for_prefix_and_number) {
    expect_made("--key-size 6 -k 100 127.0.0.1");
    scenario_deinit(&scenario);
    expect_refused("--key-size 6 -k 101 127.0.0.1", EXIT_CODE_USAGE, "raise --key-size");
}

Test(scenario, what_names_no_key_can_store_nothing) {
    expect_refused("-R 0:1 http://127.0.0.1/page", EXIT_CODE_USAGE, "put {key} into it");
    expect_refused("--preload only noop://127.0.0.1", EXIT_CODE_USAGE, "neither keys nor values");
    expect_made("-R 0:1 http://127.0.0.1/{key}");
    cr_expect(scenario.is_keyed);
    scenario_deinit(&scenario);
    expect_made("http://127.0.0.1/page");
    cr_expect_not(scenario.is_keyed || scenario.preload);
    scenario_deinit(&scenario);
}

Test(scenario, a_path_that_is_too_long_for_a_unix_socket_is_refused) {
    char flags[200];
    int written = snprintf(flags, sizeof(flags), "--unix /%0120d", 0);
    cr_assert(written > 0);
    expect_refused(flags, EXIT_CODE_USAGE, "the path of a Unix socket");
}

Test(scenario, keys_are_stored_first_when_there_are_gets) {
    static const struct {
        const char *flags;
        bool preload;
    } rows[] = {{"127.0.0.1", true},
                {"-R 1:99 127.0.0.1", true},
                {"-R 0:1 127.0.0.1", false},
                {"--preload no 127.0.0.1", false},
                {"--preload only -R 0:1 127.0.0.1", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_made(rows[i].flags);
        cr_expect_eq(scenario.preload, rows[i].preload, "%s", rows[i].flags);
        scenario_deinit(&scenario);
    }
}

Test(scenario, few_requests_are_in_flight_while_large_values_are_stored) {
    static const struct {
        const char *flags;
        unsigned preload_depth;
        unsigned depth_max;
    } rows[] = {{"-v 4096 127.0.0.1", 32, 32},
                {"-v 4097 127.0.0.1", 4, 4},
                {"-v 32769 127.0.0.1", 1, 1},
                {"-v 4096 -d 100 127.0.0.1", 32, 100},
                {"-v 4096 -d 2 --preload no 127.0.0.1", 32, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_made(rows[i].flags);
        cr_expect_eq(scenario_preload_depth(&scenario), rows[i].preload_depth, "%s", rows[i].flags);
        cr_expect_eq(scenario_depth_max(&scenario), rows[i].depth_max, "%s", rows[i].flags);
        scenario_deinit(&scenario);
    }
}

Test(scenario, sources_rotate_where_one_address_has_too_few_ports) {
    expect_made("-c 20000 127.0.0.1");
    cr_expect_not(scenario.rotate_sources);
    scenario_deinit(&scenario);
    expect_made("-c 20000 --idle 1 127.0.0.1");
    cr_expect(scenario.rotate_sources);
    scenario_deinit(&scenario);
    expect_made("--churn 1 127.0.0.1");
    cr_expect(scenario.rotate_sources && scenario.single_receive);
    scenario_deinit(&scenario);
}

Test(scenario, a_thread_with_a_cpu_of_its_own_spins) {
    expect_made("--cpu 0 127.0.0.1");
    cr_expect(scenario.spin);
    scenario_deinit(&scenario);
    expect_made("--cpu 0 --wait sleep 127.0.0.1");
    cr_expect_not(scenario.spin);
    scenario_deinit(&scenario);
}

Test(scenario, shares_of_threads_add_up_and_differ_by_one_at_most) {
    for (uint64_t total = 0; total < 40; total++) {
        for (uint64_t count = 1; count < 8; count++) {
            uint64_t sum = 0;
            for (uint64_t index = 0; index < count; index++) {
                uint64_t share = share_of(total, index, count);
                cr_expect_eq(share_begin(total, index, count), sum);
                cr_expect(share == total / count || share == total / count + 1);
                sum += share;
            }
            cr_expect_eq(sum, total);
        }
    }
}
