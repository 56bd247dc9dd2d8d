/* SPDX-License-Identifier: MIT
 *
 * run: leads the threads from step to step, tells how it goes on, and collects what they counted.
 */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "exit_code.h"
#include "idle.h"
#include "riposte/clock.h"
#include "threads.h"

enum {
    POLL_MS = 200,             /* how often progress is told */
    DESCRIPTORS_OVERHEAD = 32, /* beside connections and rings */
    EXIT_STATUS_SIGNAL = 130,
};

/* Between releasing the threads and the start of a step: longer than it takes all threads to wake up. */
#define START_DELAY_NS (2 * CLOCK_NS_PER_MS)

/* SIGINT and SIGTERM as something to be read, while a run lasts. */
struct interrupt {
    int fd; /* readable when a signal came; owned */
    sigset_t mask_before;
};

struct run {
    const struct scenario *scenario;
    const struct run_observer *observer;
    struct run_result *result;
    struct threads threads;
    struct idle idle;
    struct interrupt interrupt;
    bool interrupted;
};

/* --- signals --- */

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
    threads_stop_gently(&run->threads);
}

/* --- steps --- */

/* Waits until all clients wait at the barrier, tells progress and takes signals meanwhile. */
static void wait_for_clients(struct run *run, const char *phase) {
    uint64_t begin_ns = clock_monotonic_ns();
    uint64_t replies_before = threads_live_replies(&run->threads);
    uint64_t faults_before = threads_live_faults(&run->threads);
    while (!threads_all_wait(&run->threads)) {
        struct pollfd events[] = {{.fd = run->threads.event, .events = POLLIN},
                                  {.fd = run->interrupt.fd, .events = POLLIN}};
        poll(events, 2, POLL_MS);
        if ((events[1].revents & POLLIN) != 0) {
            on_signal(run);
        }
        if (run->observer->progress != NULL) {
            run->observer->progress(run->observer->user, phase, clock_monotonic_ns() - begin_ns,
                                    threads_live_replies(&run->threads) - replies_before,
                                    threads_live_faults(&run->threads) - faults_before);
        }
    }
}

/* The first failure of any client; all wait at the barrier. */
static void collect_failures(struct run *run) {
    for (unsigned i = 0; i < run->threads.count; i++) {
        const struct failure *failure = &run->threads.all[i].client.failure;
        if (failure_happened(failure)) {
            failure_write(&run->result->failure, failure->exit_status, "%s", failure->text);
        }
    }
}

static void collect_step(struct run *run, struct step_result *step) {
    for (unsigned i = 0; i < run->threads.count; i++) {
        counts_merge(&step->counts, run->threads.all[i].client.counts);
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
    threads_release(&run->threads, &(struct step){
                                       .start_ns = clock_monotonic_ns() + START_DELAY_NS,
                                       .rate_per_s = (double)rate_per_s,
                                       .requests_count = run->scenario->options->requests_count,
                                   });
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

static void run_threads(struct run *run) {
    uint64_t begin_ns = clock_monotonic_ns();
    threads_start(&run->threads, &run->result->failure); /* what fails is seen below; those that run arrive */
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
    threads_end(&run->threads);
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

/* With barrier and signals in place. */
static void run_prepared(struct run *run) {
    if (idle_open(&run->idle, run->scenario, &run->result->failure)) {
        run_threads(run);
    }
    idle_close(&run->idle);
}

void run_execute(const struct scenario *scenario, const struct run_observer *observer,
                 struct run_result *result) {
    struct run run = {.scenario = scenario, .observer = observer, .result = result};
    *result = (struct run_result){0};
    if (!descriptors_ensure(scenario->options, &result->failure)) {
        return;
    }
    int status = interrupt_begin(&run.interrupt);
    if (status == 0) {
        status = threads_init(&run.threads, scenario);
        if (status == 0) {
            run_prepared(&run);
            threads_deinit(&run.threads);
        }
        interrupt_end(&run.interrupt);
    }
    if (status < 0) {
        failure_write(&result->failure, EXIT_CODE_SYSTEM, "no descriptor for signals or events: %s",
                      strerror(-status));
    }
}
