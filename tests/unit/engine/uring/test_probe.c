/* SPDX-License-Identifier: MIT
 *
 * What the probe says about the running kernel is true of it, and each refusal becomes a sentence with its cure. A
 * refusal is made with a seccomp filter or a limit of the test's own process.
 */
#include "probe.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buffers.h"
#include "engine_state.h"
#include "fixture.h"

TestSuite(probe, .timeout = 60);

/* Probes; skipped where the kernel refuses io_uring. Only the fields that the probe fills are of use. */
static struct engine *probed_engine(void) {
    static struct engine engine;
    struct engine_error error;
    if (uring_probe(&engine, &error) < 0) {
        cr_skip_test("no io_uring here: %s", error.message);
    }
    return &engine;
}

/* From now on this process gets `number` from the system call. */
static void refuse(long call, int number) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        cr_skip_test("no seccomp filters here: %s", strerror(errno));
    }
}

static void expect_refusal(int number, const char *cause, const char *cure) {
    struct engine engine = {0};
    struct engine_error error = {0};
    cr_assert_eq(uring_probe(&engine, &error), number);
    cr_assert_eq(error.error, number);
    cr_assert_not_null(strstr(error.message, cause), "no \"%s\" in: %s", cause, error.message);
    cr_assert_not_null(strstr(error.message, cure), "no \"%s\" in: %s", cure, error.message);
}

Test(probe, the_set_up_flags_it_found_are_taken) {
    struct engine *engine = probed_engine();
    struct ring ring;
    unsigned flags = engine->uring.setup_flags;
    cr_assert_eq(ring_init(&ring, 8, 16, &flags, engine->uring.no_iowait), 0);
    cr_assert_eq(flags, engine->uring.setup_flags);
    ring_deinit(&ring);
}

Test(probe, finds_incremental_buffers_exactly_where_they_can_be_registered) {
    struct engine *engine = probed_engine();
    struct ring ring = fixture_ring(8, 16);
    struct buffers buffers;
    int result = buffers_init(&buffers, &ring, 1, 4096, 2, true);
    cr_assert_eq(engine->uring.incremental_buffers, result == 0, "registration says: %s", strerror(-result));
    if (result == 0) {
        buffers_deinit(&buffers, &ring, 1);
    }
    ring_deinit(&ring);
}

/* Whether `word` stands among the words of `text`. */
static bool has_word(const char *text, const char *word) {
    size_t size = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == text || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

Test(probe, lists_the_features_by_name) {
    const struct engine *engine = probed_engine();
    const struct uring_features *features = &engine->uring;
    cr_expect_eq(has_word(engine->features, "defer-taskrun"),
                 (features->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0);
    cr_expect_eq(has_word(engine->features, "multishot-accept"), features->accept_multishot);
    cr_expect_eq(has_word(engine->features, "multishot-recv"), features->recv_multishot);
    cr_expect_eq(has_word(engine->features, "incremental-buffers"), features->incremental_buffers);
    cr_expect_eq(has_word(engine->features, "send-bundle"), features->bundle);
    cr_expect_eq(has_word(engine->features, "zero-copy"), features->send_zero_copy);
    cr_expect_eq(has_word(engine->features, "no-iowait"), features->no_iowait);
}

Test(probe, leaves_nothing_open) {
    probed_engine();
    int before = dup(STDIN_FILENO);
    close(before);
    probed_engine();
    int after = dup(STDIN_FILENO);
    close(after);
    cr_assert_eq(after, before);
}

Test(probe, a_seccomp_profile_is_named_as_the_cause) {
    refuse(SYS_io_uring_setup, EPERM);
    expect_refusal(-EPERM, "seccomp", "--engine=epoll");
}

Test(probe, buffers_that_may_not_be_registered_are_a_refusal_too) {
    probed_engine();
    refuse(SYS_io_uring_register, EPERM);
    expect_refusal(-EPERM, "io_uring_register", "--engine=epoll");
}

Test(probe, a_ring_that_may_be_made_but_not_entered_is_a_refusal_too) {
    probed_engine();
    refuse(SYS_io_uring_enter, EACCES);
    expect_refusal(-EACCES, "EACCES", "--engine=epoll");
}

Test(probe, a_kernel_without_io_uring_is_told_which_version_is_needed) {
    refuse(SYS_io_uring_setup, ENOSYS);
    expect_refusal(-ENOSYS, "no io_uring", "6.1 or later");
}

Test(probe, no_descriptor_left_names_the_limit) {
    probed_engine();
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect_refusal(-EMFILE, "descriptor", "LimitNOFILE");
}

ParameterizedTestParameters(probe, every_error_becomes_a_sentence_with_a_cure) {
    static int numbers[] = {EPERM, EACCES, ENOSYS, EINVAL, ENOMEM, EMFILE, ENFILE, EIO};
    return cr_make_param_array(int, numbers, sizeof(numbers) / sizeof(numbers[0]));
}

ParameterizedTest(const int *number, probe, every_error_becomes_a_sentence_with_a_cure) {
    struct engine_error error = {0};
    const struct engine_sizes sizes = {
        .ring_entries = 4096, .completion_entries = 16384, .recv_buffer_count = 8};
    cr_assert_eq(uring_explain(-*number, &sizes, 64, &error), -*number);
    cr_assert_eq(error.error, -*number);
    bool has_cure = strstr(error.message, "--engine=epoll") != NULL || strstr(error.message, "Limit") != NULL;
    cr_assert(has_cure, "%s", error.message);
    cr_assert_lt(strlen(error.message), sizeof(error.message) - 1, "the sentence is cut: %s", error.message);
}

/* 4096 x 64 bytes of submissions, 16384 x 16 + 4096 x 4 + 320 bytes of completions, 8 x 16 of buffers, in pages of 4 KiB. */
Test(probe, want_of_memory_does_the_sum_for_all_workers) {
    struct engine_error error = {0};
    const struct engine_sizes sizes = {
        .ring_entries = 4096, .completion_entries = 16384, .recv_buffer_count = 8};
    if (sysconf(_SC_PAGESIZE) != 4096) {
        cr_skip_test("the sum is for pages of 4 KiB");
    }
    struct rlimit limit = {.rlim_cur = 8 << 20, .rlim_max = 8 << 20};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    uring_explain(-ENOMEM, &sizes, 64, &error);
    cr_expect_not_null(strstr(error.message, "64 workers take 34304 KiB"), "%s", error.message);
    cr_expect_not_null(strstr(error.message, "8192 KiB"), "%s", error.message);
}
