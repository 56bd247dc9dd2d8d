/* SPDX-License-Identifier: MIT
 *
 * A ring of the running kernel: what is submitted completes, waits end, nothing is lost when completions pile up.
 */
#include "ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "riposte/clock.h"

enum { ENTRIES = 8, COMPLETIONS = 16 };

TestSuite(ring, .timeout = 60);

static void take_nop(struct ring *ring, uint64_t tag) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    cr_assert_not_null(sqe);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, tag);
}

/* Asks to be told when the event counter `fd` is above 0. */
static void take_poll(struct ring *ring, int fd, uint64_t tag) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    cr_assert_not_null(sqe);
    io_uring_prep_poll_add(sqe, fd, POLLIN);
    io_uring_sqe_set_data64(sqe, tag);
}

static void *raise_event(void *fd) {
    uint64_t one = 1;
    cr_assert_eq(write(*(const int *)fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    return NULL;
}

Test(ring, completes_what_is_submitted_with_its_tag) {
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    cr_assert_not(ring_has_completion(&ring));
    take_nop(&ring, 0x1234567890abcdef);
    cr_assert_eq(ring_unsubmitted(&ring), 1);
    cr_assert_eq(ring_enter(&ring, UINT64_MAX), 0);
    cr_assert_eq(ring_unsubmitted(&ring), 0);
    cr_assert(ring_has_completion(&ring));
    cr_assert_eq(fixture_reap(&ring).tag, 0x1234567890abcdef);
    cr_assert_not(ring_has_completion(&ring));
    ring_deinit(&ring);
}

Test(ring, gives_as_many_entries_as_asked_for_then_none_until_the_next_enter) {
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < ENTRIES; i++) {
            take_nop(&ring, i);
        }
        cr_assert_null(ring_sqe(&ring));
        cr_assert_eq(ring_unsubmitted(&ring), ENTRIES);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            cr_assert_eq(fixture_reap(&ring).tag, i);
        }
    }
    ring_deinit(&ring);
}

Test(ring, a_wait_ends_at_its_time_out) {
    enum { TIMEOUT_MS = 20 };
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    uint64_t begin_ns = clock_monotonic_ns();
    int result;
    do {
        result = ring_enter(&ring, TIMEOUT_MS * CLOCK_NS_PER_MS);
    } while (result == -EINTR);
    cr_assert_eq(result, -ETIME);
    cr_assert_geq(clock_monotonic_ns() - begin_ns, TIMEOUT_MS * CLOCK_NS_PER_MS);
    ring_deinit(&ring);
}

Test(ring, does_not_wait_when_the_time_out_is_0) {
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    int event = eventfd(0, EFD_NONBLOCK);
    take_poll(&ring, event, 1);
    cr_assert_eq(ring_enter(&ring, 0), 0);
    cr_assert_not(ring_has_completion(&ring));
    ring_deinit(&ring);
    close(event);
}

Test(ring, a_wait_without_end_is_ended_by_an_event) {
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    int event = eventfd(0, EFD_NONBLOCK);
    take_poll(&ring, event, 7);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, raise_event, &event), 0);
    int result;
    do {
        result = ring_enter(&ring, UINT64_MAX);
    } while (result == -EINTR);
    cr_assert_eq(result, 0);
    struct fixture_completion completion = fixture_reap(&ring);
    cr_assert_eq(completion.tag, 7);
    cr_assert_eq(completion.result, POLLIN);
    pthread_join(thread, NULL);
    ring_deinit(&ring);
    close(event);
}

Test(ring, says_that_an_enter_would_find_work) {
    struct ring ring;
    unsigned flags = ring_setup_flags_all();
    int result = ring_init(&ring, ENTRIES, COMPLETIONS, &flags, false);
    if (result < 0 || (flags & IORING_SETUP_DEFER_TASKRUN) == 0) {
        cr_skip_test("no IORING_SETUP_DEFER_TASKRUN here (result %d, flags %#x)", result, flags);
    }
    int event = eventfd(0, EFD_NONBLOCK);
    take_poll(&ring, event, 1);
    cr_assert_eq(ring_enter(&ring, 0), 0);
    cr_assert_not(ring_wants_enter(&ring));
    raise_event(&event);
    /* The kernel has noticed, but runs the completion only in an enter: until then there is nothing to reap. */
    cr_assert(ring_wants_enter(&ring));
    cr_assert_not(ring_has_completion(&ring));
    cr_assert_eq(ring_enter(&ring, 0), 0);
    cr_assert(ring_has_completion(&ring));
    cr_assert_not(ring_wants_enter(&ring));
    ring_deinit(&ring);
    close(event);
}

Test(ring, completions_that_do_not_fit_are_kept_and_come_later) {
    struct ring ring = fixture_ring(ENTRIES, ENTRIES);
    unsigned room = *ring.io.cq.kring_entries, submitted = 0;
    while (submitted < 2 * room) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            take_nop(&ring, submitted++);
        }
        int result = ring_enter(&ring, 0);
        cr_assert(result == 0 || result == -EBUSY || result == -EAGAIN, "%s", strerror(-result));
    }
    cr_assert(ring_overflowed(&ring));
    cr_assert(ring_wants_enter(&ring));
    for (unsigned i = 0; i < submitted; i++) {
        cr_assert_eq(fixture_reap(&ring).tag, i);
    }
    cr_assert_not(ring_overflowed(&ring));
    ring_deinit(&ring);
}

Test(ring, leaves_out_the_set_up_flags_that_the_kernel_refuses) {
    struct ring ring;
    unsigned flags = ring_setup_flags_all();
    int result = ring_init(&ring, ENTRIES, COMPLETIONS, &flags, false);
    if (result < 0) {
        cr_skip_test("no io_uring here: %s", strerror(-result));
    }
    cr_assert_eq(flags & ~ring_setup_flags_all(), 0);
    ring_deinit(&ring);
    /* What it says the kernel takes is taken again, as it is. */
    unsigned again = flags;
    cr_assert_eq(ring_init(&ring, ENTRIES, COMPLETIONS, &again, false), 0);
    cr_assert_eq(again, flags);
    cr_assert_eq(ring.io.flags & flags, flags);
    ring_deinit(&ring);
}

Test(ring, is_an_error_when_what_is_refused_cannot_be_left_out) {
    const unsigned unknown = 1U << 31;
    struct ring ring = fixture_ring(ENTRIES, COMPLETIONS);
    ring_deinit(&ring);
    unsigned flags = ring_setup_flags_all() | unknown;
    cr_assert_eq(ring_init(&ring, ENTRIES, COMPLETIONS, &flags, false), -EINVAL);
    cr_assert_eq(flags, unknown);
}

Test(ring, fewer_completions_than_entries_are_enough) {
    struct ring ring = fixture_ring(64, 4);
    take_nop(&ring, 1);
    cr_assert_eq(fixture_reap(&ring).tag, 1);
    ring_deinit(&ring);
}

/* --- restrictions ------------------------------------------------------------------------------------------ */

static struct ring restricted_ring(void) {
    struct ring ring;
    unsigned flags = ring_setup_flags_all() | IORING_SETUP_R_DISABLED;
    int result = ring_init(&ring, ENTRIES, COMPLETIONS, &flags, false);
    if (result < 0) {
        cr_skip_test("no io_uring here: %s", strerror(-result));
    }
    result = ring_restrict(&ring, true);
    cr_assert_eq(result, 0, "%s", strerror(-result));
    return ring;
}

Test(ring, a_restricted_one_takes_what_the_engine_uses) {
    struct ring ring = restricted_ring();
    int fd = eventfd(1, 0);
    take_poll(&ring, fd, 1);
    cr_assert_eq(fixture_reap(&ring).result, POLLIN);
    struct io_uring_sqe *sqe = ring_sqe(&ring);
    io_uring_prep_close(sqe, fd);
    cr_assert_eq(fixture_reap(&ring).result, 0);
    ring_deinit(&ring);
}

Test(ring, a_restricted_one_opens_no_file_and_no_connection) {
    struct ring ring = restricted_ring();
    struct sockaddr address = {.sa_family = AF_UNIX};
    io_uring_prep_openat(ring_sqe(&ring), AT_FDCWD, "/dev/null", O_RDONLY, 0);
    cr_expect_eq(fixture_reap(&ring).result, -EACCES);
    io_uring_prep_connect(ring_sqe(&ring), 0, &address, sizeof(address));
    cr_expect_eq(fixture_reap(&ring).result, -EACCES);
    take_nop(&ring, 1);
    cr_expect_eq(fixture_reap(&ring).result, -EACCES);
    ring_deinit(&ring);
}

Test(ring, a_restricted_one_takes_no_other_flags_and_registrations) {
    struct ring ring = restricted_ring();
    int fd = eventfd(1, 0);
    take_poll(&ring, fd, 1);
    /* The entry that was taken last. */
    ring.io.sq.sqes[(ring.io.sq.sqe_tail - 1) & *ring.io.sq.kring_mask].flags |= IOSQE_ASYNC;
    cr_expect_eq(fixture_reap(&ring).result, -EACCES);
    cr_expect_eq(io_uring_register_eventfd(&ring.io, fd), -EACCES);
    close(fd);
    ring_deinit(&ring);
}
