/* SPDX-License-Identifier: MIT
 *
 * What several threads counted, merged, against exact percentiles of all their values.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "riposte/random.h"
#include "counts.h"

enum { THREADS = 3, VALUES = 40000 };

static struct counts tallies[THREADS];
static struct counts sum;

static int compare_numbers(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t seed_of_test(void) {
    const char *text = getenv("RIPOSTE_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : random_seed();
    printf("RIPOSTE_SEED=%" PRIu64 "\n", seed);
    return seed;
}

Test(counts, percentiles_over_threads_are_those_of_all_values_together) {
    struct random random = {.state = seed_of_test()};
    static uint64_t values[THREADS * VALUES];
    size_t count = 0;
    for (unsigned thread = 0; thread < THREADS; thread++) {
        for (unsigned i = 0; i < VALUES; i++) {
            /* From nanoseconds to seconds, every magnitude alike. */
            uint64_t value = random_next(&random) >> (34 + random_below(&random, 28));
            histogram_record(&tallies[thread].latency, value);
            values[count++] = value;
        }
        counts_merge(&sum, &tallies[thread]);
    }
    qsort(values, count, sizeof(values[0]), compare_numbers);
    for (unsigned i = 0; i < REPORT_PERCENTILES_COUNT; i++) {
        uint32_t share_ppm = report_percentiles[i].share_ppm;
        uint64_t rank = ((uint64_t)count * share_ppm + 999999) / 1000000;
        uint64_t exact = values[rank - 1];
        uint64_t found = histogram_percentile(&sum.latency, share_ppm);
        cr_expect(found >= exact && found - exact <= exact / 64, "%s: %" PRIu64 " for %" PRIu64,
                  report_percentiles[i].name, found, exact);
    }
    cr_expect_eq(sum.latency.maximum, values[count - 1]);
    cr_expect_eq(sum.latency.count, count);
}

Test(counts, adds_counts_and_takes_the_worst_of_the_rest) {
    tallies[0] =
        (struct counts){.replies_in_window = 5, .window_ns = 100, .busy_share_max = 0.5, .error_line = ""};
    tallies[1] = (struct counts){
        .replies_in_window = 7, .window_ns = 90, .busy_share_max = 0.9, .error_line = "SERVER_ERROR"};
    tallies[1].outcomes[OUTCOME_WRONG_KEY] = 2;
    tallies[1].outcomes[OUTCOME_ERROR] = 1;
    tallies[0].usage.wait_ns = 30;
    tallies[1].usage.wait_ns = 12;
    counts_merge(&sum, &tallies[0]);
    counts_merge(&sum, &tallies[1]);
    cr_expect_eq(sum.replies_in_window, 12);
    cr_expect_eq(sum.window_ns, 100);
    cr_expect_float_eq(sum.busy_share_max, 0.9, 1e-9);
    cr_expect_eq(counts_wrong(&sum), 2);
    cr_expect_eq(counts_faults(&sum), 3);
    cr_expect_eq(sum.usage.wait_ns, 42);
    cr_expect_str_eq(sum.error_line, "SERVER_ERROR");
}
