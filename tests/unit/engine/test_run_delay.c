/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "deadline.h"
#include "run_delay.h"

static bool parse(const char *text, struct run_delay *delay) {
    return run_delay_parse(bytes_from_string(text), delay);
}

Test(run_delay, has_the_second_and_third_number_of_a_line) {
    struct run_delay delay;
    cr_assert(parse("501548 172767 2\n", &delay));
    cr_expect_eq(delay.waited_ns, 172767);
    cr_expect_eq(delay.runs_count, 2);
    cr_assert(parse("0 18446744073709551615 18446744073709551615\n", &delay));
    cr_expect_eq(delay.waited_ns, UINT64_MAX);
}

Test(run_delay, refuses_other_lines_and_touches_nothing) {
    static const char *const texts[] = {
        "",         "\n",       "1",       "1 2",      "1 2 3",     "1 2\n",
        " 1 2 3\n", "1  2 3\n", "1 2 x\n", "-1 2 3\n", "1 2 3 4\n", "1 18446744073709551616 3\n",
        "0 0 0\n",
    };
    struct run_delay delay = {7, 8};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_expect_not(parse(texts[i], &delay), "\"%s\"", texts[i]);
    }
    cr_expect_eq(delay.waited_ns, 7);
    cr_expect_eq(delay.runs_count, 8);
}

Test(run_delay, of_this_thread_grows) {
    struct run_delay before, after;
    int fd = run_delay_open();
    if (fd < 0) {
        cr_skip_test("this kernel does not count (%s)", strerror(-fd));
    }
    cr_assert(run_delay_read(fd, &before));
    struct deadline ran = deadline_of("a thread that sleeps runs again");
    do {
        deadline_wait(&ran);
        cr_assert(run_delay_read(fd, &after));
    } while (after.runs_count == before.runs_count);
    cr_expect_geq(after.waited_ns, before.waited_ns);
    close(fd);
    cr_expect_not(run_delay_read(fd, &after));
}
