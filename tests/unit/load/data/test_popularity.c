/* SPDX-License-Identifier: MIT
 *
 * Which keys are asked for, against the distributions as the formula gives them.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "popularity.h"

enum { DRAWS = 2000000 };

/* The share of rank r among n, exactly. */
static double zipf_share(uint64_t rank, uint64_t count, double exponent) {
    double sum = 0;
    for (uint64_t i = 1; i <= count; i++) {
        sum += pow((double)i, -exponent);
    }
    return pow((double)rank, -exponent) / sum;
}

/*
 * Whether `seen` of `draws` fits a share: within five standard deviations. The seed is fixed: it holds or not
 * for ever.
 */
static bool fits(uint64_t seen, uint64_t draws, double share) {
    double expected = share * (double)draws;
    return fabs((double)seen - expected) <= 5 * sqrt(expected * (1 - share)) + 1;
}

static void zipf_check(uint64_t count, double exponent) {
    struct zipf zipf;
    struct random random = {.state = 42};
    uint64_t *seen = calloc(count + 1, sizeof(*seen));
    zipf_init(&zipf, count, exponent);
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t rank = zipf_next(&zipf, &random);
        cr_assert(rank >= 1 && rank <= count);
        seen[rank]++;
    }
    static const uint64_t ranks[] = {1, 2, 3, 5, 10, 50, 100};
    for (unsigned i = 0; i < sizeof(ranks) / sizeof(ranks[0]) && ranks[i] <= count; i++) {
        double share = zipf_share(ranks[i], count, exponent);
        cr_expect(fits(seen[ranks[i]], DRAWS, share),
                  "rank %" PRIu64 " of %" PRIu64 ", exponent %g: %" PRIu64 " for %g", ranks[i], count,
                  exponent, seen[ranks[i]], share * DRAWS);
    }
    free(seen);
}

Test(popularity, zipf_draws_each_rank_in_its_share) {
    zipf_check(1000, 0.99);
    zipf_check(1000, 0.5);
    zipf_check(1000, 2.0);
    zipf_check(100, 3.5);
}

Test(popularity, zipf_is_right_at_and_around_an_exponent_of_one) {
    zipf_check(1000, 1.0);
    zipf_check(1000, 1.0 + 1e-9);
    zipf_check(1000, 1.0 - 1e-9);
}

Test(popularity, zipf_is_right_for_tiny_key_spaces) {
    zipf_check(1, 0.99);
    zipf_check(2, 0.99);
    zipf_check(3, 2.0);
}

Test(popularity, zipf_reaches_the_tail_of_a_large_key_space) {
    struct zipf zipf;
    struct random random = {.state = 42};
    const uint64_t count = 10000000;
    uint64_t upper_half = 0;
    zipf_init(&zipf, count, 0.99);
    for (unsigned i = 0; i < DRAWS; i++) {
        upper_half += zipf_next(&zipf, &random) > count / 2;
    }
    double share = 0;
    double sum = 0;
    for (uint64_t rank = 1; rank <= count; rank++) {
        double weight = pow((double)rank, -0.99);
        sum += weight;
        share += rank > count / 2 ? weight : 0;
    }
    cr_expect(fits(upper_half, DRAWS, share / sum), "%" PRIu64 " for %g", upper_half, share / sum * DRAWS);
}

Test(popularity, uniform_draws_all_keys_alike) {
    struct popularity popularity;
    struct random random = {.state = 3};
    uint64_t seen[16] = {0};
    popularity_init(&popularity, 16, 0);
    for (unsigned i = 0; i < DRAWS; i++) {
        seen[popularity_next(&popularity, &random)]++;
    }
    for (unsigned i = 0; i < 16; i++) {
        cr_expect(fits(seen[i], DRAWS, 1.0 / 16), "key %u: %" PRIu64, i, seen[i]);
    }
}

Test(popularity, spreads_ranks_over_the_whole_key_space_one_to_one) {
    static const uint64_t counts[] = {1, 2, 3, 4, 6, 10, 97, 1000, 65536, 99999};
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct popularity popularity;
        popularity_init(&popularity, counts[i], 0.99);
        bool *taken = calloc(counts[i], sizeof(*taken));
        for (uint64_t rank = 0; rank < counts[i]; rank++) {
            uint64_t key = rank * popularity.stride % counts[i];
            cr_assert_not(taken[key], "two ranks are key %" PRIu64 " of %" PRIu64, key, counts[i]);
            taken[key] = true;
        }
        free(taken);
    }
}
