/* SPDX-License-Identifier: MIT
 *
 * frozen: the list of a worker's frozen connections, and what engine_export shows of it.
 */
#include "frozen.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine_state.h"
#include "riposte/engine_move.h"

enum { FROZEN_CAPACITY_MIN = 64 };

bool frozen_add(struct frozen *frozen, const struct frozen_conn *conn) {
    if (frozen->count == frozen->capacity) {
        uint32_t capacity = frozen->capacity > 0 ? 2 * frozen->capacity : FROZEN_CAPACITY_MIN;
        struct frozen_conn *conns = realloc(frozen->conns, capacity * sizeof(*conns));
        if (conns == NULL) {
            return false;
        }
        frozen->conns = conns;
        frozen->capacity = capacity;
    }
    frozen->conns[frozen->count++] = *conn;
    return true;
}

void frozen_discard(struct frozen *frozen, uint32_t first) {
    for (uint32_t i = first; i < frozen->count; i++) {
        struct frozen_conn *conn = &frozen->conns[i];
        close(conn->fd);
        if (conn->file_fd >= 0) {
            close(conn->file_fd);
        }
        record_discard(&conn->record);
    }
    free(frozen->conns);
    *frozen = (struct frozen){0};
}

/* False: `take` wants no more. */
static bool frozen_show(const struct frozen *frozen, bool (*take)(void *, const struct engine_moved *),
                        void *user, unsigned *shown) {
    for (uint32_t i = 0; i < frozen->count; i++) {
        const struct frozen_conn *conn = &frozen->conns[i];
        const struct engine_moved moved = {
            .fd = conn->fd,
            .file_fd = conn->file_fd,
            .record = bytes_of(conn->record.data, conn->record.size),
        };
        ++*shown;
        if (!take(user, &moved)) {
            return false;
        }
    }
    return true;
}

unsigned engine_export(const struct engine *engine,
                       bool (*take)(void *user, const struct engine_moved *moved), void *user) {
    unsigned shown = 0;
    for (unsigned i = 0;
         i < engine->workers_count && frozen_show(&engine->workers[i]->frozen, take, user, &shown); i++) {
    }
    return shown;
}

unsigned engine_frozen_count(const struct engine *engine) {
    unsigned count = 0;
    for (unsigned i = 0; i < engine->workers_count; i++) {
        count += engine->workers[i]->frozen.count;
    }
    return count;
}
