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
 * The sentence for a ring of those sizes, one of workers_count, that could not be made or entered: what is the likely
 * cause, and the cure. Returns `number`.
 */
int uring_explain(int number, const struct engine_sizes *sizes, unsigned workers_count,
                  struct engine_error *error);

#endif
