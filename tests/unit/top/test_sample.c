/* SPDX-License-Identifier: MIT
 *
 * What is read from statistics: of riposte, of memcached, and of what is neither.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sample.h"

static struct sample sample;

static void answer(enum sample_question question, const char *text) {
    sample_read(&sample, question, bytes_from_string(text));
}

Test(sample, reads_plain_statistics_by_name) {
    answer(SAMPLE_STATS, "STAT version 1.6.18\r\nSTAT uptime 7\r\nSTAT curr_connections 3\r\nSTAT cmd_get "
                         "10\r\nSTAT get_hits 8\r\n"
                         "STAT get_misses 2\r\nSTAT bytes 4096\r\nSTAT limit_maxbytes 67108864\r\nEND\r\n");
    cr_expect_str_eq(sample.version, "1.6.18");
    cr_expect_eq(sample.uptime_s, 7);
    cr_expect_eq(sample.connections, 3);
    cr_expect_eq(sample.commands[SAMPLE_GET].count, 10);
    cr_expect_eq(sample.commands[SAMPLE_GET].hits, 8);
    cr_expect_eq(sample.commands[SAMPLE_GET].misses, 2);
    cr_expect(sample.commands[SAMPLE_GET].has_hits);
    cr_expect_not(sample.commands[SAMPLE_SET].has_hits);
    cr_expect_eq(sample.memory[SAMPLE_ITEMS], 4096);
    cr_expect_not(sample.is_riposte);
}

Test(sample, counts_commands_by_their_hits_and_misses_where_nothing_else_is_told) {
    answer(SAMPLE_STATS, "STAT delete_hits 3\r\nSTAT delete_misses 4\r\nSTAT incr_hits 1\r\nEND\r\n");
    cr_expect_eq(sample.commands[SAMPLE_DELETE].count, 7);
    cr_expect_eq(sample.commands[SAMPLE_INCR].count, 1);
}

Test(sample, reads_what_riposte_says_of_itself) {
    answer(SAMPLE_STATS, "STAT version 1.6.45\r\nEND\r\n");
    answer(SAMPLE_STATS_RIPOSTE,
           "STAT name riposte\r\nSTAT version 0.1.0\r\nSTAT transport io_uring\r\nSTAT index_size 65536\r\n"
           "STAT worker_0_requests 5\r\nSTAT worker_2_requests 9\r\nSTAT worker_1_connections 8\r\nEND\r\n");
    cr_expect(sample.is_riposte);
    cr_expect_str_eq(sample.version, "0.1.0");
    cr_expect_str_eq(sample.transport, "io_uring");
    cr_expect_eq(sample.memory[SAMPLE_INDEX], 65536);
    cr_expect_eq(sample.workers_count, 3);
    cr_expect_eq(sample.worker_requests[0], 5);
    cr_expect_eq(sample.worker_requests[1], 0);
    cr_expect_eq(sample.worker_requests[2], 9);
}

Test(sample, reads_percentiles_with_or_without_a_heading) {
    answer(
        SAMPLE_STATS_LATENCY,
        "STAT get:p50_us 12\r\nSTAT latency:get:p99_us 45\r\nSTAT get:p999_us 130.5\r\nSTAT set:p99.9 0.7\r\n"
        "STAT gets:p50_us 1\r\nEND\r\n");
    cr_expect_eq(sample.commands[SAMPLE_GET].p50_ns, 12000);
    cr_expect_eq(sample.commands[SAMPLE_GET].p99_ns, 45000);
    cr_expect_eq(sample.commands[SAMPLE_GET].p999_ns, 130500);
    cr_expect_eq(sample.commands[SAMPLE_SET].p999_ns, 700);
}

Test(sample, reads_keys_from_the_first_to_the_last_there_is_room_for) {
    answer(SAMPLE_STATS_HOTKEYS,
           "STAT hotkeys:1:key a%20b\r\nSTAT hotkeys:1:gets_per_s 12\r\nSTAT hotkeys:20:sets_per_s 3\r\n"
           "STAT hotkeys:21:key no\r\nSTAT hotkeys:0:key no\r\nSTAT hotkeys::key no\r\nEND\r\n");
    cr_expect_eq(sample.keys_count, 20);
    cr_expect_str_eq(sample.keys[0].text, "a%20b");
    cr_expect_eq(sample.keys[0].gets_per_s, 12);
    cr_expect_eq(sample.keys[19].sets_per_s, 3);
}

Test(sample, lets_nothing_through_that_a_terminal_would_obey) {
    answer(SAMPLE_STATS_RIPOSTE, "STAT name riposte\r\nSTAT version \033[2J\177x\r\nEND\r\n");
    cr_expect_str_eq(sample.version, "?[2J?x");
}

Test(sample, passes_over_lines_that_are_no_statistics) {
    static const char *const answers[] = {"",
                                          "\r\n",
                                          "ERROR\r\n",
                                          "STAT",
                                          "STAT ",
                                          "STAT x",
                                          "STAT uptime",
                                          "STAT uptime x\r\n",
                                          "STAT worker__requests 1\r\n",
                                          "STAT worker_99999_requests 1\r\n",
                                          "VALUE a 0 1\r\n"};
    for (enum sample_question question = 0; question < SAMPLE_QUESTIONS; question++) {
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
            answer(question, answers[i]);
        }
    }
    cr_expect_eq(sample.uptime_s, 0);
    cr_expect_eq(sample.workers_count, 0);
    cr_expect_eq(sample.keys_count, 0);
}
