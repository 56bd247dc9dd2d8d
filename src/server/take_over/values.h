/* SPDX-License-Identifier: MIT
 *
 * values: stored values that connections are still being sent when another process takes over. Their records name them by their place in
 * the file of the store, which both processes have, and neither copies them.
 *
 *      old      pins them as before, until it ends or takes its connections back
 *      new      pins them as well, before the verdict; where its store is another one (another layout), it copies them out of the file
 *
 * Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_VALUES_H
#define RIPOSTE_SERVER_TAKE_OVER_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "riposte/engine_move.h"

struct store;

/* What records of an engine's connections may name. Valid as long as the store. */
struct engine_shared values_shared(struct store *store);

/* Where they come from in the process that takes over. */
struct values_source {
    struct store *store;    /* that has them; NULL: it is another one, */
    int file_fd;            /* and they are copied out of this file, */
    size_t copies_size_max; /* up to so many bytes */
    size_t copied_size;     /* that were */
    unsigned lost_count;    /* connections that are closed, since there was no memory for them */
};

/* Pins or copies those of all connections that `engine` has adopted. ADOPTED; BAD: one cannot be. */
enum engine_adoption values_take(struct values_source *source, struct engine *engine);

#endif
