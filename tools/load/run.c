/* SPDX-License-Identifier: MIT
 *
 * run: starts the threads, leads them from step to step, and collects what they counted.
 */
#include "run.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "barrier.h"
#include "idle.h"
#include "riposte/clock.h"

enum {
    POLL_MS = 200,             /* how often progress is told */
    DESCRIPTORS_OVERHEAD = 32, /* beside connections and rings */
    EXIT_STATUS_SIGNAL = 130,
};

/* Between releasing the barrier and the start of a step: longer than it takes all threads to wake up. */
#define START_DELAY_NS (2 * CLOCK_NS_PER_MS)

/* SIGINT and SIGTERM as something to be read, while a run lasts. */
struct interrupt {
    int fd; /* readable when a signal came; owned */
    sigset_t mask_before;
};

/* One thread and its client. */
struct runner {
    struct run *run;
    pthread_t thread;
    struct client client;
    bool failed; /* it only arrives at the barrier and goes home */
};

struct run {
    const struct scenario *scenario;
    const struct run_observer *observer;
    struct run_result *result;
    struct barrier barrier;
    struct runner *runners; /* owned */
    unsigned started_count;
    struct idle idle;
    struct interrupt interrupt;
    _Atomic int stop; /* enum client_stop; set by the main thread and by clients that fail */
    bool interrupted;

    /* Written by the main thread while all clients are at the barrier. */
    struct step step; /* of all clients together */
    bool ended;
};

/* ---- the clients' threads ---- */

/* relaxed: whoever acts on the flag reads nothing that was written before it; see client_turn. */
static void stop_others(struct run *run) {
    atomic_store_explicit(&run->stop, CLIENT_STOP_NOW, memory_order_relaxed);
}

/* Ties the calling thread to one CPU. 0 or a negative errno. */
static int cpu_pin(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static bool runner_prepare(struct runner *runner) {
    struct run *run = runner->run;
    const struct options *options = run->scenario->options;
    struct client *client = &runner->client;
    unsigned index = (unsigned)(runner - run->runners);
    /* Wake up when the next request is due, not up to 50 us later (prctl(2)). */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (options->cpus_count > 0) {
        unsigned cpu = options->cpus[index % options->cpus_count];
        int status = cpu_pin(cpu);
        if (status < 0) {
            failure_write(&client->failure, EXIT_CODE_USAGE, "CPU %u cannot be used: %s", cpu,
                          strerror(-status));
            return false;
        }
    }
    return client_init(client, run->scenario, index, &run->stop) && client_prepare(client);
}

/* This client's part of the step. */
static struct step step_share(const struct runner *runner) {
    const struct run *run = runner->run;
    uint64_t threads_count = run->scenario->options->threads_count;
    uint64_t index = (uint64_t)(runner - run->runners);
    struct step step = run->step;
    if (step.rate_per_s > 0) {
        step.plan_shift_ns = (uint64_t)((double)index * (double)CLOCK_NS_PER_S / step.rate_per_s);
        step.rate_per_s /= (double)threads_count;
    }
    if (step.requests_count > 0) {
        step.requests_count = share_of(step.requests_count, index, threads_count);
    }
    return step;
}

static void *runner_main(void *argument) {
    struct runner *runner = argument;
    struct run *run = runner->run;
    runner->failed = !runner_prepare(runner);
    for (;;) {
        if (runner->failed) {
            stop_others(run);
        }
        barrier_arrive(&run->barrier);
        if (run->ended) {
            break;
        }
        struct step step = step_share(runner);
        bool has_part = step.requests_count > 0 || run->step.requests_count == 0;
        runner->failed = has_part && !client_measure(&runner->client, &step);
    }
    /* Here, because a ring belongs to the thread that made it. */
    client_deinit(&runner->client);
    return NULL;
}

/* ---- the main thread ---- */

/* 0 or a negative errno. Before threads are started: they inherit the mask. */
static int interrupt_begin(struct interrupt *interrupt) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    interrupt->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (interrupt->fd < 0) {
        return -errno;
    }
    pthread_sigmask(SIG_BLOCK, &mask, &interrupt->mask_before);
    return 0;
}

/* Signals do again what they did before. */
static void interrupt_end(struct interrupt *interrupt) {
    close(interrupt->fd);
    pthread_sigmask(SIG_SETMASK, &interrupt->mask_before, NULL);
}

/* Takes one signal, if one came. */
static bool interrupt_take(const struct interrupt *interrupt) {
    struct signalfd_siginfo information;
    return read(interrupt->fd, &information, sizeof(information)) == (ssize_t)sizeof(information);
}

static void on_signal(struct run *run) {
    if (!interrupt_take(&run->interrupt)) {
        return;
    }
    if (run->interrupted) {
        _exit(EXIT_STATUS_SIGNAL);
    }
    run->interrupted = true;
    /* relaxed: see stop_others. A stop that was ordered for a failure stays. */
    int expected = CLIENT_GO;
    atomic_compare_exchange_strong_explicit(&run->stop, &expected, CLIENT_STOP_GENTLY, memory_order_relaxed,
                                            memory_order_relaxed);
}

static uint64_t live_sum(const struct run *run, bool faults) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < run->started_count; i++) {
        const struct client *client = &run->runners[i].client;
        sum += counter_read(faults ? &client->live_faults : &client->live_replies);
    }
    return sum;
}

/* Waits until all clients are at the barrier, tells progress and takes signals meanwhile. */
static void wait_for_clients(struct run *run, const char *phase) {
    uint64_t begin_ns = clock_monotonic_ns();
    uint64_t replies_before = live_sum(run, false);
    uint64_t faults_before = live_sum(run, true);
    while (!barrier_is_full(&run->barrier)) {
        struct pollfd events[] = {{.fd = run->barrier.event, .events = POLLIN},
                                  {.fd = run->interrupt.fd, .events = POLLIN}};
        poll(events, 2, POLL_MS);
        if ((events[1].revents & POLLIN) != 0) {
            on_signal(run);
        }
        if (run->observer->progress != NULL) {
            run->observer->progress(run->observer->user, phase, clock_monotonic_ns() - begin_ns,
                                    live_sum(run, false) - replies_before,
                                    live_sum(run, true) - faults_before);
        }
    }
}

/* The first failure of any client; all are at the barrier. */
static void collect_failures(struct run *run) {
    for (unsigned i = 0; i < run->started_count; i++) {
        const struct failure *failure = &run->runners[i].client.failure;
        if (failure_happened(failure)) {
            failure_write(&run->result->failure, failure->exit_status, "%s", failure->text);
        }
    }
}

static void collect_step(struct run *run, struct step_result *step) {
    for (unsigned i = 0; i < run->started_count; i++) {
        counts_merge(&step->counts, run->runners[i].client.counts);
    }
    step->idle_lost = idle_lost(&run->idle);
    step->complete = !failure_happened(&run->result->failure);
    step->interrupted = run->interrupted;
    if (step->idle_lost > 0) {
        failure_write(&run->result->failure, EXIT_CODE_ENDED_EARLY,
                      "the server ended %u of %u idle connections", step->idle_lost, run->idle.count);
    }
}

/* One measurement at `rate_per_s` (0: closed loop). False: no further step makes sense. */
static bool run_step(struct run *run, uint64_t rate_per_s) {
    struct run_result *result = run->result;
    struct step_result *step = &result->steps[result->steps_count++];
    step->rate_per_s = rate_per_s;
    run->step = (struct step){
        .start_ns = clock_monotonic_ns() + START_DELAY_NS,
        .rate_per_s = (double)rate_per_s,
        .requests_count = run->scenario->options->requests_count,
    };
    barrier_release(&run->barrier);
    wait_for_clients(run, "measuring");
    collect_failures(run);
    collect_step(run, step);
    if (run->observer->step_done != NULL) {
        run->observer->step_done(run->observer->user, step);
    }
    return !failure_happened(&result->failure) && !run->interrupted &&
           (rate_per_s == 0 || step_kept_up(step));
}

static void run_steps(struct run *run) {
    const struct options *options = run->scenario->options;
    unsigned count = options->sweep_count > 0 ? options->sweep_count : 1;
    run->result->steps = calloc(count, sizeof(*run->result->steps));
    if (run->result->steps == NULL) {
        failure_write(&run->result->failure, EXIT_CODE_SYSTEM, "no memory for the results");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!run_step(run, options->sweep_count > 0 ? options->sweep_rates[i] : options->rate_per_s)) {
            return;
        }
    }
}

static bool start_threads(struct run *run) {
    const struct options *options = run->scenario->options;
    run->runners = calloc(options->threads_count, sizeof(*run->runners));
    if (run->runners == NULL) {
        failure_write(&run->result->failure, EXIT_CODE_SYSTEM, "no memory for the threads");
        return false;
    }
    for (; run->started_count < options->threads_count; run->started_count++) {
        struct runner *runner = &run->runners[run->started_count];
        runner->run = run;
        int status = pthread_create(&runner->thread, NULL, runner_main, runner);
        if (status != 0) {
            failure_write(&run->result->failure, EXIT_CODE_SYSTEM, "a thread cannot be started: %s",
                          strerror(status));
            return false;
        }
    }
    return true;
}

/* Threads that could not be started cannot arrive: only those that run are waited for. */
static void barrier_expect_started(struct run *run) {
    pthread_mutex_lock(&run->barrier.mutex);
    run->barrier.clients_count = run->started_count;
    pthread_mutex_unlock(&run->barrier.mutex);
}

static void run_threads(struct run *run) {
    uint64_t begin_ns = clock_monotonic_ns();
    if (!start_threads(run)) {
        stop_others(run);
        barrier_expect_started(run);
    }
    wait_for_clients(run, "preparing");
    run->result->prepare_ns = clock_monotonic_ns() - begin_ns;
    collect_failures(run);
    if (run->interrupted) {
        failure_write(&run->result->failure, EXIT_CODE_ENDED_EARLY,
                      "interrupted before anything was measured");
    }
    bool measures = run->scenario->options->preload != PRELOAD_ONLY;
    if (measures && !failure_happened(&run->result->failure)) {
        run_steps(run);
    }
    run->ended = true;
    barrier_release(&run->barrier);
    for (unsigned i = 0; i < run->started_count; i++) {
        pthread_join(run->runners[i].thread, NULL);
    }
}

/* Raises the soft limit of open files to what the run needs. */
static bool descriptors_ensure(const struct options *options, struct failure *failure) {
    struct rlimit limit;
    uint64_t needed =
        options->connections_count + options->idle_count + options->threads_count + DESCRIPTORS_OVERHEAD;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed) {
        return true;
    }
    if (limit.rlim_max < needed) {
        failure_write(failure, EXIT_CODE_SYSTEM,
                      "%llu open files are needed and %llu allowed: raise the hard limit (ulimit -Hn)",
                      (unsigned long long)needed, (unsigned long long)limit.rlim_max);
        return false;
    }
    limit.rlim_cur = needed;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* With threads, barrier and signals in place. */
static void run_prepared(struct run *run) {
    const struct options *options = run->scenario->options;
    if (idle_open(&run->idle, &run->scenario->target, (uint32_t)options->idle_count,
                  run->scenario->rotate_sources, options->timeout_ns, &run->result->failure)) {
        run_threads(run);
    }
    idle_close(&run->idle);
    free(run->runners);
}

void run_execute(const struct scenario *scenario, const struct run_observer *observer,
                 struct run_result *result) {
    struct run run = {.scenario = scenario, .observer = observer, .result = result, .stop = CLIENT_GO};
    *result = (struct run_result){0};
    if (!descriptors_ensure(scenario->options, &result->failure)) {
        return;
    }
    int status = interrupt_begin(&run.interrupt);
    if (status == 0) {
        status = barrier_init(&run.barrier, (unsigned)scenario->options->threads_count);
        if (status == 0) {
            run_prepared(&run);
            barrier_deinit(&run.barrier);
        }
        interrupt_end(&run.interrupt);
    }
    if (status < 0) {
        failure_write(&result->failure, EXIT_CODE_SYSTEM, "no descriptor for signals or events: %s",
                      strerror(-status));
    }
}
