/* SPDX-License-Identifier: MIT
 *
 * turn: looks at the clocks, and learns from a turn that was measured what the next may have.
 */
#include "turn.h"

#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/protocol.h"

enum {
    /* Small requests between two looks at the clock: at most 100 us of them, so that a look costs nothing. */
    TURN_WORK_PER_LOOK = PROTOCOL_WORK_COSTLY,
    /* A measured turn above it is counted as long: twice what is aimed at. */
    TURN_LONG_NS = 2 * TURN_TIME_MAX_NS,
};

/* The share of `all_ns` that costly requests had, of a whole turn. */
static uint32_t turn_share(uint64_t costly_ns, uint64_t all_ns) {
    if (costly_ns >= all_ns) {
        return TURN_COSTLY_TIME_MAX_NS;
    }
    uint64_t share_ns = TURN_COSTLY_TIME_MAX_NS * costly_ns / all_ns;
    return share_ns > TURN_COSTLY_NS_MIN ? (uint32_t)share_ns : TURN_COSTLY_NS_MIN;
}

/* A measured turn is over: what it was served and what the kernel did of it. */
static void turn_measure(struct turn *turn, struct engine_counters *counters, uint64_t cpu_ns) {
    uint64_t used_ns = cpu_ns - turn->began_cpu_ns;
    uint64_t used_us = used_ns / CLOCK_NS_PER_US;
    if (turn->costly_cpu_ns > 0) {
        turn->costly_ns_max = turn_share(turn->costly_cpu_ns, used_ns);
    }
    counter_add(&counters->turns_costly, turn->kind == TURN_COSTLY);
    counter_add(&counters->turns_busy, turn->kind == TURN_BUSY);
    counter_add(&counters->turns_long, used_ns > TURN_LONG_NS);
    if (used_us > counter_read(&counters->turn_longest_us)) {
        counter_set(&counters->turn_longest_us, used_us);
    }
}

void turn_begin(struct turn *turn, struct engine_counters *counters, uint64_t now_ns, enum turn_kind kind) {
    turn->ends_ns = now_ns + TURN_TIME_MAX_NS;
    turn->work = 0;
    turn->over = false;
    turn->asked_again = false;
    turn->filter_work = 0;
    turn->sends_size = 0;
    turn->heavy_recvs = 0;
    turn->filter_closes = 0;
    if (likely(kind == TURN_LIGHT && turn->began_cpu_ns == 0)) {
        return;
    }
    uint64_t cpu_ns = clock_thread_cpu_ns();
    if (turn->began_cpu_ns != 0) {
        turn_measure(turn, counters, cpu_ns);
    }
    turn->began_cpu_ns = kind != TURN_LIGHT ? cpu_ns : 0;
    turn->kind = kind;
    turn->costly_cpu_ns = 0;
}

void turn_count(struct turn *turn, unsigned work) {
    turn->work += work + 1;
    if (unlikely(turn->work >= TURN_WORK_PER_LOOK)) {
        turn->work = 0;
        turn->over = clock_monotonic_ns() >= turn->ends_ns;
    }
}

uint64_t turn_costly_begin(struct turn *turn) {
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t costly_ns_max = turn->costly_ns_max > 0 ? turn->costly_ns_max : TURN_COSTLY_NS_MIN;
    uint64_t ends_ns = now_ns + costly_ns_max;
    turn->ends_ns = ends_ns < turn->ends_ns ? ends_ns : turn->ends_ns;
    turn->over = false;
    return clock_thread_cpu_ns();
}

void turn_costly_end(struct turn *turn, uint64_t mark) {
    turn->costly_cpu_ns = clock_thread_cpu_ns() - mark;
    if (unlikely(turn->costly_cpu_ns >= TURN_REST_NS_MIN)) {
        turn->costly_rest_ns = clock_monotonic_ns() + TURN_RESTS * turn->costly_cpu_ns;
    }
}
