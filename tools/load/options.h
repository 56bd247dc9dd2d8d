/* SPDX-License-Identifier: MIT
 *
 * options: the command line. One table says of each option its name, letter, default and help; parsing and
 * --help come from it.
 *
 * Numbers are uint64_t so that one parser serves them all; limits are checked when they are read.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "plan.h"
#include "reader.h"
#include "target.h"
#include "value.h"

enum refill { REFILL_ALL, REFILL_ANY };
enum preload { PRELOAD_AUTO, PRELOAD_NO, PRELOAD_ONLY };
enum wait_mode { WAIT_AUTO, WAIT_SPIN, WAIT_SLEEP };
enum receive_mode { RECEIVE_AUTO, RECEIVE_MULTISHOT, RECEIVE_SINGLE };

enum { OPTIONS_SWEEP_MAX = 256, OPTIONS_CPUS_MAX = 256 };

struct options {
    /* the server */
    struct target_text target;
    enum dialect_kind dialect; /* of --protocol and of the target, which goes first */
    const char *unix_path;     /* NULL: the target; borrowed from the command line, as all texts here */
    const char *meta_flags;

    /* connections */
    uint64_t connections_count;
    uint64_t threads_count;
    uint64_t depth; /* requests in flight on one connection */
    enum refill refill;
    uint64_t idle_count;
    uint64_t churn_count; /* requests before a connection is closed; 0: it stays */

    /* the load */
    uint64_t rate_per_s;       /* 0: closed loop */
    enum plan_arrival arrival; /* of an open loop: PLAN_FIXED or PLAN_POISSON */
    uint64_t sweep_rates[OPTIONS_SWEEP_MAX];
    unsigned sweep_count;    /* 0: no sweep */
    uint64_t duration_ns;    /* 0: no bound but requests_count */
    uint64_t requests_count; /* 0: no bound but duration_ns */
    uint64_t warmup_ns;
    uint64_t timeout_ns;

    /* the workload */
    uint64_t keys_count;
    uint64_t key_size;
    const char *key_prefix;
    struct value_sizes value_sizes;
    uint64_t ratio_gets;
    uint64_t ratio_sets;
    double zipf_exponent; /* 0: uniform */
    uint64_t seed;
    enum preload preload;

    /* the generator */
    enum check_level check;
    unsigned cpus[OPTIONS_CPUS_MAX]; /* thread n runs on cpus[n mod cpus_count] */
    unsigned cpus_count;             /* 0: not pinned */
    enum wait_mode wait;
    enum receive_mode receive;

    /* the output */
    const char *json_path; /* NULL: none; "-": standard output instead of the text */
    bool quiet;            /* no progress line */
};

enum options_status {
    OPTIONS_RUN,
    OPTIONS_SHOWN, /* help or version was asked for and printed */
    OPTIONS_WRONG, /* *failure says what */
};

/* Reads the command line; what is not given has its default. */
enum options_status options_parse(int argument_count, char *const *arguments, struct options *options,
                                  struct failure *failure);

#endif
