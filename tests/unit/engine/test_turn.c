/* SPDX-License-Identifier: MIT
 *
 * How long a turn lasts, and what costly requests may have of it. Time is the CPU time of this thread: what others do on
 * the machine does not count.
 */
#include <criterion/criterion.h>

#include "riposte/clock.h"
#include "riposte/protocol.h"
#include "turn.h"

TestSuite(turn, .timeout = 30);

static void burn(uint64_t cpu_ns) {
    uint64_t ends_ns = clock_thread_cpu_ns() + cpu_ns;
    while (clock_thread_cpu_ns() < ends_ns) {
        continue;
    }
}

Test(turn, is_over_when_a_costly_request_finds_its_time_passed) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns() - TURN_TIME_MAX_NS, TURN_LIGHT);
    turn_count(&turn, 1);
    cr_expect_not(turn.over);
    turn_count(&turn, PROTOCOL_WORK_COSTLY);
    cr_expect(turn.over);
}

Test(turn, is_looked_at_after_many_requests_that_are_not_costly) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns() - TURN_TIME_MAX_NS, TURN_LIGHT);
    for (int i = 0; i < 1000; i++) {
        turn_count(&turn, 1);
    }
    cr_expect(turn.over);
}

Test(turn, is_looked_at_after_few_requests_that_are_much_work) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns() - TURN_TIME_MAX_NS, TURN_LIGHT);
    for (int i = 0; i < 3; i++) {
        turn_count(&turn, PROTOCOL_WORK_COSTLY / 4);
        cr_expect_not(turn.over, "%d", i);
    }
    turn_count(&turn, PROTOCOL_WORK_COSTLY / 4);
    cr_expect(turn.over);
}

Test(turn, begins_a_costly_request_although_its_time_has_passed) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns() - TURN_TIME_MAX_NS, TURN_COSTLY);
    turn_count(&turn, PROTOCOL_WORK_COSTLY);
    turn_costly_begin(&turn);
    cr_expect_not(turn.over);
    turn_count(&turn, PROTOCOL_WORK_COSTLY);
    cr_expect(turn.over);
}

Test(turn, counts_those_with_costly_requests_that_took_long) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_COSTLY);
    burn((uint64_t)3 * TURN_TIME_MAX_NS);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_COSTLY);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_LIGHT);
    cr_expect_eq(counter_read(&counters.turns_costly), 2);
    cr_expect_eq(counter_read(&counters.turns_long), 1);
    cr_expect_geq(counter_read(&counters.turn_longest_us), 3000);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_LIGHT);
    cr_expect_eq(counter_read(&counters.turns_costly), 2, "one without costly requests is not measured");
}

Test(turn, counts_those_that_an_earlier_one_has_left_something_for) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_BUSY);
    burn((uint64_t)3 * TURN_TIME_MAX_NS);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_BUSY);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_LIGHT);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_LIGHT);
    cr_expect_eq(counter_read(&counters.turns_busy), 2);
    cr_expect_eq(counter_read(&counters.turns_costly), 0);
    cr_expect_eq(counter_read(&counters.turns_long), 1);
}

/* What the next turn gives costly requests, when of this one so much went to them and so much to the rest. */
static uint32_t share_after(uint64_t costly_cpu_ns, uint64_t rest_cpu_ns) {
    struct turn turn = {0};
    struct engine_counters counters = {0};
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_COSTLY);
    uint64_t mark = turn_costly_begin(&turn);
    burn(costly_cpu_ns);
    turn_costly_end(&turn, mark);
    burn(rest_cpu_ns);
    turn_begin(&turn, &counters, clock_monotonic_ns(), TURN_COSTLY);
    return turn.costly_ns_max;
}

Test(turn, leaves_costly_requests_what_sending_their_answers_leaves) {
    uint32_t alone = share_after(4 * CLOCK_NS_PER_MS, 0);
    uint32_t half = share_after(2 * CLOCK_NS_PER_MS, 2 * CLOCK_NS_PER_MS);
    cr_expect_geq(alone, TURN_COSTLY_TIME_MAX_NS / 10 * 9, "%u", alone);
    cr_expect(half >= TURN_COSTLY_TIME_MAX_NS / 10 * 4 && half <= TURN_COSTLY_TIME_MAX_NS / 10 * 6, "%u",
              half);
}

Test(turn, leaves_costly_requests_something_in_any_case) {
    cr_expect_eq(share_after(CLOCK_NS_PER_US, 20 * CLOCK_NS_PER_MS), TURN_COSTLY_NS_MIN);
}

/* A turn in which one costly request took so long. */
static void costly_turn(struct turn *turn, uint64_t cpu_ns) {
    uint64_t mark = turn_costly_begin(turn);
    burn(cpu_ns);
    turn_costly_end(turn, mark);
}

Test(turn, lets_costly_requests_rest_after_a_long_one_while_others_ask) {
    struct turn turn = {0};
    costly_turn(&turn, 4 * CLOCK_NS_PER_MS);
    uint64_t now_ns = clock_monotonic_ns();
    cr_expect_eq(turn_costly_rests_ns(&turn, now_ns), 0, "nobody else is there");
    turn_note_others(&turn, now_ns);
    uint64_t rests_ns = turn_costly_rests_ns(&turn, now_ns);
    cr_expect(rests_ns > 8 * CLOCK_NS_PER_MS && rests_ns <= 13 * CLOCK_NS_PER_MS, "%lu", rests_ns);
    cr_expect_eq(turn_costly_rests_ns(&turn, now_ns + rests_ns - 1), 1);
    cr_expect_eq(turn_costly_rests_ns(&turn, now_ns + rests_ns), 0);
    turn_note_others(&turn, now_ns - TURN_OTHERS_RECENT_NS);
    cr_expect_eq(turn_costly_rests_ns(&turn, now_ns), 0, "others have not asked for long");
}

Test(turn, lets_no_costly_requests_rest_that_were_short) {
    struct turn turn = {0};
    costly_turn(&turn, 2 * CLOCK_NS_PER_MS);
    turn_note_others(&turn, clock_monotonic_ns());
    cr_expect_eq(turn_costly_rests_ns(&turn, clock_monotonic_ns()), 0);
}
