/* SPDX-License-Identifier: MIT
 *
 * One reason, in one sentence: the first.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "failure.h"

static bool step(struct failure *failure) {
    return failure_set(failure, EX_USAGE, "-p %d: out of range", 99999);
}

Test(failure, has_not_happened_while_it_is_zero) {
    struct failure failure = {0};
    cr_expect_not(failure_happened(&failure));
}

Test(failure, lets_a_step_return_false_with_a_sentence) {
    struct failure failure = {0};
    cr_expect_not(step(&failure));
    cr_expect(failure_happened(&failure));
    cr_expect_eq(failure.exit_status, EX_USAGE);
    cr_expect_str_eq(failure.text, "-p 99999: out of range");
}

Test(failure, keeps_the_first_reason) {
    struct failure failure = {0};
    step(&failure);
    failure_write(&failure, EX_OSERR, "what followed from it");
    cr_expect_eq(failure.exit_status, EX_USAGE);
    cr_expect_str_eq(failure.text, "-p 99999: out of range");
}

Test(failure, cuts_a_sentence_that_is_too_long) {
    struct failure failure = {0};
    failure_write(&failure, EX_OSERR, "%*s", 2 * FAILURE_TEXT_SIZE_MAX, "x");
    cr_expect_eq(strlen(failure.text), FAILURE_TEXT_SIZE_MAX - 1);
}

Test(failure, without_an_exit_status_is_a_bug, .signal = SIGABRT) {
    struct failure failure = {0};
    failure_write(&failure, 0, "nothing");
}
