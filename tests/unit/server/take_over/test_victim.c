/* SPDX-License-Identifier: MIT
 *
 * A victim is the first to be killed, and afterwards what it was, also where it has given all rights away meanwhile.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "capabilities.h"
#include "victim.h"

static int score(void) {
    char text[16] = "";
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(text, sizeof(text), file));
    fclose(file);
    return (int)strtol(text, NULL, 10);
}

Test(victim, is_the_first_to_be_killed_until_the_end) {
    struct victim victim;
    int before = score();
    victim_offer(&victim);
    cr_expect_eq(score(), 1000);
    cr_assert_eq(victim_hold(&victim), 0);
    cr_assert(capabilities_drop());
    cr_expect_eq(victim_end(&victim), 0);
    cr_expect_eq(score(), before);
    cr_expect_eq(victim_end(&victim), 0, "once");
}

Test(victim, is_nobody_who_was_not_offered) {
    struct victim victim = {.fd = -1};
    int before = score();
    cr_expect_eq(victim_hold(&victim), 0);
    cr_expect_eq(victim_end(&victim), 0);
    cr_expect_eq(score(), before);
}
