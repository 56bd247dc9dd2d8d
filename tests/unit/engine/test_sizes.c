/* SPDX-License-Identifier: MIT
 *
 * Buffers and rings of one worker, for any number of workers and any bound.
 */
#include "sizes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static struct engine_config config;

static void set_up(void) {
    engine_config_init(&config);
}

TestSuite(sizes, .init = set_up);

static struct engine_sizes choose(unsigned workers_count) {
    struct engine_sizes sizes;
    struct engine_error error = {0};
    cr_assert_eq(sizes_choose(&sizes, &config, workers_count, true, &error), 0, "%u workers: %s",
                 workers_count, error.message);
    return sizes;
}

Test(sizes, a_few_workers_get_the_fastest_ones) {
    config.fixed_memory_size_max = 16 * MIB;
    struct engine_sizes sizes = choose(2);
    cr_expect_eq(sizes.recv_buffer_size, 64 * KIB);
    cr_expect_eq(sizes.recv_buffer_count, 8);
    cr_expect_eq(sizes.ring_entries, 1024);
    cr_expect_eq(sizes.completion_entries, 4096);
    cr_expect_eq(sizes.turn_buffer_size, 512 * KIB);
}

Test(sizes, without_a_bound_any_number_of_workers_gets_them) {
    struct engine_sizes few = choose(1), many = choose(ENGINE_WORKERS_MAX);
    cr_expect_eq(memcmp(&few, &many, sizeof(few)), 0);
}

/* 16 MiB are a quarter of the default -m. */
Test(sizes, one_to_1024_workers_stay_below_the_bound_together_and_use_at_least_a_fifth_of_it) {
    config.fixed_memory_size_max = 16 * MIB;
    for (unsigned count = 1; count <= ENGINE_WORKERS_MAX; count++) {
        struct engine_sizes sizes = choose(count);
        cr_assert_leq(count * sizes_uring_memory(&sizes), config.fixed_memory_size_max, "%u workers", count);
        cr_assert_leq(count * sizes_epoll_memory(&sizes), config.fixed_memory_size_max, "%u workers", count);
        if (count >= 18) { /* fewer have all they can use */
            cr_assert_geq(5 * count * sizes_uring_memory(&sizes), config.fixed_memory_size_max, "%u workers",
                          count);
        }
    }
}

Test(sizes, buffers_that_are_not_used_up_piece_by_piece_shrink_in_number) {
    struct engine_sizes sizes;
    struct engine_error error;
    config.fixed_memory_size_max = 16 * MIB;
    cr_assert_eq(sizes_choose(&sizes, &config, 64, false, &error), 0);
    cr_expect_eq(sizes.recv_buffer_size, 2 * KIB);
    cr_expect_lt(sizes.recv_buffer_count, 256);
    cr_expect_leq(64 * sizes_uring_memory(&sizes), config.fixed_memory_size_max);
}

Test(sizes, what_is_configured_is_kept_and_the_rest_makes_room_for_it) {
    config.fixed_memory_size_max = 4 * MIB;
    config.recv_buffer_size = 32 * KIB;
    config.ring_entries = 512;
    struct engine_sizes sizes = choose(16);
    cr_expect_eq(sizes.recv_buffer_size, 32 * KIB);
    cr_expect_eq(sizes.ring_entries, 512);
    cr_expect_lt(sizes.recv_buffer_count, 8);
}

Test(sizes, what_is_configured_and_does_not_fit_is_refused_with_the_sum) {
    struct engine_sizes sizes;
    struct engine_error error = {0};
    config.fixed_memory_size_max = 16 * MIB;
    config.recv_buffer_size = 1 * MIB;
    config.recv_buffer_count = 8;
    cr_assert_eq(sizes_choose(&sizes, &config, 4, true, &error), -EINVAL);
    cr_expect(error.usage);
    cr_expect_not_null(strstr(error.message, "4 workers"), "%s", error.message);
    cr_expect_not_null(strstr(error.message, "smaller buffers"), "%s", error.message);
}

Test(sizes, a_bound_below_the_least_that_works_is_refused) {
    struct engine_sizes sizes;
    struct engine_error error = {0};
    config.fixed_memory_size_max = 256 * KIB;
    cr_assert_eq(sizes_choose(&sizes, &config, 1024, true, &error), -EINVAL);
    cr_expect_not_null(strstr(error.message, "raise -m, lower -t"), "%s", error.message);
}

Test(sizes, of_a_transport_that_is_not_to_be_used_do_not_matter) {
    config.fixed_memory_size_max = 16 * MIB;
    config.transport = ENGINE_EPOLL;
    config.recv_buffer_size = 1 * MIB;
    config.recv_buffer_count = 64;
    choose(16);
}
