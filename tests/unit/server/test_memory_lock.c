/* SPDX-License-Identifier: MIT */
#include "memory_lock.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SIZE = 1 << 20, NOBODY = 65534 };

TestSuite(memory_lock, .timeout = 60);

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

Test(memory_lock, holds_for_what_is_mapped_before_and_after) {
    char *before = map();
    memory_lock(geteuid() == 0);
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
Test(memory_lock, is_left_out_with_a_warning_where_a_limit_is_in_the_way) {
    struct rlimit limit = {.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() == 0 && setuid(NOBODY) < 0) {
        cr_skip_test("root cannot become another user here");
    }
    cr_redirect_stderr();
    memory_lock(false);
    fflush(stderr);
    cr_assert_eq(locked_kib(), 0);
    memset(map(), 1, SIZE);
    char said[512] = "";
    FILE *stream = cr_get_redirected_stderr();
    cr_assert_not_null(fgets(said, sizeof(said), stream));
    cr_assert_not_null(strstr(said, "RLIMIT_MEMLOCK is 64k"), "%s", said);
}
