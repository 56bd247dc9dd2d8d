/* SPDX-License-Identifier: MIT
 *
 * The budget: what may be taken, in which portions, and that nothing is lost.
 */
#include <criterion/criterion.h>

#include "budget.h"

Test(budget, gives_up_to_the_limit_and_not_a_byte_more) {
    struct budget budget;
    budget_init(&budget, 1000, 1);
    cr_expect(budget_take_shared(&budget, 999));
    cr_expect_not(budget_take_shared(&budget, 2));
    cr_expect(budget_take_shared(&budget, 1));
    cr_expect_not(budget_take_shared(&budget, 1));
    cr_expect_not(budget_take_shared(&budget, UINT64_MAX));
}

Test(budget, draws_what_is_needed_when_the_portion_does_not_fit) {
    struct budget budget;
    struct allowance allowance = {0};
    budget_init(&budget, 1000, 1);
    cr_expect(budget_draw(&budget, &allowance, 100, 500));
    cr_expect_eq(budget_committed(&budget), 600);
    cr_expect(allowance_take(&allowance, 600));
    cr_expect(budget_draw(&budget, &allowance, 400, 500));
    cr_expect_eq(budget_committed(&budget), 1000);
    cr_expect(allowance_take(&allowance, 400));
    cr_expect_not(budget_draw(&budget, &allowance, 1, 0));
}

Test(budget, draws_nothing_when_the_allowance_is_enough) {
    struct budget budget;
    struct allowance allowance = {0};
    budget_init(&budget, 1000, 1);
    cr_expect(budget_draw(&budget, &allowance, 100, 0));
    cr_expect(budget_draw(&budget, &allowance, 60, 500));
    cr_expect_eq(budget_committed(&budget), 100);
}

Test(budget, gives_back_what_came_free_a_portion_at_a_time) {
    struct budget budget;
    struct allowance allowance = {0};
    budget_init(&budget, 1 << 20, 1);
    uint64_t portion = budget_portion(&budget);
    cr_expect(budget_draw(&budget, &allowance, 2 * portion, 0));
    cr_expect(allowance_take(&allowance, 2 * portion));
    budget_give(&budget, &allowance, portion - 1);
    cr_expect_eq(budget_committed(&budget), 2 * portion);
    cr_expect_eq(allowance_unused(&allowance), portion - 1);
    budget_give(&budget, &allowance, 1);
    cr_expect_eq(budget_committed(&budget), portion);
    cr_expect_eq(allowance_unused(&allowance), 0);
}

Test(budget, has_everything_back_when_a_worker_leaves) {
    struct budget budget;
    struct allowance allowance = {0};
    budget_init(&budget, 1 << 20, 1);
    cr_expect(budget_draw(&budget, &allowance, 1000, 200));
    cr_expect(allowance_take(&allowance, 1000));
    budget_give(&budget, &allowance, 1000);
    budget_close(&budget, &allowance);
    cr_expect_eq(budget_committed(&budget), 0);
    cr_expect_eq(allowance_unused(&allowance), 0);
}

Test(budget, gives_nothing_above_a_lowered_limit) {
    struct budget budget;
    budget_init(&budget, 1000, 1);
    cr_expect(budget_take_shared(&budget, 900));
    budget_set_limit(&budget, 500);
    cr_expect_not(budget_take_shared(&budget, 1));
    budget_give_shared(&budget, 401);
    cr_expect(budget_take_shared(&budget, 1));
    cr_expect_not(budget_take_shared(&budget, 1));
}

Test(budget, keeps_unused_allowances_below_a_small_part_of_the_limit) {
    static const uint64_t limits[] = {256 << 10, 64 << 20, UINT64_C(64) << 30};
    for (unsigned i = 0; i < 3; i++) {
        struct budget budget;
        budget_init(&budget, limits[i], 4);
        cr_expect_leq(budget_portion(&budget) * 2 * 4, limits[i] / 32);
    }
}

Test(budget, can_be_forced_above_a_lowered_limit) {
    struct budget budget;
    budget_init(&budget, 1000, 1);
    cr_expect(budget_take_shared(&budget, 900));
    budget_set_limit(&budget, 500);
    budget_force_shared(&budget, 10);
    cr_expect_eq(budget_committed(&budget), 910);
    cr_expect_not(budget_take_shared(&budget, 1));
}
