/* SPDX-License-Identifier: MIT
 *
 * probe: what the running kernel offers, and when it offers nothing, why.
 *
 * Vendors back-port, containers forbid: features are found out by trying, never from a version number.
 */
#ifndef RIPOSTE_ENGINE_URING_PROBE_H
#define RIPOSTE_ENGINE_URING_PROBE_H

#include "riposte/engine.h"

/*
 * Fills engine->uring and engine->features by means of a small ring of the calling thread. 0, or a negative
 * errno and *error with the likely cause and cure: -ENOSYS, -EPERM, -EINVAL (this kernel or sandbox has no
 * usable io_uring), -ENOMEM, -EMFILE, ...
 */
int uring_probe(struct engine *engine, struct engine_error *error);

/* The sentence for a ring that could not be made; `entries` as asked for. Returns `number`. */
int uring_explain(int number, unsigned entries, unsigned completion_entries, struct engine_error *error);

#endif
