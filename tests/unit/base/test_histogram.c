/* SPDX-License-Identifier: MIT
 *
 * Percentiles of the histogram against exact ones of the same values.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/histogram.h"
#include "riposte/random.h"

static struct histogram histogram;
static struct histogram other;

Test(histogram, is_empty_when_zeroed) {
    cr_expect_eq(histogram_percentile(&histogram, 500000), 0);
    cr_expect_eq(histogram_percentile(&histogram, 1000000), 0);
}

Test(histogram, is_exact_below_128) {
    for (uint64_t value = 0; value < 128; value++) {
        histogram_record(&histogram, value);
    }
    cr_expect_eq(histogram_percentile(&histogram, 0), 0);
    cr_expect_eq(histogram_percentile(&histogram, 500000), 63);
    cr_expect_eq(histogram_percentile(&histogram, 1000000), 127);
    cr_expect_eq(histogram.sum, 127 * 64);
}

Test(histogram, holds_both_ends_of_its_range) {
    histogram_record(&histogram, 0);
    histogram_record(&histogram, UINT64_MAX);
    cr_expect_eq(histogram.count, 2);
    cr_expect_eq(histogram.slots[0], 1);
    cr_expect_eq(histogram.slots[HISTOGRAM_SLOT_COUNT - 1], 1);
    cr_expect_eq(histogram_percentile(&histogram, 500000), 0);
    cr_expect_eq(histogram_percentile(&histogram, 500001), UINT64_MAX);
}

Test(histogram, never_answers_above_the_maximum) {
    histogram_record(&histogram, 1000001);
    cr_expect_eq(histogram_percentile(&histogram, 500000), 1000001);
    cr_expect_eq(histogram.maximum, 1000001);
}

Test(histogram, errs_upwards_by_less_than_one_part_in_64_at_every_power) {
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int offset = -1; offset <= 1; offset++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)offset;
            memset(&histogram, 0, sizeof(histogram));
            histogram_record(&histogram, value);
            histogram_record(&histogram, UINT64_MAX); /* so that the maximum does not hide the slot's end */
            uint64_t answer = histogram_percentile(&histogram, 500000);
            cr_assert(answer >= value && answer - value <= value / 64, "%" PRIu64 " for %" PRIu64, answer,
                      value);
        }
    }
}

static int value_compare(const void *left, const void *right) {
    uint64_t left_value = *(const uint64_t *)left;
    uint64_t right_value = *(const uint64_t *)right;
    return (left_value > right_value) - (left_value < right_value);
}

Test(histogram, agrees_with_exact_percentiles_of_random_values) {
    enum { COUNT = 50000 };
    static uint64_t values[COUNT];
    struct random random = {.state = 2026};
    for (int i = 0; i < COUNT; i++) {
        values[i] = random_next(&random) >> random_below(&random, 64);
        histogram_record(i % 2 == 0 ? &histogram : &other, values[i]);
    }
    histogram_merge(&histogram, &other);
    qsort(values, COUNT, sizeof(values[0]), value_compare);
    cr_expect_eq(histogram.count, COUNT);
    cr_expect_eq(histogram.maximum, values[COUNT - 1]);
    static const uint32_t shares_ppm[] = {1, 10000, 250000, 500000, 900000, 990000, 999000, 999900, 1000000};
    for (size_t i = 0; i < sizeof(shares_ppm) / sizeof(shares_ppm[0]); i++) {
        uint64_t rank = ((uint64_t)COUNT * shares_ppm[i] + 999999) / 1000000;
        uint64_t exact = values[rank - 1];
        uint64_t answer = histogram_percentile(&histogram, shares_ppm[i]);
        cr_expect(answer >= exact && answer - exact <= exact / 64,
                  "share %" PRIu32 ": %" PRIu64 " for %" PRIu64, shares_ppm[i], answer, exact);
    }
}
