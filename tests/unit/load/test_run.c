/* SPDX-License-Identifier: MIT
 *
 * Whole runs against a server in the test, good or stalling. What happens is made by construction: no test
 * waits for luck, and none depends on how fast the machine is.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run_fixture.h"
#include "report.h"
#include "riposte/clock.h"

TestSuite(run, .timeout = TIMEOUT_S);

Test(run, counts_every_request_of_a_good_server_once) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 5000 -c 7");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[OUTCOME_HIT], 5000);
    cr_expect_eq(counts->latency.count, 5000);
    cr_expect_eq(counts->replies_in_window, 5000);
    cr_expect_eq(counts->bytes_sent, 5000 * strlen("get key:000000000000\r\n"));
    cr_expect_eq(counts_faults(counts), 0);
    cr_expect_eq(atomic_load(&server.requests), 5000);
    finish();
}

Test(run, pipelines_and_threads_share_the_requests) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 10007 -c 10 -T 3 -d 16 -R 50:50");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[OUTCOME_HIT] + counts->outcomes[OUTCOME_STORED], 10007);
    cr_expect(counts->outcomes[OUTCOME_STORED] > 4000 && counts->outcomes[OUTCOME_HIT] > 4000);
    cr_expect_eq(atomic_load(&server.accepted), 10);
    finish();
}

Test(run, values_larger_than_any_buffer_are_sent_and_checked) {
    server = (struct fake_server){.fault = FAKE_NONE};
    fake_server_start(&server, "60000");
    load_run(&run, server.port, FLAGS "-n 200 -c 4 -v 60000 -k 20 -R 50:50");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(load_run_counts(&run)->latency.count, 200);
    finish();
}

/* A batch of 2 MiB in one piece: more than a socket takes at once, so that it is sent bit by bit. */
Test(run, batches_larger_than_a_socket_takes_are_sent_whole) {
    server = (struct fake_server){.fault = FAKE_NONE};
    fake_server_start(&server, "4096");
    load_run(&run, server.port, FLAGS "-n 2048 -c 2 -d 512 -v 4096 -R 0:100");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[OUTCOME_STORED], 2048);
    cr_expect_eq(counts->bytes_sent, 2048 * (strlen("set key:000000000000 0 0 4096\r\n\r\n") + 4096));
    finish();
}

/*
 * Replies of 60,000 bytes where 32 are expected: 16 buffers of 256 bytes are empty before one reply is read.
 */
Test(run, goes_on_when_the_receive_buffers_run_out) {
    server = (struct fake_server){.fault = FAKE_NONE};
    fake_server_start(&server, "60000");
    load_run(&run, server.port, FLAGS "-n 200 -c 4 --preload no --receive multishot");
    if (run_exit_code(&run.result) == EXIT_CODE_SYSTEM) {
        cr_skip_test("%s", run.result.failure.text);
    }
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(counts->outcomes[OUTCOME_WRONG_LENGTH], 200, "%s", run.result.failure.text);
    cr_expect(counts->buffers_empty > 0);
    finish();
}

Test(run, single_receives_do_the_same_work) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 5000 -c 7 -d 4 --receive single");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(load_run_counts(&run)->outcomes[OUTCOME_HIT], 5000);
    finish();
}

Test(run, spinning_does_the_same_work) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, "--wait spin --timeout 20s -w 0 -k 100 -n 5000 -c 7");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(load_run_counts(&run)->outcomes[OUTCOME_HIT], 5000);
    finish();
}

Test(run, an_open_loop_sends_what_is_planned) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 500 -c 5 -r 5000");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->latency.count, 500);
    cr_expect_eq(counts->lateness.count, 500);
    finish();
}

/*
 * 1000 requests, one per ms; the server answers nothing for 200 ms from the moment it reads number 500.
 * Requests 501, 502, ... are intended 1, 2, ... ms later and cannot be answered before the stall ends: the
 * second largest latency, which is p99.9 of 1000, is at least 199 ms.
 */
Test(run, an_open_loop_shows_a_stall_in_its_percentiles) {
    server = (struct fake_server){.fault = FAKE_STALL, .at_request = 500, .stall_ms = 200};
    fake_server_start(&server, "32");
    load_run(&run, server.port, FLAGS "-n 1000 -c 8 -r 1000 --arrival fixed");
    const struct counts *counts = load_run_counts(&run);
    cr_assert_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->latency.count, 1000);
    cr_expect(counts->latency.maximum >= 200 * CLOCK_NS_PER_MS, "max %" PRIu64, counts->latency.maximum);
    uint64_t p999 = histogram_percentile(&counts->latency, 999000);
    cr_expect(p999 >= 199 * CLOCK_NS_PER_MS, "p99.9 %" PRIu64, p999);
    /* 100 requests are intended in the first half of the stall: p90 must see them. */
    uint64_t p90 = histogram_percentile(&counts->latency, 900000);
    cr_expect(p90 >= 99 * CLOCK_NS_PER_MS, "p90 %" PRIu64, p90);
    finish();
}

/*
 * The same server: on one connection a single request meets the stall, whatever its length. The output has to
 * say so.
 */
Test(run, a_closed_loop_hides_a_stall_and_says_so) {
    char text[8192] = {0};
    server = (struct fake_server){.fault = FAKE_STALL, .at_request = 500, .stall_ms = 200};
    fake_server_start(&server, "32");
    load_run(&run, server.port, FLAGS "-n 1000 -c 1");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN);
    cr_expect(counts->latency.maximum >= 200 * CLOCK_NS_PER_MS);

    FILE *out = fmemopen(text, sizeof(text) - 1, "w");
    report_head(out, &run.scenario);
    report_step(out, &run.scenario, &run.result.steps[0]);
    report_json(out, &run.scenario, &run.result);
    fclose(out);
    cr_expect_not_null(strstr(text, "CLOSED LOOP"));
    cr_expect_not_null(strstr(text, "stalls do NOT show in the percentiles"));
    cr_expect_not_null(strstr(text, "[closed loop]"));
    cr_expect_not_null(strstr(text, "\"loop\": \"closed\""));
    cr_expect_not_null(strstr(text, "\"latency_shows_stalls\": false"));
    finish();
}

/* The load ends in the middle of a stall: what was due and never sent counts with the time it waited. */
Test(run, requests_that_never_got_a_connection_count_as_waiting) {
    server = (struct fake_server){.fault = FAKE_STALL, .at_request = 100, .stall_ms = 600};
    fake_server_start(&server, "32");
    load_run(&run, server.port, FLAGS "-t 500ms -c 1 -r 1000 --arrival fixed");
    const struct counts *counts = load_run_counts(&run);
    cr_assert_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->latency.count, 500);
    cr_expect(counts->unsent >= 390, "%" PRIu64, counts->unsent);
    finish();
}

Test(run, churn_makes_a_connection_per_request) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 500 -c 4 --churn 1 --preload no");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(load_run_counts(&run)->outcomes[OUTCOME_HIT], 500);
    cr_expect_eq(atomic_load(&server.accepted), 500);
    finish();
}

Test(run, churn_of_several_requests_after_a_preload) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 600 -c 4 --churn 3 -d 2");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(load_run_counts(&run)->outcomes[OUTCOME_HIT], 600);
    /* Up to four for the preload; connections whose share is not used up stay open. */
    uint64_t accepted = atomic_load(&server.accepted);
    cr_expect(accepted >= 200 && accepted <= 208, "%" PRIu64, accepted);
    finish();
}

Test(run, http_connections_that_the_server_ends_are_made_again) {
    server = (struct fake_server){.close_every = 10};
    fake_server_start(&server, "32");
    /* Pipelined: what stands behind a last reply is sent again on the next connection. */
    load_run(&run, server.port, FLAGS "--protocol http -n 1000 -c 4 -d 3");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[OUTCOME_HIT], 1000);
    /* The page that is learnt first is one request more. */
    cr_expect_eq(atomic_load(&server.requests), 1001);
    cr_expect(atomic_load(&server.accepted) >= 100);
    finish();
}

Test(run, the_meta_no_op_is_asked_without_storing_anything) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "--protocol noop -n 3000 -c 4 -d 3");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[OUTCOME_HIT], 3000);
    cr_expect_eq(counts_faults(counts), 0);
    /* One request first: whether the server knows it at all. */
    cr_expect_eq(atomic_load(&server.noops), 3001);
    cr_expect_eq(atomic_load(&server.requests), 3001);
    finish();
}

static void expect_nothing_to_store(const char *flag, const char *argument) {
    const char *arguments[] = {"riposte-load", flag, argument, "noop://127.0.0.1", NULL};
    struct failure failure = {0};
    cr_assert_eq(options_table_read(&run.options, 4, arguments, &failure), OPTIONS_COMPLETE, "%s",
                 failure.text);
    cr_expect_not(scenario_init(&run.scenario, &run.options, &failure));
    cr_expect_eq(failure.exit_status, EXIT_CODE_USAGE);
    cr_expect_not_null(strstr(failure.text, "nothing to store"), "%s", failure.text);
}

Test(run, the_meta_no_op_has_nothing_to_store) {
    expect_nothing_to_store("--ratio", "50:50");
    expect_nothing_to_store("--preload", "only");
}

Test(run, idle_connections_are_made_and_looked_after) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-n 500 -c 4 --idle 30");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(atomic_load(&server.accepted), 34);
    cr_expect_eq(run.result.steps[0].idle_lost, 0);
    finish();
}

Test(run, idle_connections_that_the_server_drops_are_noticed) {
    start(FAKE_NONE, 0);
    /* The server has room for 64 and closes the rest at once. */
    load_run(&run, server.port, FLAGS "-n 500 -c 4 --idle 100");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_ENDED_EARLY);
    load_run_deinit(&run);
    fake_server_stop(&server);
}

Test(run, a_sweep_measures_each_rate_until_the_server_does_not_keep_up) {
    server = (struct fake_server){.fault = FAKE_STALL, .at_request = 700, .stall_ms = 400};
    fake_server_start(&server, "32");
    /*
     * Steps of about 200 and 400 requests; the third meets the stall, answers fewer than it should, and is
     * the last.
     */
    load_run(&run, server.port, FLAGS "-t 200ms -c 4 --arrival fixed --sweep 1k:10k:1k");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect(run.result.steps_count >= 1 && run.result.steps_count <= 3, "%u", run.result.steps_count);
    const struct step_result *last = &run.result.steps[run.result.steps_count - 1];
    cr_expect_not(step_kept_up(last));
    finish();
}

Test(run, an_interrupt_ends_the_measurement_and_what_came_is_reported) {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    /* Before the server's thread starts, so that the signal waits for the run to take it. */
    pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    start(FAKE_INTERRUPT, 300);
    load_run(&run, server.port, FLAGS "-t 50s -c 4 -T 2");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect(run.result.steps[0].interrupted);
    cr_expect(counts->latency.count >= 300 && counts->window_ns < 40 * CLOCK_NS_PER_S, "%" PRIu64,
              counts->latency.count);
    finish();
}

Test(run, preload_only_stores_every_key_and_measures_nothing) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "--preload only -k 1000 -T 2");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_CLEAN, "%s", run.result.failure.text);
    cr_expect_eq(run.result.steps_count, 0);
    cr_expect_eq(atomic_load(&server.requests), 0, "no get");
    finish();
}
