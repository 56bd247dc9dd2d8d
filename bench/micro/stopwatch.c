/* SPDX-License-Identifier: MIT
 *
 * stopwatch: runs a subject on its threads often enough, takes the median run, prints a line.
 */
#include "stopwatch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "riposte/clock.h"

enum {
    RUNS = 5,
    COUNT_MIN = 1000, /* operations of the first trial */
    TRIAL_SHARE = 8,  /* a trial is long enough when it took this part of a run */
};

struct lap {
    const struct subject *subject;
    pthread_barrier_t *start;
    unsigned thread_index;
    uint64_t count; /* operations of this thread */
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t cpu_ns;
    uint64_t result;
};

/* All threads of one run together. */
struct run {
    double ns_per_operation;
    double operations_per_s;
    uint64_t elapsed_ns;
};

static uint64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void *lap_main(void *argument) {
    struct lap *lap = argument;
    const struct subject *subject = lap->subject;
    void *state = subject->begin(subject->user, lap->thread_index);
    pthread_barrier_wait(lap->start);
    uint64_t cpu_ns = thread_cpu_ns();
    lap->begin_ns = clock_monotonic_ns();
    lap->result = subject->run(state, lap->count);
    lap->end_ns = clock_monotonic_ns();
    lap->cpu_ns = thread_cpu_ns() - cpu_ns;
    subject->end(state);
    return NULL;
}

static struct run laps_total(const struct lap *laps, unsigned threads) {
    uint64_t begin_ns = UINT64_MAX;
    uint64_t end_ns = 0;
    uint64_t cpu_ns = 0;
    uint64_t count = 0;
    for (unsigned i = 0; i < threads; i++) {
        begin_ns = laps[i].begin_ns < begin_ns ? laps[i].begin_ns : begin_ns;
        end_ns = laps[i].end_ns > end_ns ? laps[i].end_ns : end_ns;
        cpu_ns += laps[i].cpu_ns;
        count += laps[i].count;
    }
    uint64_t elapsed_ns = end_ns > begin_ns ? end_ns - begin_ns : 1;
    return (struct run){.ns_per_operation = (double)cpu_ns / (double)count,
                        .operations_per_s = (double)count * 1e9 / (double)elapsed_ns,
                        .elapsed_ns = elapsed_ns};
}

/* `count` operations on each thread, all beginning at once. */
static struct run subject_run(const struct subject *subject, uint64_t count) {
    pthread_t threads[STOPWATCH_THREADS_MAX];
    struct lap laps[STOPWATCH_THREADS_MAX];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, subject->threads);
    for (unsigned i = 0; i < subject->threads; i++) {
        laps[i] = (struct lap){.subject = subject, .start = &start, .thread_index = i, .count = count};
        if (pthread_create(&threads[i], NULL, lap_main, &laps[i]) != 0) {
            stopwatch_give_up("no more threads");
        }
    }
    for (unsigned i = 0; i < subject->threads; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start);
    return laps_total(laps, subject->threads);
}

/* How many operations fill a run. */
static uint64_t count_for(const struct stopwatch *stopwatch, const struct subject *subject) {
    uint64_t count = COUNT_MIN;
    struct run trial = subject_run(subject, count);
    while (trial.elapsed_ns < stopwatch->run_ns / TRIAL_SHARE) {
        count *= 2;
        trial = subject_run(subject, count);
    }
    double share = (double)stopwatch->run_ns / (double)trial.elapsed_ns;
    return share < 1 ? count : (uint64_t)((double)count * share);
}

static int runs_compare(const void *left, const void *right) {
    double difference =
        ((const struct run *)left)->ns_per_operation - ((const struct run *)right)->ns_per_operation;
    return (difference > 0) - (difference < 0);
}

void stopwatch_head(const char *text) {
    printf("\n%-58s %9s  %9s  %6s\n", text, "ns/op", "M/s", "spread");
}

void stopwatch_measure(const struct stopwatch *stopwatch, const struct subject *subject) {
    uint64_t count = count_for(stopwatch, subject);
    struct run runs[RUNS];
    for (unsigned i = 0; i < RUNS; i++) {
        runs[i] = subject_run(subject, count);
    }
    qsort(runs, RUNS, sizeof(runs[0]), runs_compare);
    const struct run *median = &runs[RUNS / 2];
    double spread =
        100 * (runs[RUNS - 1].ns_per_operation - runs[0].ns_per_operation) / median->ns_per_operation;
    printf("  %-56s %9.1f  %9.2f  %4.0f %%\n", subject->name, median->ns_per_operation,
           median->operations_per_s / 1e6, spread);
    fflush(stdout);
}

double stopwatch_run(const struct stopwatch *stopwatch, const struct subject *subject) {
    return subject_run(subject, count_for(stopwatch, subject)).ns_per_operation;
}

void stopwatch_give_up(const char *what) {
    fprintf(stderr, "micro: %s\n", what);
    exit(EXIT_FAILURE);
}
