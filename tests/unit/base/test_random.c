/* SPDX-License-Identifier: MIT
 *
 * The generator against published values and against its own promises.
 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "riposte/random.h"

Test(random, gives_the_published_numbers_of_splitmix64) {
    /* The first five numbers for seed 1234567, as listed with the generator's reference implementation. */
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                        UINT64_C(16408922859458223821)};
    struct random random = {.state = 1234567};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        cr_expect_eq(random_next(&random), expected[i], "number %zu", i);
    }
}

Test(random, repeats_from_the_same_seed) {
    struct random left = {.state = 42};
    struct random right = {.state = 42};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(random_below(&left, 1000003), random_below(&right, 1000003));
    }
}

Test(random, stays_below_its_bound) {
    struct random random = {.state = 7};
    static const uint64_t bounds[] = {1, 2, 3, 10, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        for (int round = 0; round < 2000; round++) {
            uint64_t number = random_below(&random, bounds[i]);
            cr_assert_lt(number, bounds[i], "%" PRIu64 " is not below %" PRIu64, number, bounds[i]);
        }
    }
}

Test(random, hits_every_number_about_equally_often) {
    enum { BOUND = 10, ROUNDS = 100000 };
    unsigned hits[BOUND] = {0};
    struct random random = {.state = 99};
    for (int i = 0; i < ROUNDS; i++) {
        hits[random_below(&random, BOUND)]++;
    }
    /*
     * Five standard deviations (95) on either side of 10000; the seed is fixed, so the outcome never changes.
     */
    for (int i = 0; i < BOUND; i++) {
        cr_expect(hits[i] > 9525 && hits[i] < 10475, "%d came %u times", i, hits[i]);
    }
}

Test(random, gives_new_seeds) {
    cr_expect_neq(random_seed(), random_seed());
}
