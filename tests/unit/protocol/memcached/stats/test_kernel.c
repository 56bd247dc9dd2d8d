/* SPDX-License-Identifier: MIT
 *
 * kernel: asked once a second and not more often.
 */
#include "kernel.h"

#include <criterion/criterion.h>

#include "riposte/clock.h"

Test(kernel, is_asked_once_a_second) {
    struct kernel kernel;
    kernel_init(&kernel);
    uint64_t now_ns = 5 * CLOCK_NS_PER_S;
    cr_expect_gt(kernel_figures(&kernel, NULL, now_ns).usage.ru_maxrss, 0, "the first one has an answer");
    kernel.figures.overflows = 77; /* what the kernel does not say without an engine */
    cr_expect_eq(kernel_figures(&kernel, NULL, now_ns + CLOCK_NS_PER_S - 1).overflows, 77);
    cr_expect_eq(kernel_figures(&kernel, NULL, now_ns + CLOCK_NS_PER_S).overflows, 0);
    kernel_deinit(&kernel);
}
