/* SPDX-License-Identifier: MIT
 *
 * probe: what the running kernel offers, and when it offers nothing, why.
 *
 * Vendors back-port, containers forbid: features are found out by trying, never from a version number.
 */
#ifndef RIPOSTE_ENGINE_URING_PROBE_H
#define RIPOSTE_ENGINE_URING_PROBE_H

#include "riposte/engine.h"
#include "sizes.h"

/*
 * Fills engine->uring and engine->features by means of a small ring of the calling thread, which is made, registered
 * with and entered: each of the three system calls may be refused alone. engine->sizes are for the message. 0, or a
 * negative errno and *error with the likely cause and cure: -ENOSYS, -EPERM, -EACCES, -EINVAL (this kernel or sandbox
 * has no usable io_uring), -ENOMEM, -EMFILE, ...
 */
int uring_probe(struct engine *engine, struct engine_error *error);

/*
 * Whether RLIMIT_MEMLOCK can be what keeps rings of those sizes from being made: it is at most 64 times what workers_count of them
 * take. Kernels before 5.12 and from 6.14 on count them (https://github.com/axboe/liburing/issues/1408), for all processes of a user.
 */
bool uring_memory_is_limited(const struct engine_sizes *sizes, unsigned workers_count);

/* How long memory has been waited for. Zeroed at first. */
struct uring_patience {
    uint64_t end_ns;
};

/*
 * After -ENOMEM: whether to try again, a millisecond later, when it returns. True for two seconds where RLIMIT_MEMLOCK has room for
 * the rings, once to four times, but not now: one that was closed counts until the kernel has taken it apart, in a thread of its own (seen: 25 to 80 ms,
 * above 200 on a busy machine), so that a start right after a stop, or right after the probe, finds less than there is. False at
 * once elsewhere.
 */
bool uring_wait_for_memory(struct uring_patience *patience, const struct engine_sizes *sizes,
                           unsigned workers_count);

/*
 * The sentence for a ring of those sizes, one of workers_count, that could not be made or entered: what is the likely
 * cause, and the cure. Returns `number`.
 */
int uring_explain(int number, const struct engine_sizes *sizes, unsigned workers_count,
                  struct engine_error *error);

#endif
