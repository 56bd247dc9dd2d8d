/* SPDX-License-Identifier: MIT
 *
 * Epochs: who holds them up and who does not.
 */
#include <criterion/criterion.h>

#include "epoch.h"

enum { MEMBERS = 3 };

struct group {
    struct epoch epoch;
    struct epoch_member *pointers[MEMBERS];
    struct epoch_member members[MEMBERS];
};

static struct group group;

static void gather(void) {
    epoch_init(&group.epoch, group.pointers, MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        epoch_join(&group.epoch, &group.members[i]);
    }
}

TestSuite(epoch, .init = gather);

Test(epoch, moves_on_alone_when_the_others_are_off_line) {
    epoch_online(&group.epoch, &group.members[0]);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect(epoch_advance(&group.epoch, &group.members[0]));
        epoch_quiescent(&group.epoch, &group.members[0]);
    }
    cr_expect_eq(epoch_now(&group.epoch), EPOCH_FIRST + 10);
}

Test(epoch, waits_for_a_member_that_has_not_announced_it) {
    epoch_online(&group.epoch, &group.members[0]);
    epoch_online(&group.epoch, &group.members[2]);
    cr_expect(epoch_advance(&group.epoch, &group.members[0]));
    epoch_quiescent(&group.epoch, &group.members[0]);
    cr_expect_not(epoch_advance(&group.epoch, &group.members[0]));
    epoch_quiescent(&group.epoch, &group.members[2]);
    cr_expect(epoch_advance(&group.epoch, &group.members[0]));
}

Test(epoch, does_not_wait_for_a_member_that_went_off_line) {
    epoch_online(&group.epoch, &group.members[0]);
    epoch_online(&group.epoch, &group.members[1]);
    cr_expect(epoch_advance(&group.epoch, &group.members[0]));
    epoch_quiescent(&group.epoch, &group.members[0]);
    cr_expect_not(epoch_advance(&group.epoch, &group.members[0]));
    epoch_offline(&group.members[1]);
    cr_expect(epoch_advance(&group.epoch, &group.members[0]));
}

Test(epoch, is_at_most_one_ahead_of_an_on_line_member) {
    epoch_online(&group.epoch, &group.members[0]);
    epoch_online(&group.epoch, &group.members[1]);
    for (unsigned i = 0; i < 10; i++) {
        epoch_advance(&group.epoch, &group.members[0]);
        epoch_quiescent(&group.epoch, &group.members[0]);
    }
    cr_expect_eq(epoch_now(&group.epoch), epoch_tag(&group.members[1]) + 1);
}

Test(epoch, puts_a_member_that_comes_back_into_the_present) {
    epoch_online(&group.epoch, &group.members[0]);
    for (unsigned i = 0; i < 10; i++) {
        epoch_advance(&group.epoch, &group.members[0]);
        epoch_quiescent(&group.epoch, &group.members[0]);
    }
    epoch_online(&group.epoch, &group.members[1]);
    cr_expect_eq(epoch_tag(&group.members[1]), epoch_now(&group.epoch));
}
