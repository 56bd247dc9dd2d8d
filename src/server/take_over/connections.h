/* SPDX-License-Identifier: MIT
 *
 * connections: frozen connections (riposte/engine_move.h) as they travel: their records in a file of memory, batch after batch, their
 * descriptors beside the messages that name the batches.
 *
 *      memory   | file? 1 | size 4, record | file? 1 | size 4, record | ...      (riposte/record.h)
 *      message    CONNECTIONS: offset, size, how many; sockets, each with its file where there is one
 *
 * Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_CONNECTIONS_H
#define RIPOSTE_SERVER_TAKE_OVER_CONNECTIONS_H

#include <stdint.h>

#include "channel.h"
#include "riposte/engine_move.h"

/* Those of a frozen engine, over `channel_fd`; their records go to `memory_fd`, which is empty. 0 or -errno. */
int connections_send(const struct engine *engine, int channel_fd, int memory_fd, uint64_t deadline_ns);

/* What became of those that have come. */
struct connections_taken {
    unsigned count;              /* adopted */
    unsigned lost_count;         /* closed here, should this process serve */
    enum engine_adoption reason; /* of the last of those */
    unsigned worker_index;       /* of the next one */
};

/*
 * Those of one message: the engine, which waits, has them. Takes `fds`. 0; -EPROTO: a record is damaged or of another version; other
 * -errno.
 */
int connections_take(struct engine *engine, int memory_fd, const struct message_connections *message,
                     struct channel_fds *fds, struct connections_taken *taken);

#endif
