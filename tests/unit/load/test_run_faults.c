/* SPDX-License-Identifier: MIT
 *
 * Whole runs against a server in the test that is dead, stalls, or lies: the run ends within its time-out, or
 * counts.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "run_fixture.h"

TestSuite(run_faults, .timeout = TIMEOUT_S);

static void expect_ended_early(const char *words) {
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_ENDED_EARLY);
    cr_expect_not_null(strstr(run.result.failure.text, words), "%s", run.result.failure.text);
}

Test(run_faults, nobody_listens) {
    load_run(&run, fake_dead_port(), FLAGS "-n 100");
    expect_ended_early("Connection refused");
    load_run_deinit(&run);
}

Test(run_faults, nobody_accepts) {
    int fds[3];
    load_run(&run, fake_full_listener(fds), FLAGS "-n 100 -c 4 --timeout 300ms");
    expect_ended_early("a connection is not accepted");
    for (unsigned i = 0; i < 3; i++) {
        close(fds[i]);
    }
    load_run_deinit(&run);
}

Test(run_faults, a_server_that_does_not_know_the_meta_no_op_ends_the_run) {
    start(FAKE_ERROR, 1);
    load_run(&run, server.port, FLAGS "--protocol noop -n 100 -c 2");
    expect_ended_early("SERVER_ERROR out of order");
    finish();
}

Test(run_faults, a_refused_meta_no_op_is_counted) {
    start(FAKE_ERROR, 50);
    load_run(&run, server.port, FLAGS "--protocol noop -n 100 -c 2");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(counts->outcomes[OUTCOME_ERROR], 1);
    cr_expect_eq(counts->outcomes[OUTCOME_HIT], 99);
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_REPLIES);
    finish();
}

Test(run_faults, a_server_that_falls_silent_ends_the_run) {
    start(FAKE_SILENT, 300);
    load_run(&run, server.port, FLAGS "-t 50s -c 8 --timeout 300ms");
    expect_ended_early("no reply");
    finish();
}

Test(run_faults, a_server_that_falls_silent_ends_an_open_loop_too) {
    start(FAKE_SILENT, 300);
    load_run(&run, server.port, FLAGS "-t 50s -c 8 -T 2 -r 2000 --timeout 300ms");
    expect_ended_early("no reply");
    finish();
}

Test(run_faults, a_server_that_drips_ends_the_run) {
    start(FAKE_DRIP, 10);
    load_run(&run, server.port, FLAGS "-t 50s -c 2 --timeout 300ms");
    expect_ended_early("no reply");
    finish();
}

Test(run_faults, a_connection_that_is_closed_ends_the_run) {
    start(FAKE_CLOSE, 50);
    load_run(&run, server.port, FLAGS "-t 50s -c 4");
    expect_ended_early("closed a connection, between two replies (1 of its requests unanswered)");
    finish();
}

Test(run_faults, a_fault_that_one_thread_sees_ends_all_of_them) {
    start(FAKE_CLOSE, 500);
    load_run(&run, server.port, FLAGS "-t 50s -c 4 -T 4");
    expect_ended_early("closed a connection");
    cr_expect_not(run.result.steps[0].complete);
    finish();
}

Test(run_faults, a_cpu_that_there_is_not_ends_the_run_before_it_begins) {
    start(FAKE_NONE, 0);
    load_run(&run, server.port, FLAGS "-t 50s -c 2 -T 2 --cpu 0,1023");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_USAGE);
    cr_expect_not_null(strstr(run.result.failure.text, "CPU 1023 cannot be used"), "%s",
                       run.result.failure.text);
    cr_expect_eq(run.result.steps_count, 0);
    finish();
}

Test(run_faults, a_reply_that_is_cut_off_ends_the_run) {
    start(FAKE_CLOSE_MIDDLE, 50);
    load_run(&run, server.port, FLAGS "-t 50s -c 4");
    expect_ended_early("in the middle of a reply");
    finish();
}

Test(run_faults, a_value_shorter_than_announced_ends_the_run) {
    start(FAKE_SHORT, 50);
    load_run(&run, server.port, FLAGS "-t 50s -c 4 --timeout 300ms");
    /*
     * With nothing behind it the reply looks unfinished; with a reply behind it, malformed. Both are noticed.
     */
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_ENDED_EARLY, "%s", run.result.failure.text);
    finish();
}

Test(run_faults, garbage_ends_the_run_and_is_shown) {
    start(FAKE_GARBAGE, 50);
    load_run(&run, server.port, FLAGS "-t 50s -c 4");
    expect_ended_early("I am a teapot");
    finish();
}

Test(run_faults, a_reply_nobody_asked_for_is_noticed) {
    start(FAKE_EXTRA, 50);
    load_run(&run, server.port, FLAGS "-n 1000 -c 1");
    /*
     * It comes while nothing is asked for, which ends the run, or seems to answer the next request, with
     * another key.
     */
    cr_expect_neq(run_exit_code(&run.result), EXIT_CODE_CLEAN);
    finish();
}

/* One faulty reply among 1000 good ones: the run goes on, the fault is counted, the exit status tells. */
static void expect_one(enum fake_fault fault, enum outcome outcome, enum exit_code code) {
    start(fault, 50);
    load_run(&run, server.port, FLAGS "-n 1000 -c 4");
    const struct counts *counts = load_run_counts(&run);
    cr_expect_eq(run_exit_code(&run.result), code, "%s", run.result.failure.text);
    cr_expect_eq(counts->outcomes[outcome], 1, "%s: %" PRIu64, outcome_name(outcome),
                 counts->outcomes[outcome]);
    cr_expect_eq(counts->latency.count, 1000);
    finish();
}

Test(run_faults, a_refusal_is_an_error) {
    expect_one(FAKE_ERROR, OUTCOME_ERROR, EXIT_CODE_REPLIES);
}

Test(run_faults, a_miss_is_no_fault) {
    expect_one(FAKE_MISS, OUTCOME_MISS, EXIT_CODE_CLEAN);
}

Test(run_faults, a_wrong_key_is_noticed) {
    expect_one(FAKE_WRONG_KEY, OUTCOME_WRONG_KEY, EXIT_CODE_REPLIES);
}

Test(run_faults, a_wrong_byte_is_noticed) {
    expect_one(FAKE_WRONG_VALUE, OUTCOME_WRONG_VALUE, EXIT_CODE_REPLIES);
}

Test(run_faults, a_wrong_length_is_noticed) {
    expect_one(FAKE_WRONG_LENGTH, OUTCOME_WRONG_LENGTH, EXIT_CODE_REPLIES);
}

Test(run_faults, faults_in_the_warm_up_count) {
    start(FAKE_WRONG_VALUE, 5);
    load_run(&run, server.port, "--wait sleep --timeout 10s -w 100ms -t 100ms -k 100 -c 1");
    cr_expect_eq(run_exit_code(&run.result), EXIT_CODE_REPLIES, "%s", run.result.failure.text);
    finish();
}
