/* SPDX-License-Identifier: MIT
 *
 * hotkeys: busy keys are found among many, reads and writes are told apart, workers are merged.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "riposte/hotkeys.h"
#include "riposte/random.h"

enum { REQUESTS = 1000000, KEYS = 10000, TOP = 16 };

static unsigned place_of(const struct hotkey *rows, unsigned count, const char *key) {
    unsigned place = 0;
    while (place < count && !bytes_equal_string(bytes_of(rows[place].key, rows[place].key_size), key)) {
        place++;
    }
    return place;
}

Test(hotkeys, finds_three_busy_keys_among_ten_thousand) {
    struct hotkeys *hotkeys = hotkeys_create(1);
    struct hotkeys_worker *worker = hotkeys_worker(hotkeys, 0);
    struct random random = {.state = random_seed()};
    struct hotkey rows[TOP];
    char key[32];
    printf("seed %llu\n", (unsigned long long)random.state);
    for (unsigned i = 0; i < REQUESTS; i++) {
        uint64_t draw = random_below(&random, 100);
        if (draw < 20) {
            hotkeys_count(worker, bytes_from_string("first"), false);
        } else if (draw < 30) {
            hotkeys_count(worker, bytes_from_string("second"), false);
        } else if (draw < 35) {
            hotkeys_count(worker, bytes_from_string("third"), false);
        } else {
            int size = snprintf(key, sizeof(key), "k%u", (unsigned)random_below(&random, KEYS));
            hotkeys_count(worker, bytes_of(key, (size_t)size), false);
        }
    }
    cr_assert_eq(hotkeys_top(hotkeys, rows, TOP), TOP);
    cr_assert_eq(place_of(rows, TOP, "first"), 0);
    cr_assert_eq(place_of(rows, TOP, "second"), 1);
    cr_assert_eq(place_of(rows, TOP, "third"), 2);
    cr_assert(rows[0].reads_per_s / rows[1].reads_per_s > 1.7 &&
              rows[0].reads_per_s / rows[1].reads_per_s < 2.3);
    hotkeys_destroy(hotkeys);
}

/*
 * What space-saving promises of every key in the sketch: its count is not too low, and too high by the lowest count at most. Keys
 * become busy and quiet again, so that counts of all sizes are displaced.
 */
Test(hotkeys, counts_no_key_too_low_and_none_too_high_by_more_than_the_lowest_count) {
    enum { SAMPLES = 40000, SHIFTING = 300 };
    static unsigned counts[SHIFTING + 40];
    static struct hotkey rows[HOTKEYS_ENTRIES_COUNT];
    struct hotkeys *hotkeys = hotkeys_create(1);
    struct hotkeys_worker *worker = hotkeys_worker(hotkeys, 0);
    const char *given = getenv("RIPOSTE_SEED");
    struct random random = {.state = given != NULL ? strtoull(given, NULL, 10) : random_seed()};
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)random.state);
    for (unsigned i = 0; i < SAMPLES; i++) {
        unsigned key =
            (unsigned)random_below(&random, 40) + (unsigned)random_below(&random, 1 + i % SHIFTING);
        hotkeys_sample(worker, bytes_of((const char *)&key, sizeof(key)), false);
        counts[key]++;
    }
    cr_assert_eq(hotkeys_top(hotkeys, rows, HOTKEYS_ENTRIES_COUNT), HOTKEYS_ENTRIES_COUNT);
    double sum = 0;
    for (unsigned i = 0; i < HOTKEYS_ENTRIES_COUNT; i++) {
        sum += rows[i].reads_per_s;
    }
    double per_sample = sum / SAMPLES; /* every sample is in one of the counts */
    double lowest = rows[HOTKEYS_ENTRIES_COUNT - 1].reads_per_s / per_sample;
    for (unsigned i = 0; i < HOTKEYS_ENTRIES_COUNT; i++) {
        unsigned key;
        memcpy(&key, rows[i].key, sizeof(key));
        double excess = rows[i].reads_per_s / per_sample - counts[key];
        cr_assert(excess > -0.5 && excess < lowest + 0.5, "key %u: %f of %u, lowest %f", key, excess,
                  counts[key], lowest);
    }
    hotkeys_destroy(hotkeys);
}

Test(hotkeys, tells_reads_from_writes_and_adds_up_workers) {
    struct hotkeys *hotkeys = hotkeys_create(2);
    struct hotkey rows[TOP];
    for (unsigned i = 0; i < REQUESTS; i++) {
        hotkeys_count(hotkeys_worker(hotkeys, i % 2), bytes_from_string("key"), i % 4 < 1);
    }
    cr_assert_eq(hotkeys_top(hotkeys, rows, TOP), 1);
    double share = rows[0].writes_per_s / (rows[0].reads_per_s + rows[0].writes_per_s);
    cr_assert(fabs(share - 0.25) < 0.05, "%f", share);
    hotkeys_destroy(hotkeys);
}

Test(hotkeys, is_not_deceived_by_a_pattern_as_long_as_its_period) {
    struct hotkeys *hotkeys = hotkeys_create(1);
    struct hotkeys_worker *worker = hotkeys_worker(hotkeys, 0);
    struct hotkey rows[HOTKEYS_SAMPLE_PERIOD];
    char key[32];
    for (unsigned i = 0; i < REQUESTS; i++) {
        int size = snprintf(key, sizeof(key), "k%u", i % HOTKEYS_SAMPLE_PERIOD);
        hotkeys_count(worker, bytes_of(key, (size_t)size), false);
    }
    unsigned count = hotkeys_top(hotkeys, rows, HOTKEYS_SAMPLE_PERIOD);
    cr_assert_eq(count, HOTKEYS_SAMPLE_PERIOD);
    cr_assert_lt(rows[0].reads_per_s, 2 * rows[count - 1].reads_per_s);
    hotkeys_destroy(hotkeys);
}

Test(hotkeys, takes_keys_of_250_bytes_and_passes_over_others) {
    static char key[HOTKEYS_KEY_SIZE_MAX + 1];
    struct hotkeys *hotkeys = hotkeys_create(1);
    struct hotkey rows[TOP];
    memset(key, 'x', sizeof(key));
    for (unsigned i = 0; i < 10000; i++) {
        hotkeys_count(hotkeys_worker(hotkeys, 0), bytes_of(key, HOTKEYS_KEY_SIZE_MAX + i % 2), false);
    }
    cr_assert_eq(hotkeys_top(hotkeys, rows, TOP), 1);
    cr_assert_eq(rows[0].key_size, HOTKEYS_KEY_SIZE_MAX);
    hotkeys_destroy(hotkeys);
}
