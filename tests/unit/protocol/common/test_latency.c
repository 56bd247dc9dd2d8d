/* SPDX-License-Identifier: MIT
 *
 * Latencies: what is counted lands in slots of a bounded width, is summed over workers, and is told in both ways.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "riposte/clock.h"
#include "riposte/latency.h"

static struct latency_summary read_get(const struct latency *latency) {
    struct latency_summary summary;
    latency_read(latency, LATENCY_GET, &summary);
    return summary;
}

Test(latency, nothing_is_recorded_of_what_is_not_pending) {
    struct latency *latency = latency_create(1);
    latency_record(latency_worker(latency, 0), 0);
    cr_expect_eq(read_get(latency).count, 0);
    struct latency_summary summary = read_get(latency);
    cr_expect_eq(latency_percentile_ns(&summary, 500000), 0);
    latency_destroy(latency);
}

Test(latency, requests_of_a_turn_have_the_turn_s_duration) {
    struct latency *latency = latency_create(2);
    struct latency_worker *worker = latency_worker(latency, 1);
    latency_count(worker, LATENCY_GET, 3);
    latency_count(worker, LATENCY_SET, 1);
    latency_count(worker, LATENCY_GET, 2);
    uint64_t since_ns = clock_monotonic_ns() - 5 * CLOCK_NS_PER_MS;
    latency_record(worker, since_ns);
    uint64_t longest_ns = clock_monotonic_ns() - since_ns;
    struct latency_summary summary = read_get(latency);
    cr_expect_eq(summary.count, 5);
    cr_expect_geq(summary.max_ns, 5 * CLOCK_NS_PER_MS);
    cr_expect_leq(summary.max_ns, longest_ns);
    cr_expect_eq(summary.sum_ns, 5 * summary.max_ns);
    cr_expect_eq(latency_percentile_ns(&summary, 500000), summary.max_ns);
    latency_record(worker, since_ns);
    cr_expect_eq(read_get(latency).count, 5, "once");
    latency_destroy(latency);
}

Test(latency, sums_up_the_workers) {
    struct latency *latency = latency_create(3);
    for (unsigned i = 0; i < 3; i++) {
        latency_count(latency_worker(latency, i), LATENCY_GET, 10);
        latency_record(latency_worker(latency, i), clock_monotonic_ns());
    }
    cr_expect_eq(read_get(latency).count, 30);
    latency_destroy(latency);
}

Test(latency, a_time_in_the_future_took_nothing) {
    struct latency *latency = latency_create(1);
    latency_count(latency_worker(latency, 0), LATENCY_GET, 1);
    latency_record(latency_worker(latency, 0), UINT64_MAX);
    struct latency_summary summary = read_get(latency);
    cr_expect_eq(summary.max_ns, 0);
    cr_expect_eq(summary.slots[0], 1);
    latency_destroy(latency);
}

Test(latency, what_takes_longest_is_in_the_last_slot) {
    struct latency *latency = latency_create(1);
    latency_count(latency_worker(latency, 0), LATENCY_GET, 1);
    latency_record(latency_worker(latency, 0), clock_monotonic_ns() - 200 * CLOCK_NS_PER_S);
    struct latency_summary summary = read_get(latency);
    cr_expect_eq(summary.slots[LATENCY_SLOTS_COUNT - 1], 1);
    cr_expect_geq(summary.max_ns, 200 * CLOCK_NS_PER_S);
    latency_destroy(latency);
}

Test(latency, slots_are_at_most_a_sixteenth_wide_and_leave_no_gap) {
    cr_expect_eq(latency_slot_end_ns(0), 127);
    cr_expect_eq(latency_slot_end_ns(LATENCY_SLOTS_COUNT - 1), (UINT64_C(1) << LATENCY_VALUE_BITS) - 1);
    for (unsigned slot = 1; slot < LATENCY_SLOTS_COUNT; slot++) {
        uint64_t begin = latency_slot_end_ns(slot - 1) + 1, width = latency_slot_end_ns(slot) + 1 - begin;
        cr_assert(width == 128 || width * 16 <= begin, "slot %u: %lu from %lu", slot, width, begin);
    }
}

static void percentile(const struct latency_summary *summary, uint32_t share_ppm, unsigned slot) {
    cr_expect_eq(latency_percentile_ns(summary, share_ppm), latency_slot_end_ns(slot));
}

Test(latency, percentiles_are_the_ends_of_slots) {
    struct latency_summary summary = {.count = 1000, .max_ns = UINT64_MAX};
    summary.slots[10] = 500;
    summary.slots[100] = 490;
    summary.slots[200] = 9;
    summary.slots[300] = 1;
    percentile(&summary, 0, 10);
    percentile(&summary, 500000, 10);
    percentile(&summary, 500001, 100);
    percentile(&summary, 990000, 100);
    percentile(&summary, 999000, 200);
    percentile(&summary, 1000000, 300);
}

struct rows {
    unsigned count;
    double last, sum, inf, first_above;
    char bound[32];
};

static void row(void *target, const struct metrics_row *row) {
    struct rows *rows = target;
    rows->count++;
    cr_expect_eq(row->kind, METRICS_HISTOGRAM);
    cr_expect_str_eq(row->labels[0].value, "get");
    if (strcmp(row->suffix, "_bucket") == 0) {
        cr_expect_geq(row->value, rows->last, "buckets are cumulative");
        rows->last = row->value;
        rows->inf = row->value;
        if (row->value > 0 && rows->bound[0] == 0) {
            strncpy(rows->bound, row->labels[1].value, sizeof(rows->bound) - 1);
        }
    } else {
        cr_expect_null(row->labels[1].name);
        rows->sum = strcmp(row->suffix, "_sum") == 0 ? row->value : rows->sum;
    }
}

Test(latency, is_a_histogram_of_those_commands_that_were_met) {
    struct latency *latency = latency_create(1);
    latency_count(latency_worker(latency, 0), LATENCY_GET, 7);
    latency_record(latency_worker(latency, 0), clock_monotonic_ns() - 3 * CLOCK_NS_PER_S / 4);
    struct metrics_source source = latency_metrics(latency);
    struct rows rows = {0};
    source.write(source.user, row, &rows);
    cr_expect_eq(rows.inf, 7);
    cr_expect_str_eq(rows.bound, "1.073741824");
    cr_expect(rows.sum > 5.2 && rows.sum < 60, "%f", rows.sum);
    cr_expect_eq(rows.count, 24);
    latency_destroy(latency);
}

Test(latency, names_every_command) {
    for (unsigned i = 0; i < LATENCY_COMMANDS_COUNT; i++) {
        cr_expect_gt(strlen(latency_command_name((enum latency_command)i)), 0);
    }
}
