/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "riposte/engine.h"
#include "spin.h"

static unsigned spins_of(struct spin *spin, unsigned sleeps, bool found) {
    unsigned spins = 0;
    for (unsigned i = 0; i < sleeps; i++) {
        if (spin_wanted(spin)) {
            spins++;
            found ? spin_hit(spin) : spin_missed(spin);
        }
    }
    return spins;
}

Test(spin, never_spins_when_told_so) {
    struct spin spin;
    spin_init(&spin, 0);
    cr_assert_eq(spins_of(&spin, 1000, true), 0);
}

Test(spin, always_spins_when_told_so) {
    struct spin spin;
    spin_init(&spin, 20);
    cr_assert_eq(spins_of(&spin, 1000, false), 1000);
    cr_assert_eq(spin.limit_ns, 20000);
}

Test(spin, goes_on_while_it_pays) {
    struct spin spin;
    spin_init(&spin, ENGINE_SPIN_AUTO);
    cr_assert_geq(spins_of(&spin, 1000, true), 1000 - SPIN_REST_SLEEPS_MIN);
}

Test(spin, all_but_stops_when_it_never_pays) {
    struct spin spin;
    spin_init(&spin, ENGINE_SPIN_AUTO);
    spins_of(&spin, 10000, false);
    cr_assert_leq(spins_of(&spin, 10 * SPIN_REST_SLEEPS_MAX, false), 11);
}

Test(spin, comes_back_after_one_hit) {
    struct spin spin;
    spin_init(&spin, ENGINE_SPIN_AUTO);
    spins_of(&spin, 10000, false);
    spins_of(&spin, SPIN_REST_SLEEPS_MAX + 1, true);
    cr_assert_eq(spins_of(&spin, 100, true), 100);
}

Test(spin, forgives_a_few_misses_in_between) {
    struct spin spin;
    spin_init(&spin, ENGINE_SPIN_AUTO);
    spins_of(&spin, 100, true);
    cr_assert_eq(spins_of(&spin, SPIN_MISSES_MAX - 1, false), SPIN_MISSES_MAX - 1);
    cr_assert_eq(spins_of(&spin, 100, true), 100);
}

Test(spin, rests_long_when_it_lost_the_cpu) {
    struct spin spin;
    spin_init(&spin, ENGINE_SPIN_AUTO);
    spins_of(&spin, 100, true);
    spin_lost_cpu(&spin);
    cr_assert_eq(spins_of(&spin, SPIN_REST_SLEEPS_MAX - 1, true), 0);
}
