/* SPDX-License-Identifier: MIT
 *
 * frozen: the list of a worker's frozen connections, what engine_export shows of it, and the values that are kept in place for it.
 */
#include "frozen.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn_record.h"
#include "engine_state.h"
#include "riposte/engine_move.h"

enum { FROZEN_CAPACITY_MIN = 64, FROZEN_PINS_MIN = 4 };

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

bool frozen_pin_add(struct frozen_conn *conn, struct frozen_pin pin) {
    if (conn->pins_count == conn->pins_capacity) {
        uint32_t capacity = conn->pins_capacity > 0 ? 2 * conn->pins_capacity : FROZEN_PINS_MIN;
        struct frozen_pin *pins = realloc(conn->pins, capacity * sizeof(*pins));
        if (pins == NULL) {
            return false;
        }
        conn->pins = pins;
        conn->pins_capacity = capacity;
    }
    conn->pins[conn->pins_count++] = pin;
    return true;
}

void frozen_unpin(struct frozen_conn *conn) {
    for (uint32_t i = 0; i < conn->pins_count; i++) {
        conn->release(conn->pins[i].owner);
    }
    free(conn->pins);
    conn->pins = NULL;
    conn->pins_count = conn->pins_capacity = 0;
}

static void frozen_close(struct frozen_conn *conn) {
    close(conn->fd);
    if (conn->file_fd >= 0) {
        close(conn->file_fd);
    }
    frozen_unpin(conn);
    record_discard(&conn->record);
}

void frozen_discard(struct frozen *frozen, uint32_t first) {
    for (uint32_t i = first; i < frozen->count; i++) {
        frozen_close(&frozen->conns[i]);
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

static struct engine_frozen frozen_sum(const struct frozen *frozen) {
    struct engine_frozen sum = {.connections_count = frozen->count};
    for (uint32_t i = 0; i < frozen->count; i++) {
        sum.values_count += frozen->conns[i].values_count;
        sum.records_size += frozen->conns[i].record.size;
    }
    return sum;
}

struct engine_frozen engine_frozen(const struct engine *engine) {
    struct engine_frozen sum = {0};
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct engine_frozen one = frozen_sum(&engine->workers[i]->frozen);
        sum.connections_count += one.connections_count;
        sum.values_count += one.values_count;
        sum.records_size += one.records_size;
    }
    return sum;
}

/* --- values that both engines have -------------------------------------------------------------------------- */

void engine_share(struct engine *engine, const struct engine_shared *shared) {
    engine->shared = shared;
}

/* ADOPTED: all of it is pinned; else nothing. */
static enum engine_adoption frozen_pin_values(struct frozen_conn *conn, const struct engine_values *values) {
    struct conn_record record;
    bool good = conn_record_read(bytes_of(conn->record.data, conn->record.size), &record);
    assert(good); /* engine_adopt has looked */
    (void)good;
    enum engine_adoption outcome = ENGINE_ADOPTED;
    struct conn_record_walk walk = conn_record_walk(&record);
    conn->release = values->release;
    for (struct conn_record_piece piece;
         outcome == ENGINE_ADOPTED && (piece = conn_record_next(&walk)).kind != CONN_RECORD_END;) {
        struct frozen_pin pin;
        if (piece.kind != CONN_RECORD_VALUE) {
            continue;
        }
        outcome = values->pin(values->user, piece.offset, (size_t)piece.size, &pin.bytes, &pin.owner);
        if (outcome == ENGINE_ADOPTED && !frozen_pin_add(conn, pin)) {
            values->release(pin.owner);
            outcome = ENGINE_ADOPT_NO_MEMORY;
        }
    }
    if (outcome != ENGINE_ADOPTED) {
        frozen_unpin(conn);
    }
    return outcome;
}

/* Those for which there is no memory are closed. ADOPTED or BAD. */
static enum engine_adoption frozen_pin_all(struct frozen *frozen, const struct engine_values *values,
                                           unsigned *lost_count) {
    for (uint32_t i = 0; i < frozen->count;) {
        struct frozen_conn *conn = &frozen->conns[i];
        enum engine_adoption outcome =
            conn->values_count == conn->pins_count ? ENGINE_ADOPTED : frozen_pin_values(conn, values);
        if (outcome == ENGINE_ADOPT_BAD) {
            return outcome;
        }
        if (outcome == ENGINE_ADOPTED) {
            i++;
            continue;
        }
        frozen_close(conn);
        *conn = frozen->conns[--frozen->count];
        ++*lost_count;
    }
    return ENGINE_ADOPTED;
}

enum engine_adoption engine_pin_values(struct engine *engine, const struct engine_values *values,
                                       unsigned *lost_count) {
    enum engine_adoption outcome = ENGINE_ADOPTED;
    *lost_count = 0;
    for (unsigned i = 0; i < engine->workers_count && outcome == ENGINE_ADOPTED; i++) {
        outcome = frozen_pin_all(&engine->workers[i]->frozen, values, lost_count);
    }
    return outcome;
}

void engine_unpin_values(struct engine *engine) {
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct frozen *frozen = &engine->workers[i]->frozen;
        for (uint32_t at = 0; at < frozen->count; at++) {
            frozen_unpin(&frozen->conns[at]);
        }
    }
}
