/* SPDX-License-Identifier: MIT
 *
 * resources: what the process asks of the kernel before anything is opened. Main thread, before others exist.
 */
#ifndef RIPOSTE_SERVER_RESOURCES_H
#define RIPOSTE_SERVER_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

/*
 * The stack of the main thread is large enough below `frame`, or may be from now on: the soft limit is raised, and the hard one
 * too where the process may. False and *failure where not. Before anything else, which may need more.
 */
bool resources_raise_stack(const void *frame, struct failure *failure);

/* Descriptors that this many connections, workers and addresses need at most. */
uint64_t resources_descriptors_needed(uint32_t connections_max, uint32_t workers_count,
                                      uint32_t addresses_count);

/*
 * Raises the soft limit of descriptors to `needed`, *connections_max (-c) among them, and the hard one too where the
 * process may. *limit is what holds now. Where that is not enough: may_lower makes *connections_max as much smaller, with
 * a warning; otherwise, or when not even one connection is left, false and *failure.
 */
bool resources_raise_descriptors(uint64_t needed, uint32_t *connections_max, bool may_lower, uint64_t *limit,
                                 struct failure *failure);

/* Raises the soft limit of descriptors towards `wanted`, as far as the hard one lets it. *limit is what holds now. */
void resources_raise_descriptors_further(uint64_t wanted, uint64_t *limit);

/* Core files of any size up to the hard limit (-r). */
bool resources_allow_core_files(struct failure *failure);

/*
 * Standard input, output and error exist: what is closed becomes /dev/null, so that no socket ever gets their
 * numbers.
 */
bool resources_open_standard_files(struct failure *failure);

/*
 * -k: keeps all memory, present and future, from being paged out; a warning where the system refuses.
 * stays_root: the process keeps the rights that lift RLIMIT_MEMLOCK for it.
 */
void resources_lock_memory(bool stays_root);

#endif
