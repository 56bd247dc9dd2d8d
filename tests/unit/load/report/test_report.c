/* SPDX-License-Identifier: MIT
 *
 * What is told of a run, and the warnings that keep a reader from being misled.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "options_table.h"
#include "report.h"
#include "riposte/clock.h"

static struct options options;
static struct scenario scenario;
static struct step_result step;
static char text[16384];

static void make(const char *flag, const char *argument) {
    const char *arguments[] = {"riposte-load", flag, argument, "127.0.0.1:1", NULL};
    struct failure failure = {0};
    cr_assert_eq(options_table_read(&options, 4, arguments, &failure), OPTIONS_COMPLETE, "%s", failure.text);
    cr_assert(scenario_init(&scenario, &options, &failure), "%s", failure.text);
    step = (struct step_result){.rate_per_s = options.rate_per_s, .complete = true};
    step.counts.window_ns = CLOCK_NS_PER_S;
    step.counts.usage.user_ns = CLOCK_NS_PER_S;
    step.counts.replies_in_window = 351234;
    for (unsigned i = 0; i < 1000; i++) {
        histogram_record(&step.counts.latency, 100 * CLOCK_NS_PER_US);
    }
}

static FILE *text_open(void) {
    memset(text, 0, sizeof(text));
    return fmemopen(text, sizeof(text) - 1, "w");
}

static void expect_words(const char *words) {
    cr_expect_not_null(strstr(text, words), "%s\nis not in\n%s", words, text);
}

Test(report, names_rate_latency_and_faults) {
    make("-c", "64");
    step.counts.outcomes[OUTCOME_WRONG_KEY] = 3;
    snprintf(step.counts.wrong_sample, sizeof(step.counts.wrong_sample),
             "get of key:1: the value of another key");
    FILE *out = text_open();
    report_step(out, &scenario, &step);
    fclose(out);
    expect_words("351,234");
    expect_words("3 wrong");
    expect_words("first wrong: get of key:1");
    expect_words("p99.99 100.0 us");
    expect_words("[closed loop]");
    scenario_deinit(&scenario);
}

Test(report, an_open_loop_shows_what_was_offered_and_is_not_called_closed) {
    make("-r", "400k");
    FILE *out = text_open();
    report_head(out, &scenario);
    report_step(out, &scenario, &step);
    fclose(out);
    expect_words("of 400,000 offered");
    expect_words("open loop");
    cr_expect_null(strstr(text, "closed loop"));
    cr_expect_null(strstr(text, "CLOSED LOOP"));
    scenario_deinit(&scenario);
}

Test(report, warns_when_the_generator_was_the_bottleneck) {
    make("--wait", "spin");
    cr_expect_null(report_warning(&scenario, &step));
    step.counts.busy_share_max = 0.99;
    cr_expect_not_null(strstr(report_warning(&scenario, &step), "bottleneck"));
    scenario_deinit(&scenario);
}

Test(report, warns_when_a_spinning_generator_did_not_have_its_cpu) {
    make("--wait", "spin");
    step.counts.usage.user_ns = CLOCK_NS_PER_S / 2;
    cr_expect_not_null(strstr(report_warning(&scenario, &step), "taken from it"));
    scenario_deinit(&scenario);
}

Test(report, warns_when_an_open_loop_was_late_by_itself) {
    make("-r", "1k");
    step.rate_per_s = 1000;
    cr_expect_null(report_warning(&scenario, &step));
    for (unsigned i = 0; i < 1000; i++) {
        histogram_record(&step.counts.lateness, 80 * CLOCK_NS_PER_US);
    }
    cr_expect_not_null(strstr(report_warning(&scenario, &step), "late"));
    scenario_deinit(&scenario);
}

Test(report, a_rate_that_was_not_reached_is_marked_in_a_sweep) {
    make("--sweep", "400k");
    step.rate_per_s = 400000;
    FILE *out = text_open();
    report_sweep_head(out);
    report_sweep_line(out, &scenario, &step);
    fclose(out);
    expect_words("offered/s");
    expect_words("400,000");
    expect_words("not kept up");
    step.rate_per_s = 360000;
    cr_expect(step_kept_up(&step));
    scenario_deinit(&scenario);
}

/* A small reader of JSON's shape: strings, brackets in pairs, no comma before a bracket. */
static void expect_json_shape(void) {
    char open[64];
    unsigned depth = 0;
    char last = ' ';
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            for (at++; *at != '"'; at++) {
                cr_assert(*at != '\0' && *at >= ' ', "a string without an end");
                at += *at == '\\';
            }
        } else if (*at == '{' || *at == '[') {
            cr_assert(depth < sizeof(open));
            open[depth++] = *at;
        } else if (*at == '}' || *at == ']') {
            cr_assert(depth > 0 && last != ',', "a comma before %c", *at);
            cr_assert_eq(open[--depth], *at == '}' ? '{' : '[');
        }
        last = *at == ' ' || *at == '\n' ? last : *at;
    }
    cr_assert_eq(depth, 0);
}

Test(report, json_is_well_formed_whatever_the_server_said) {
    make("-r", "400k");
    struct run_result result = {.steps = &step, .steps_count = 1};
    snprintf(step.counts.error_line, sizeof(step.counts.error_line), "SERVER_ERROR \"quoted\" back\\slash");
    failure_write(&result.failure, EXIT_CODE_ENDED_EARLY, "tab\tand \"quotes\"");
    FILE *out = text_open();
    report_json(out, &scenario, &result);
    fclose(out);
    expect_json_shape();
    expect_words("\"requests_per_s\": 351234");
    expect_words("\\\"quoted\\\" back\\\\slash");
    expect_words("tab\\u0009and");
    expect_words("\"loop\": \"open\"");
    expect_words("\"exit_status\": 2");
    scenario_deinit(&scenario);
}

Test(report, json_without_any_step_is_well_formed) {
    make("-r", "400k");
    struct run_result result = {0};
    FILE *out = text_open();
    report_json(out, &scenario, &result);
    fclose(out);
    expect_json_shape();
    scenario_deinit(&scenario);
}
