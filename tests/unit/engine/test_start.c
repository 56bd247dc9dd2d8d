/* SPDX-License-Identifier: MIT
 *
 * The steps of a start: all report, one decides, all obey; and a ring that only a worker finds refused.
 */
#include "start.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <liburing.h>

#include "dial.h"
#include "frames.h"
#include "sysinfo.h"

TestSuite(start, .timeout = 60);

enum { WORKERS = 8 };

struct caller {
    struct engine_start *start;
    pthread_t thread;
    int first_result; /* what it reports first */
    unsigned agains;  /* orders to try again that it has had */
    enum start_order last;
};

static void *caller_main(void *argument) {
    struct caller *caller = argument;
    struct engine_error error = {.error = caller->first_result};
    unsigned orders_seen = 0;
    int result = caller->first_result;
    do {
        caller->last = start_report_and_wait(caller->start, result, &error, &orders_seen);
        caller->agains += caller->last == START_AGAIN;
        result = 0;
    } while (caller->last == START_AGAIN);
    return NULL;
}

static void callers_begin(struct caller *callers, struct engine_start *start, unsigned failing) {
    start_init(start);
    for (unsigned i = 0; i < WORKERS; i++) {
        callers[i] = (struct caller){.start = start, .first_result = i == failing ? -ENOMEM : 0};
        cr_assert_eq(pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]), 0);
    }
}

static void callers_end(struct caller *callers, enum start_order last, unsigned agains) {
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(callers[i].thread, NULL);
        cr_expect_eq(callers[i].last, last);
        cr_expect_eq(callers[i].agains, agains);
    }
    start_deinit(callers[0].start);
}

/* As one does whose ring has failed, and epoll too: a later pause is that of the others. */
Test(start, does_not_wait_for_a_worker_that_has_left) {
    struct engine_start start;
    struct engine_error error;
    start_init(&start);
    start_leave(&start);
    for (int round = 0; round < 3; round++) {
        start_begin(&start);
        start_report(&start, 0, &error);
        cr_assert_eq(start_await(&start, 2, &error), 0);
        start_order(&start, START_SERVE);
    }
    start_deinit(&start);
}

struct guest {
    struct engine_start *start;
    _Atomic unsigned *arrived_count;
    pthread_t thread;
    unsigned seen[3]; /* how many had arrived behind each meeting, at least */
};

static void *guest_main(void *argument) {
    struct guest *guest = argument;
    for (unsigned meeting = 0; meeting < 3; meeting++) {
        atomic_fetch_add(guest->arrived_count, 1);
        start_meet(guest->start, WORKERS);
        guest->seen[meeting] = atomic_load(guest->arrived_count);
    }
    return NULL;
}

/* One of them has left before, another one leaves while the others wait. */
Test(start, those_who_meet_wait_for_all_but_those_who_have_left) {
    struct engine_start start;
    struct guest guests[WORKERS - 2];
    _Atomic unsigned arrived_count = 0;
    start_init(&start);
    start_leave(&start);
    for (unsigned i = 0; i < WORKERS - 2; i++) {
        guests[i] = (struct guest){.start = &start, .arrived_count = &arrived_count};
        cr_assert_eq(pthread_create(&guests[i].thread, NULL, guest_main, &guests[i]), 0);
    }
    while (atomic_load(&arrived_count) < WORKERS - 2) {
        sched_yield();
    }
    start_leave(&start);
    for (unsigned i = 0; i < WORKERS - 2; i++) {
        pthread_join(guests[i].thread, NULL);
        for (unsigned meeting = 0; meeting < 3; meeting++) {
            cr_expect_geq(guests[i].seen[meeting], (meeting + 1) * (WORKERS - 2));
        }
    }
    cr_expect_eq(start.meetings_count, 3);
    start_deinit(&start);
}

Test(start, all_serve_once_all_have_reported) {
    struct engine_start start;
    struct caller callers[WORKERS];
    struct engine_error error = {0};
    callers_begin(callers, &start, WORKERS);
    cr_expect_eq(start_await(&start, WORKERS, &error), 0);
    start_order(&start, START_SERVE);
    callers_end(callers, START_SERVE, 0);
}

Test(start, one_failure_is_everybodys_and_all_try_again) {
    struct engine_start start;
    struct caller callers[WORKERS];
    struct engine_error error = {0};
    callers_begin(callers, &start, 3);
    cr_expect_eq(start_await(&start, WORKERS, &error), -ENOMEM);
    start_order(&start, START_AGAIN);
    cr_expect_eq(start_await(&start, WORKERS, &error), 0, "the failure before the order is forgotten");
    start_order(&start, START_SERVE);
    callers_end(callers, START_SERVE, 1);
}

Test(start, an_order_that_comes_before_the_report_is_obeyed) {
    struct engine_start start;
    struct engine_error error = {0};
    unsigned orders_seen = 0;
    start_init(&start);
    start_order(&start, START_GIVE_UP);
    cr_expect_eq(start_report_and_wait(&start, 0, &error, &orders_seen), START_GIVE_UP);
    start_deinit(&start);
}

/* --- rings that workers cannot have: io_uring_register is liburing's, and this program's ------------------------ */

static _Atomic int buffer_rings_left; /* that may still be registered */

/* Takes the library's place for all of this program. */
int io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *registration, unsigned flags) {
    (void)flags;
    if (atomic_fetch_sub(&buffer_rings_left, 1) <= 0) {
        return -ENOMEM;
    }
    long result = syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_PBUF_RING, registration, 1);
    return result < 0 ? -errno : (int)result;
}

static struct engine_config config_of(enum engine_transport transport, struct engine_listen *listen) {
    *listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(transport, listen);
    config.workers_count = 4;
    return config;
}

/* The probe registers one or two, so that some workers get theirs and others do not. */
Test(start, workers_that_find_no_memory_for_a_ring_take_all_others_to_epoll) {
    struct engine_listen listen;
    struct engine_config config = config_of(ENGINE_AUTO, &listen);
    atomic_store(&buffer_rings_left, 4);
    struct engine *engine = dial_start(&config);
    if (strstr(engine_fallback_reason(engine), "refused") != NULL) {
        dial_stop(engine);
        cr_skip_test("no io_uring here");
    }
    cr_expect_str_eq(engine_transport_name(engine), "epoll");
    cr_expect_not_null(strstr(engine_fallback_reason(engine), "the rings of 4 workers"), "%s",
                       engine_fallback_reason(engine));
    for (int i = 0; i < 16; i++) {
        int fd = dial(engine);
        dial_send(fd, "\0\1a", 3);
        dial_expect(fd, "\0\1a", 3);
        close(fd);
    }
    dial_stop(engine);
}

Test(start, a_ring_that_was_asked_for_and_cannot_be_had_ends_the_start) {
    struct engine_listen listen;
    struct engine_config config = config_of(ENGINE_URING, &listen);
    struct engine *engine = NULL;
    struct engine_error error = {0};
    atomic_store(&buffer_rings_left, 4);
    if (engine_create(&config, &engine, &error) < 0) {
        cr_skip_test("no io_uring here: %s", error.message);
    }
    cr_expect_eq(engine_start(engine, &error), -ENOMEM);
    cr_expect_not_null(strstr(error.message, "LimitMEMLOCK"), "%s", error.message);
    engine_destroy(engine);
}

/* --- a machine with more CPUs: sched_getaffinity is the library's, and this program's --------------------------- */

static _Atomic int faked_cpus_count; /* 0: the machine's own */

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
    int count = atomic_load(&faked_cpus_count);
    if (count == 0) {
        long result = syscall(SYS_sched_getaffinity, pid, size, set);
        return result < 0 ? -1 : 0;
    }
    CPU_ZERO_S(size, set);
    for (int cpu = 0; cpu < count; cpu++) {
        CPU_SET_S((unsigned)cpu, size, set);
    }
    return 0;
}

/* Wake-ups and listening sockets, two or so for each worker. */
static void raise_descriptors(rlim_t needed) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < needed) {
        cr_skip_test("the hard limit of descriptors is %ju", (uintmax_t)limit.rlim_max);
    }
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* 16 MiB are a quarter of the default -m. Fewer workers where a control group grants fewer CPUs. */
Test(start, a_worker_for_each_of_1_to_1024_cpus_stays_below_the_bound) {
    static const int counts[] = {1, 2, 32, 64, 72, 96, 1024};
    raise_descriptors(5000);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct engine_listen listen;
        struct engine_config config = config_of(ENGINE_AUTO, &listen);
        struct engine *engine = NULL;
        struct engine_error error = {0};
        config.workers_count = 0;
        config.fixed_memory_size_max = (size_t)16 << 20;
        atomic_store(&buffer_rings_left, 4);
        atomic_store(&faked_cpus_count, counts[i]);
        cr_assert_eq(engine_create(&config, &engine, &error), 0, "%d CPUs: %s", counts[i], error.message);
        unsigned granted = sysinfo_quota_cpus();
        unsigned expected = granted > 0 && granted < (unsigned)counts[i] ? granted : (unsigned)counts[i];
        cr_expect_eq(engine_workers_count(engine), expected);
        cr_expect_leq(engine_fixed_memory_size(engine), config.fixed_memory_size_max, "%d CPUs", counts[i]);
        engine_destroy(engine);
    }
}
