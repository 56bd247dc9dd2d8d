/* SPDX-License-Identifier: MIT
 *
 * kernel: asked once a second and not more often.
 */
#include "kernel.h"

#include <criterion/criterion.h>

#include "riposte/clock.h"

Test(kernel, is_asked_once_a_second) {
    struct kernel kernel;
    uint64_t now_ns = 5 * CLOCK_NS_PER_S;
    kernel_init(&kernel, now_ns);
    cr_expect_gt(kernel_figures(&kernel, now_ns).usage.ru_maxrss, 0, "the first one has an answer");
    kernel.figures.usage.ru_maxrss = 0;
    cr_expect_eq(kernel_figures(&kernel, now_ns + CLOCK_NS_PER_S - 1).usage.ru_maxrss, 0);
    cr_expect_gt(kernel_figures(&kernel, now_ns + CLOCK_NS_PER_S).usage.ru_maxrss, 0);
    cr_expect_eq(kernel.asked_ns, now_ns + CLOCK_NS_PER_S);
    kernel_deinit(&kernel);
}

Test(kernel, is_not_asked_again_by_a_thread_whose_clock_is_behind) {
    struct kernel kernel;
    uint64_t now_ns = 5 * CLOCK_NS_PER_S;
    kernel_init(&kernel, now_ns);
    kernel.figures.usage.ru_maxrss = 0;
    cr_expect_eq(kernel_figures(&kernel, now_ns - 1).usage.ru_maxrss, 0);
    kernel_deinit(&kernel);
}

Test(kernel, counts_overflows_from_the_beginning) {
    struct kernel kernel;
    kernel_init(&kernel, CLOCK_NS_PER_S);
    if (!kernel.figures.listens_known) {
        kernel_deinit(&kernel);
        cr_skip_test("/proc/net/netstat cannot be read here");
    }
    cr_expect_eq(kernel_figures(&kernel, CLOCK_NS_PER_S).listen_overflows, 0);
    kernel.first_overflows -= 7;
    kernel.first_drops -= 8;
    struct engine_kernel_figures later = kernel_figures(&kernel, 2 * CLOCK_NS_PER_S);
    cr_expect_geq(later.listen_overflows, 7);
    cr_expect_geq(later.listen_drops, 8);
    kernel_deinit(&kernel);
}
