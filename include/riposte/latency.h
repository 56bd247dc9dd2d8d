/* SPDX-License-Identifier: MIT
 *
 * latency: how long requests take inside the server, command by command: from the turn in which their bytes came
 * to the moment when the turn's answers are handed to the transport.
 *
 *      requests of a turn  --latency_count-->  pending, a number per command
 *      end of the turn     --latency_record->  the histograms: one look at the clock for all of them
 *
 * That is what a request waits for here: those before it, its own work, and the others whose answers leave with
 * its own. The kernel's part, the wire and what a client has queued are not in it.
 *
 * A histogram has 16 slots for each power of two from 2 us on, slots of 128 ns below: a percentile is at most 6.3 %
 * (128 ns) too high, never too low. Durations above 68 s count as 68 s.
 *
 * Each worker thread writes its own; any thread may read all of them, summed up.
 */
#ifndef RIPOSTE_LATENCY_H
#define RIPOSTE_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/counter.h"
#include "riposte/metrics.h"
#include "riposte/numbers.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(constant, name): the commands that are told apart, of all protocols. */
#define LATENCY_COMMANDS(X)                                                                                  \
    X(LATENCY_OTHER, "other")                                                                                \
    X(LATENCY_GET, "get")                                                                                    \
    X(LATENCY_GAT, "gat")                                                                                    \
    X(LATENCY_SET, "set")                                                                                    \
    X(LATENCY_ADD, "add")                                                                                    \
    X(LATENCY_REPLACE, "replace")                                                                            \
    X(LATENCY_APPEND, "append")                                                                              \
    X(LATENCY_CAS, "cas")                                                                                    \
    X(LATENCY_TOUCH, "touch")                                                                                \
    X(LATENCY_DELETE, "delete")                                                                              \
    X(LATENCY_INCR, "incr")                                                                                  \
    X(LATENCY_MG, "mg")                                                                                      \
    X(LATENCY_MS, "ms")                                                                                      \
    X(LATENCY_MD, "md")                                                                                      \
    X(LATENCY_MA, "ma")                                                                                      \
    X(LATENCY_HTTP_GET, "http_get")                                                                          \
    X(LATENCY_HTTP_PUT, "http_put")                                                                          \
    X(LATENCY_HTTP_POST, "http_post")                                                                        \
    X(LATENCY_HTTP_DELETE, "http_delete")                                                                    \
    X(LATENCY_HTTP_FILE, "http_file")                                                                        \
    X(LATENCY_HTTP_OTHER, "http_other")

enum latency_command {
#define LATENCY_CONSTANT(constant, name) constant,
    LATENCY_COMMANDS(LATENCY_CONSTANT)
#undef LATENCY_CONSTANT
        LATENCY_COMMANDS_COUNT
};

enum {
    LATENCY_UNIT_SHIFT = 7, /* 128 ns */
    LATENCY_SLOT_BITS = 4,  /* 2^4 slots for each power of two */
    LATENCY_VALUE_BITS = 36,
    LATENCY_SLOTS_COUNT = (LATENCY_VALUE_BITS - LATENCY_UNIT_SHIFT - LATENCY_SLOT_BITS + 1)
                          << LATENCY_SLOT_BITS,
};

/* Of one command, as plain numbers. */
struct latency_summary {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns; /* exact */
    uint64_t slots[LATENCY_SLOTS_COUNT];
};

/* Of one worker thread; only that thread calls, but for reading. */
struct latency_worker {
    uint32_t pending_commands;                /* bits: those of which some are pending */
    uint32_t pending[LATENCY_COMMANDS_COUNT]; /* requests since the last latency_record */
};

struct latency;

/* NULL when memory ends. */
struct latency *latency_create(unsigned workers_max);

/* Nobody counts any more. NULL is allowed. */
void latency_destroy(struct latency *latency);

/* The part of a thread, 0 to workers_max - 1; lives as long as `latency`. */
struct latency_worker *latency_worker(struct latency *latency, unsigned worker_index);

/* So many requests are answered. */
static inline void latency_count(struct latency_worker *worker, enum latency_command command,
                                 unsigned count) {
    worker->pending[command] += count;
    worker->pending_commands |= UINT32_C(1) << command;
}

/* What is pending took from `since_ns` (CLOCK_MONOTONIC) to now. Looks at the clock only when something is. */
void latency_record(struct latency_worker *worker, uint64_t since_ns);

/* The sums of one command over all workers. Any thread. */
void latency_read(const struct latency *latency, enum latency_command command,
                  struct latency_summary *summary);

/* As in LATENCY_COMMANDS. Static storage; any thread. */
const char *latency_command_name(enum latency_command command);

/* The largest duration of a slot, 0 to LATENCY_SLOTS_COUNT - 1. */
uint64_t latency_slot_end_ns(unsigned slot);

/* The smallest slot end at or below which share_ppm millionths of the values lie, at most max_ns; 0 of none. */
uint64_t latency_percentile_ns(const struct latency_summary *summary, uint32_t share_ppm);

/*
 * The sums, for another process that goes on with them (riposte/numbers.h): there the first part has them. Nobody counts meanwhile.
 */
void latency_save(const struct latency *latency, struct record_writer *writer);
void latency_load(struct latency *latency, struct numbers *numbers);

/* Histograms for Prometheus, of the commands that were met. */
struct metrics_source latency_metrics(struct latency *latency);

#ifdef __cplusplus
}
#endif

#endif
