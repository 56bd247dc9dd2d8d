/* SPDX-License-Identifier: MIT
 *
 * The descriptor limit: what is needed, raised where possible, and the sentence where not.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "resources.h"
#include "stack.h"

static struct failure failure;

Test(resources, count_descriptors_of_connections_workers_and_listeners) {
    uint64_t small = resources_descriptors_needed(100, 1, 1);
    cr_expect_gt(small, 132); /* a ring and a listener at least, and 32 for the process */
    cr_expect_eq(resources_descriptors_needed(200, 1, 1), small + 100);
    cr_expect_eq(resources_descriptors_needed(100, 1, 3), small + 2);
    cr_expect_gt(resources_descriptors_needed(100, 2, 1), small + 1);
    cr_expect_gt(resources_descriptors_needed(UINT32_MAX, 1024, 64), (uint64_t)UINT32_MAX + 65536);
}

Test(resources, raise_the_soft_limit_further_up_to_the_hard_one) {
    struct rlimit given = {.rlim_cur = 100, .rlim_max = 300}, after;
    uint64_t limit = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &given), 0);
    resources_raise_descriptors_further(50, &limit);
    cr_expect_eq(limit, 100, "it is never lowered");
    resources_raise_descriptors_further(200, &limit);
    cr_expect_eq(limit, 200);
    resources_raise_descriptors_further(1000, &limit);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &after), 0);
    cr_expect_eq(limit, 300);
    cr_expect_eq(after.rlim_cur, 300);
    cr_expect_eq(after.rlim_max, 300);
}

Test(resources, raise_the_soft_limit_to_the_need) {
    struct rlimit before = {0}, after = {0};
    uint64_t limit = 0;
    getrlimit(RLIMIT_NOFILE, &before);
    before.rlim_cur = 100;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert(resources_raise_descriptors(200, &(uint32_t){150}, false, &limit, &failure), "%s",
              failure.text);
    getrlimit(RLIMIT_NOFILE, &after);
    cr_expect_eq(limit, 200);
    cr_expect_eq(after.rlim_cur, 200);
    cr_expect_eq(after.rlim_max, before.rlim_max);
}

Test(resources, leave_a_sufficient_limit_alone) {
    struct rlimit before = {0}, after = {0};
    uint64_t limit = 0;
    getrlimit(RLIMIT_NOFILE, &before);
    cr_assert(resources_raise_descriptors(10, &(uint32_t){5}, false, &limit, &failure));
    getrlimit(RLIMIT_NOFILE, &after);
    cr_expect_eq(limit, before.rlim_cur);
    cr_expect_eq(after.rlim_cur, before.rlim_cur);
}

Test(resources, name_both_numbers_when_the_limit_cannot_be_enough) {
    uint64_t limit = 0;
    /* Above fs.nr_open nobody may go, not even root. */
    uint64_t needed = UINT64_C(1) << 40;
    uint32_t connections_max = 1000000;
    cr_expect_not(resources_raise_descriptors(needed, &connections_max, false, &limit, &failure));
    cr_expect_eq(connections_max, 1000000);
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_not_null(
        strstr(failure.text, "-c 1000000 needs 1099511627776 descriptors, the hard limit is "));
    cr_expect_not_null(strstr(failure.text, "LimitNOFILE=1099511627776"));
}

/* Above fs.nr_open not even root may go. */
Test(resources, lower_a_number_of_connections_that_nobody_asked_for) {
    struct rlimit before = {0}, after = {0};
    uint64_t limit = 0;
    getrlimit(RLIMIT_NOFILE, &before);
    uint32_t connections_max = UINT32_MAX;
    uint64_t needed = (uint64_t)connections_max + 40;
    cr_assert(resources_raise_descriptors(needed, &connections_max, true, &limit, &failure), "%s",
              failure.text);
    getrlimit(RLIMIT_NOFILE, &after);
    cr_expect_eq(connections_max, before.rlim_max - 40);
    cr_expect_eq(limit, before.rlim_max);
    cr_expect_eq(after.rlim_cur, before.rlim_max);
}

Test(resources, refuse_a_limit_that_leaves_no_connection) {
    uint64_t limit = 0;
    uint32_t connections_max = 5;
    uint64_t needed = UINT64_C(1) << 40;
    cr_expect_not(resources_raise_descriptors(needed, &connections_max, true, &limit, &failure));
    cr_expect_eq(connections_max, 5);
    cr_expect_null(strstr(failure.text, "or take -c"), "there is no -c 0");
}

Test(resources, put_the_null_device_where_standard_files_are_closed) {
    close(STDIN_FILENO);
    cr_assert(resources_open_standard_files(&failure), "%s", failure.text);
    cr_expect_neq(fcntl(STDIN_FILENO, F_GETFD), -1);
    int next = open("/dev/null", O_RDONLY);
    cr_expect_gt(next, STDERR_FILENO);
    close(next);
}

/* --- the stack of the main thread ---------------------------------------------------------------------------
 */

static void limit_stack(size_t soft, size_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    cr_assert_eq(setrlimit(RLIMIT_STACK, &limit), 0);
}

static struct rlimit stack_limit(void) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_STACK, &limit);
    return limit;
}

Test(resources, raise_the_limit_of_the_stack_to_the_need) {
    char frame = 0;
    size_t needed = stack_used(&frame) + STACK_MAIN_SIZE;
    limit_stack(needed - 1, 8 << 20);
    cr_assert(resources_raise_stack(&frame, &failure), "%s", failure.text);
    cr_expect_eq(stack_limit().rlim_cur, needed);
    cr_expect_eq(stack_limit().rlim_max, 8 << 20);
    limit_stack(needed + 1, 8 << 20);
    cr_assert(resources_raise_stack(&frame, &failure), "%s", failure.text);
    cr_expect_eq(stack_limit().rlim_cur, needed + 1, "what suffices stays");
}

Test(resources, name_the_stack_that_is_needed_where_the_hard_limit_is_too_low) {
    char frame = 0;
    size_t needed = stack_used(&frame) + STACK_MAIN_SIZE;
    limit_stack(needed - 1, needed - 1);
    if (geteuid() == 0 && setuid(65534) < 0) {
        cr_skip_test("root cannot become another user here");
    }
    cr_expect_not(resources_raise_stack(&frame, &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_not_null(strstr(failure.text, "ulimit -s "), "%s", failure.text);
    cr_expect_not_null(strstr(failure.text, "LimitSTACK="), "%s", failure.text);
}

/* --- memory -----------------------------------------------------------------------------------------------
 */

enum { SIZE = 1 << 20, NOBODY = 65534 };

TestSuite(resources_memory, .timeout = 60);

/* KiB of this process that cannot be paged out (proc_pid_status(5)). */
static unsigned long locked_kib(void) {
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "VmLck: %lu", &kib) != 1) {
    }
    fclose(file);
    return kib;
}

static char *map(void) {
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

Test(resources_memory, is_locked_whether_it_was_mapped_before_or_after) {
    char *before = map();
    resources_lock_memory(geteuid() == 0);
    if (locked_kib() == 0) {
        cr_skip_test("this process may not lock memory");
    }
    unsigned long first_kib = locked_kib();
    char *after = map();
    memset(before, 1, SIZE);
    memset(after, 1, SIZE);
    cr_assert_geq(first_kib, SIZE / 1024);
    cr_assert_geq(locked_kib(), first_kib + SIZE / 1024);
}

/* Instead of a server whose every allocation above the limit would fail. */
Test(resources_memory, is_not_locked_with_a_warning_where_a_limit_is_in_the_way) {
    struct rlimit limit = {.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() == 0 && setuid(NOBODY) < 0) {
        cr_skip_test("root cannot become another user here");
    }
    cr_redirect_stderr();
    resources_lock_memory(false);
    fflush(stderr);
    cr_assert_eq(locked_kib(), 0);
    memset(map(), 1, SIZE);
    char said[512] = "";
    FILE *stream = cr_get_redirected_stderr();
    cr_assert_not_null(fgets(said, sizeof(said), stream));
    cr_assert_not_null(strstr(said, "RLIMIT_MEMLOCK is 64k"), "%s", said);
}
