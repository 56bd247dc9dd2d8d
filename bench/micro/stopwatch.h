/* SPDX-License-Identifier: MIT
 *
 * stopwatch: how long an operation takes, on one thread or on several at once.
 *
 * A subject is run a few times for about `run_ns` each; the median run is printed. "ns/op" is the CPU time
 * that the threads used, divided by all operations, so that threads that wait for a CPU do not count as slow;
 * "M/s" is what all of them together did in the time that went by.
 */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdint.h>

enum { STOPWATCH_THREADS_MAX = 64 };

struct stopwatch {
    uint64_t run_ns;    /* about how long one run takes */
    uint64_t items_max; /* largest store that is looked into */
};

/*
 * What is measured. All functions get `user`; those with a state run on the thread that the state was made
 * for.
 */
struct subject {
    const char *name; /* borrowed until stopwatch_measure returns */
    unsigned threads; /* 1 to STOPWATCH_THREADS_MAX */
    void *user;

    /* What a thread needs of its own; thread_index from 0. Not measured. */
    void *(*begin)(void *user, unsigned thread_index);

    /* `count` operations. Returns a number that depends on all of them, so that none can be left out. */
    uint64_t (*run)(void *state, uint64_t count);

    /* Not measured. */
    void (*end)(void *state);
};

/* The line above the subjects that follow. */
void stopwatch_head(const char *text);

/* Measures and prints one line. */
void stopwatch_measure(const struct stopwatch *stopwatch, const struct subject *subject);

/* One run, CPU time of all threads in ns per operation. Prints nothing. */
double stopwatch_run(const struct stopwatch *stopwatch, const struct subject *subject);

/* Ends the program: a benchmark whose preparation fails has nothing to say. */
_Noreturn void stopwatch_give_up(const char *what);

#endif
