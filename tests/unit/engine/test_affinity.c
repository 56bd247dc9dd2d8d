/* SPDX-License-Identifier: MIT
 *
 * On which CPUs a worker's thread may run, by what a file says that it has waited. The thread is the test's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "affinity.h"
#include "engine_state.h"
#include "frames.h"
#include "riposte/clock.h"
#include "worker.h"

TestSuite(affinity, .timeout = 30);

static struct engine engine;
static struct engine_listen listen_to;
static struct worker *worker;
static uint64_t waited_ns, runs_count;

static cpu_set_t now_allowed(void) {
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    return set;
}

static unsigned first_of(const cpu_set_t *set) {
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, set)) {
        cpu++;
    }
    return cpu;
}

static bool is_tied_to(unsigned cpu) {
    cpu_set_t set = now_allowed();
    return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
}

/* What the kernel would say of this thread. */
static void write_waited(void) {
    char line[80];
    int size = snprintf(line, sizeof(line), "1 %ju %ju\n", (uintmax_t)waited_ns, (uintmax_t)runs_count);
    cr_assert_eq(pwrite(worker->affinity.delay_fd, line, (size_t)size, 0), size);
}

/* A worker whose thread has begun. From here on a file takes the place of the kernel's. */
static void begin(enum engine_pin pin, unsigned cpu) {
    engine.config.pin = pin;
    engine.config.listens = &listen_to;
    engine.config.listens_count = 1;
    worker = worker_create(&engine, 0);
    cr_assert_not_null(worker);
    worker->cpu = cpu;
    affinity_begin(worker);
    if (worker->affinity.delay_fd < 0) {
        cr_skip_test("this kernel does not count");
    }
    waited_ns = worker->affinity.seen.waited_ns;
    runs_count = worker->affinity.seen.runs_count;
    int fd = memfd_create("waited", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(dup2(fd, worker->affinity.delay_fd), worker->affinity.delay_fd);
    close(fd);
    worker->now_ns = clock_monotonic_ns();
}

static void end(void) {
    affinity_end(worker);
    worker_free(worker);
}

/* So long, a turn every 10 ms, with so much waited in each tenth of a second. */
static void pass(unsigned ms, unsigned waited_ms) {
    for (unsigned i = 0; i < ms / 10; i++) {
        worker->now_ns += 10 * CLOCK_NS_PER_MS;
        waited_ns += waited_ms * CLOCK_NS_PER_MS / 10;
        write_waited();
        affinity_turn(worker);
    }
}

/* All but what came after the last look. */
static void expect_counted(unsigned waited_ms) {
    uint64_t counted_ms = counter_read(&worker->counters.cpu_wait_ns) / CLOCK_NS_PER_MS;
    cr_expect_leq(counted_ms, waited_ms);
    cr_expect_geq(counted_ms, waited_ms - 50);
}

static void need_two_cpus(void) {
    cpu_set_t set = now_allowed();
    if (CPU_COUNT(&set) < 2) {
        cr_skip_test("one CPU: there is nowhere to go");
    }
}

Test(affinity, a_worker_is_tied_let_go_and_tied_again) {
    need_two_cpus();
    cpu_set_t allowed = now_allowed();
    unsigned cpu = first_of(&allowed);
    begin(ENGINE_PIN_AUTO, cpu);
    pass(5000, 0);
    cr_expect(is_tied_to(cpu));
    pass(1000, 50);
    cpu_set_t loose = now_allowed();
    cr_expect(CPU_EQUAL(&loose, &allowed), "all that were allowed at the start");
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 1);
    cr_expect_eq(counter_read(&worker->counters.cpu_unpinned), 1);
    expect_counted(500);
    pass(TIE_REST_MS_MIN + 2000, 0);
    cr_expect(is_tied_to(cpu));
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 1);
    cr_expect_eq(counter_read(&worker->counters.cpu_unpinned), 0);
    end();
}

Test(affinity, says_so_once_an_hour) {
    need_two_cpus();
    cpu_set_t allowed = now_allowed();
    begin(ENGINE_PIN_AUTO, first_of(&allowed));
    pass(1000, 50);
    uint64_t until_ns = engine.unpin_silence_ends_ns;
    cr_expect_geq(until_ns, worker->now_ns + 3599 * CLOCK_NS_PER_S);
    pass(TIE_REST_MS_MIN + 2000, 0);
    pass(1000, 50);
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 2);
    cr_expect_eq(engine.unpin_silence_ends_ns, until_ns, "no other line");
    end();
}

Test(affinity, a_worker_that_must_stay_stays_and_its_waits_are_counted) {
    cpu_set_t allowed = now_allowed();
    unsigned cpu = first_of(&allowed);
    begin(ENGINE_PIN_ON, cpu);
    pass(5000, 50);
    cr_expect(is_tied_to(cpu));
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 0);
    expect_counted(2500);
    end();
}

Test(affinity, a_worker_that_was_never_tied_is_left_alone) {
    cpu_set_t allowed = now_allowed();
    begin(ENGINE_PIN_OFF, first_of(&allowed));
    pass(5000, 50);
    pass(60000, 0);
    cpu_set_t left = now_allowed();
    cr_expect(CPU_EQUAL(&left, &allowed));
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 0);
    end();
}

Test(affinity, with_one_cpu_there_is_nothing_to_do) {
    cpu_set_t allowed = now_allowed(), one;
    unsigned cpu = first_of(&allowed);
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    begin(ENGINE_PIN_AUTO, cpu);
    pass(5000, 50);
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 0);
    cr_expect_gt(counter_read(&worker->counters.cpu_wait_ns), 0);
    end();
}

/* As when the control group's cpuset has taken it away: EINVAL each time. */
Test(affinity, a_cpu_that_is_gone_is_no_error) {
    need_two_cpus();
    cpu_set_t allowed = now_allowed();
    begin(ENGINE_PIN_AUTO, CPU_SETSIZE - 1);
    cpu_set_t kept = now_allowed();
    cr_expect(CPU_EQUAL(&kept, &allowed));
    pass(1000, 50);
    CPU_ZERO(&worker->affinity.allowed);
    CPU_SET(CPU_SETSIZE - 1, &worker->affinity.allowed);
    for (int i = 0; i < 3; i++) {
        pass(TIE_REST_MS_MIN * 8, 0);
        pass(1000, 50);
    }
    kept = now_allowed();
    cr_expect(CPU_EQUAL(&kept, &allowed));
    cr_expect_eq(counter_read(&worker->counters.cpu_unpins), 4);
    end();
}

Test(affinity, a_file_that_cannot_be_read_any_more_changes_nothing) {
    cpu_set_t allowed = now_allowed();
    unsigned cpu = first_of(&allowed);
    begin(ENGINE_PIN_AUTO, cpu);
    pass(200, 0);
    cr_assert_eq(ftruncate(worker->affinity.delay_fd, 0), 0);
    for (int i = 0; i < 100; i++) {
        worker->now_ns += CLOCK_NS_PER_S;
        affinity_turn(worker);
    }
    cr_expect(is_tied_to(cpu));
    end();
}

Test(affinity, looks_no_more_often_than_it_says) {
    cpu_set_t allowed = now_allowed();
    begin(ENGINE_PIN_AUTO, first_of(&allowed));
    pass(10, 0);
    uint64_t look_ns = worker->affinity.look_ns;
    cr_expect_eq(look_ns, worker->now_ns + AFFINITY_LOOK_MS * CLOCK_NS_PER_MS);
    pass(AFFINITY_LOOK_MS - 10, 0);
    cr_expect_eq(worker->affinity.look_ns, look_ns);
    pass(10, 0);
    cr_expect_eq(worker->affinity.look_ns, look_ns + AFFINITY_LOOK_MS * CLOCK_NS_PER_MS);
    affinity_end(worker);
    worker->now_ns += 3600 * CLOCK_NS_PER_S;
    affinity_turn(worker);
    worker_free(worker);
}
