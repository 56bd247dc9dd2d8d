/* SPDX-License-Identifier: MIT
 *
 * counts: what one thread counted during one measurement, and the sum over threads.
 *
 * One thread counts; the reader merges while that thread waits at the barrier.
 */
#ifndef LOAD_COUNTS_H
#define LOAD_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "exit_code.h"
#include "failure.h"
#include "reader.h"
#include "riposte/histogram.h"
#include "tls.h"

/* Between two looks at the clock, at getrusage(2) and at /proc/thread-self/schedstat. */
struct counts_usage {
    uint64_t elapsed_ns;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t idle_ns;     /* spinning without finding anything */
    uint64_t preemptions; /* involuntary context switches */
    uint64_t wait_ns;     /* ready to run, and another had the CPU; 0 where the kernel does not say */
};

/* What the calling thread has used so far; elapsed_ns and idle_ns are left at 0. */
struct counts_usage counts_usage_read(void);

struct counts {
    struct histogram latency;  /* ns from intended time to last byte, of requests intended in the window */
    struct histogram lateness; /* ns from due and connection free to encoded, of the same requests */
    uint64_t outcomes[OUTCOME_COUNT];   /* of requests intended in the window; faults: of all */
    uint64_t replies_in_window;         /* completed in the window, whenever they were intended */
    uint64_t bytes_received;            /* in the window */
    uint64_t bytes_sent;                /* in the window */
    uint64_t connects;                  /* connections made, in the window; with TLS: handshakes completed */
    uint64_t resumed;                   /* those of them that took up an earlier session of TLS */
    uint64_t unsent;                    /* due in the window and never sent; their waiting is in `latency` */
    uint64_t buffers_empty;             /* receives that found no free buffer, in all */
    uint64_t window_ns;                 /* length of the window; the longest of the threads */
    struct counts_usage usage;          /* in the window; summed over threads, elapsed_ns too */
    double busy_share_max;              /* of the thread that had most to do, 0 to 1 */
    char tls_suite[TLS_SUITE_SIZE_MAX]; /* of the first handshake; empty: no TLS */
    char error_line[CHECKER_LINE_SIZE_MAX];   /* of the first refusal */
    char wrong_sample[CHECKER_LINE_SIZE_MAX]; /* what was wrong with the first wrong reply */
};

/* What one step measured, over all threads. */
struct step_result {
    uint64_t rate_per_s; /* offered; 0: closed loop */
    bool complete;       /* false: the run ended within it */
    bool interrupted;    /* ended by a signal before its time */
    uint32_t idle_lost;  /* idle connections that the server ended */
    struct counts counts;
};

struct run_result {
    struct failure failure;
    uint64_t prepare_ns;       /* what connecting and storing the keys took */
    struct step_result *steps; /* owned */
    unsigned steps_count;
};

void counts_merge(struct counts *target, const struct counts *source);

/* Error replies and wrong replies. */
uint64_t counts_faults(const struct counts *counts);
uint64_t counts_wrong(const struct counts *counts);

/* Whether so much of the offered rate was answered in time that a sweep goes on. */
bool step_kept_up(const struct step_result *step);

/* Exit status of the program for what happened. */
enum exit_code run_exit_code(const struct run_result *result);

void run_result_deinit(struct run_result *result);

#endif
