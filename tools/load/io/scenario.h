/* SPDX-License-Identifier: MIT
 *
 * scenario: everything that is decided before the first connection is made: server, protocol, workload,
 * request texts.
 *
 * Read only once it is made; all threads share it.
 */
#ifndef LOAD_SCENARIO_H
#define LOAD_SCENARIO_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "encoder.h"
#include "failure.h"
#include "plan.h"
#include "reader.h"
#include "target.h"
#include "tls.h"
#include "workload.h"

enum refill { REFILL_ALL, REFILL_ANY };
enum preload { PRELOAD_AUTO, PRELOAD_NO, PRELOAD_ONLY };
enum wait_mode { WAIT_AUTO, WAIT_SPIN, WAIT_SLEEP };
enum receive_mode { RECEIVE_AUTO, RECEIVE_MULTISHOT, RECEIVE_SINGLE };

enum { OPTIONS_SWEEP_MAX = 256, OPTIONS_CPUS_MAX = 256 };

/* What the user asks for, as options_table.h reads it from the command line. */
struct options {
    /* the server */
    struct target_text target;
    enum protocol_kind protocol; /* of --protocol and of the target, which goes first */
    const char *unix_path;       /* NULL: the target; borrowed from the command line, as all texts here */
    const char *meta_flags;
    struct tls_settings tls;

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

struct scenario {
    const struct options *options; /* borrowed */
    const struct protocol *protocol;
    struct target target;
    struct tls_context *tls;  /* owned; NULL: connections are plain */
    struct workload workload; /* owned */
    struct encoder encoder;   /* owned; borrows workload.keys: a scenario is not copied */
    bool is_keyed;            /* requests name keys; false: HTTP with a path that is always the same, or mn */
    bool preload;             /* every key is stored before anything is measured */
    bool spin;                /* threads look for completions instead of sleeping */
    bool single_receive;      /* receives are armed one by one */
    bool rotate_sources;      /* connections would need more ports than one address has */
};

/* False: *failure says why. */
bool scenario_init(struct scenario *scenario, const struct options *options, struct failure *failure);
void scenario_deinit(struct scenario *scenario);

/* How many requests are in flight on one connection while keys are stored. */
unsigned scenario_preload_depth(const struct scenario *scenario);

/* Most requests in flight on one connection in any phase. */
unsigned scenario_depth_max(const struct scenario *scenario);

/* --- what each of several threads gets of something that is counted --- */

/*
 * Where the share of thread `index` begins; that of index + 1 is where it ends. All shares together are
 * `total` (below 2^53).
 */
static inline uint64_t share_begin(uint64_t total, uint64_t index, uint64_t count) {
    return total * index / count;
}

static inline uint64_t share_of(uint64_t total, uint64_t index, uint64_t count) {
    return share_begin(total, index + 1, count) - share_begin(total, index, count);
}

#endif
