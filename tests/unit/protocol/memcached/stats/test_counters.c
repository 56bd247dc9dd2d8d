/* SPDX-License-Identifier: MIT
 *
 * counters: sums over workers that are there and that are gone, since start and since the last reset.
 */
#include "counters.h"

#include "../fixture.h"

static struct store_worker *second_store_worker;
static struct memcached_worker *second_worker;

static void room_for_two(struct talk_server *changed) {
    changed->config.workers_max = 2;
    changed->store_config.workers_max = 2;
}

static void two_workers(void) {
    open_all();
    reopen_with(room_for_two);
    second_store_worker = store_worker_join(server.store, server.now_ns);
    second_worker = memcached_worker_create(server.service, second_store_worker, 1);
    cr_assert_not_null(second_worker);
}

static void second_leaves(void) {
    memcached_worker_destroy(second_worker);
    store_worker_leave(second_store_worker);
    second_worker = NULL;
}

static void close_two(void) {
    if (second_worker != NULL) {
        second_leaves();
    }
    close_all();
}

TestSuite(counters, .init = two_workers, .fini = close_two);

/* A get of nothing on the second worker. */
static void second_misses(void) {
    struct talk other;
    struct memcached_worker *first_worker = server.worker;
    server.worker = second_worker;
    talk_open(&other, &server);
    talk_check(&other, "get a\r\n", "END\r\n");
    talk_close(&other);
    server.worker = first_worker;
}

static uint64_t misses_since_reset(void) {
    struct mc_totals totals;
    counters_since_reset(server.service, &totals);
    return totals.commands.get_misses;
}

static uint64_t misses_since_start(void) {
    struct mc_totals totals;
    counters_since_start(server.service, &totals);
    return totals.commands.get_misses;
}

Test(counters, are_summed_over_all_workers_and_those_that_are_gone) {
    talk_check(&talk, "get a\r\n", "END\r\n");
    second_misses();
    second_misses();
    cr_expect_eq(misses_since_start(), 3);
    second_leaves();
    cr_expect_eq(misses_since_start(), 3);
    cr_expect_eq(misses_since_reset(), 3);
}

Test(counters, begin_anew_at_a_reset_but_not_those_since_start) {
    talk_check(&talk, "get a\r\n", "END\r\n");
    second_misses();
    counters_reset(server.service);
    cr_expect_eq(misses_since_reset(), 0);
    cr_expect_eq(misses_since_start(), 2);
    second_leaves();
    cr_expect_eq(misses_since_reset(), 0);
    talk_check(&talk, "get a\r\n", "END\r\n");
    cr_expect_eq(misses_since_reset(), 1);
    cr_expect_eq(misses_since_start(), 3);
}

Test(counters, leave_levels_as_they_are) {
    struct mc_totals totals;
    talk_check(&talk, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
    counters_reset(server.service);
    counters_since_reset(server.service, &totals);
    cr_expect_eq(totals.store.items_count, 1);
    cr_expect_eq(counter_read(&totals.store.sums.items_added), 0);
    counters_since_start(server.service, &totals);
    cr_expect_eq(counter_read(&totals.store.sums.items_added), 1);
}
