/* SPDX-License-Identifier: MIT
 *
 * conn_list: asks all workers for their connections, and answers for one of them.
 */
#include "conn_list.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine_state.h"
#include "filter.h"

/* Connections of a block, and slots that are looked at in a turn. */
enum { BLOCK_CONNS = 64 };

struct conn_list_block {
    struct conn_list_block *next; /* owned */
    unsigned count;
    struct engine_conn conns[BLOCK_CONNS];
};

/* Written by one worker until it has answered, then only read. */
struct conn_list_part {
    struct conn_list_block *first; /* owned */
    struct conn_list_block *last;
};

struct engine_conn_list {
    struct engine *engine;
    _Atomic unsigned answers_left; /* workers that have not answered */
    _Atomic bool ready;            /* all have, and the next list may begin */
    _Atomic unsigned holders; /* who may still touch it: the asker and the workers that have not answered */
    struct conn_list_part *parts; /* one per worker; owned */

    /* Where engine_conn_list_next is. */
    unsigned part_index;
    struct conn_list_block *block; /* NULL: at the begin of the part */
    unsigned conn_index;           /* in the block */
};

static void conn_list_free(struct engine_conn_list *list) {
    for (unsigned i = 0; i < list->engine->workers_count; i++) {
        struct conn_list_block *block = list->parts[i].first;
        while (block != NULL) {
            struct conn_list_block *next = block->next;
            for (unsigned j = 0; j < block->count; j++) {
                free(block->conns[j].identity);
            }
            free(block);
            block = next;
        }
    }
    free(list->parts);
    free(list);
}

/* The last holder frees. */
static void conn_list_release(struct engine_conn_list *list) {
    /* acq_rel: what the other holders wrote happens before the last one frees it. */
    if (atomic_fetch_sub_explicit(&list->holders, 1, memory_order_acq_rel) == 1) {
        conn_list_free(list);
    }
}

static unsigned workers_that_answer(const struct engine *engine) {
    unsigned count = 0;
    for (unsigned i = 0; i < engine->workers_count; i++) {
        count += !engine->workers[i]->conn_lists_left;
    }
    return count;
}

/* Publishes the list, so that workers see it; false when there is one already. With conn_list_lock. */
static bool conn_list_publish(struct engine *engine, struct engine_conn_list *list) {
    struct engine_conn_list *none = NULL;
    unsigned count = workers_that_answer(engine);
    atomic_init(&list->answers_left, count);
    atomic_init(&list->holders, count + 1);
    /*
     * acquire: the answers to the list before this one have been given; relaxed otherwise: conn_lists_begun
     * publishes.
     */
    if (count == 0 || !atomic_compare_exchange_strong_explicit(&engine->conn_list, &none, list,
                                                               memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    /* release: a worker that sees the new number finds the list, filled in. */
    atomic_fetch_add_explicit(&engine->conn_lists_begun, 1, memory_order_release);
    return true;
}

struct engine_conn_list *engine_conn_list_begin(struct engine *engine) {
    struct engine_conn_list *list = calloc(1, sizeof(*list));
    struct conn_list_part *parts = calloc(engine->workers_count, sizeof(*parts));
    if (list == NULL || parts == NULL) {
        goto give_up;
    }
    list->engine = engine;
    list->parts = parts;
    pthread_mutex_lock(&engine->conn_list_lock);
    bool published = conn_list_publish(engine, list);
    pthread_mutex_unlock(&engine->conn_list_lock);
    if (!published) {
        goto give_up;
    }
    for (unsigned i = 0; i < engine->workers_count; i++) {
        worker_wake(engine->workers[i]);
    }
    return list;

give_up:
    free(parts);
    free(list);
    return NULL;
}

/* Room for one more; NULL when memory ends. */
static struct engine_conn *part_add(struct conn_list_part *part) {
    if (part->last == NULL || part->last->count == BLOCK_CONNS) {
        struct conn_list_block *block = malloc(sizeof(*block));
        if (block == NULL) {
            return NULL;
        }
        block->next = NULL;
        block->count = 0;
        if (part->last == NULL) {
            part->first = block;
        } else {
            part->last->next = block;
        }
        part->last = block;
    }
    struct engine_conn *conn = &part->last->conns[part->last->count++];
    *conn = (struct engine_conn){0};
    return conn;
}

static void part_add_listeners(struct conn_list_part *part, const struct worker *worker) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        const struct listener *listener = &worker->listeners[i];
        struct engine_conn *entry = listener->is_shared && worker->index > 0 ? NULL : part_add(part);
        if (entry != NULL) {
            entry->fd = listener->fd;
            entry->worker_index = (uint16_t)worker->index;
            entry->listen_index = listener->listen;
            entry->listening = true;
            entry->local = &worker->engine->listens[listener->listen].address;
        }
    }
}

/* A Unix socket's peer has no name; it must not be cut into the union either. */
static void peer_read(int fd, bool is_unix, union engine_peer *peer) {
    socklen_t size = sizeof(*peer);
    if (is_unix) {
        peer->any.sa_family = AF_UNIX;
    } else if (getpeername(fd, &peer->any, &size) < 0) {
        peer->any.sa_family = AF_UNSPEC; /* ENOTCONN: just gone */
    }
}

/* Owned by the list; NULL when memory ends, too. */
static char *identity_copy(const struct worker *worker, const struct conn *conn) {
    char text[FILTER_IDENTITY_SIZE_MAX];
    return conn_is_live(conn) && filter_identity(worker, conn, text) ? strdup(text) : NULL;
}

static void part_add_conn(struct conn_list_part *part, const struct worker *worker, const struct conn *conn) {
    struct engine_conn *entry = part_add(part);
    if (entry == NULL) {
        return;
    }
    entry->fd = conn->fd;
    entry->worker_index = (uint16_t)worker->index;
    entry->listen_index = conn->listen;
    entry->throttled = conn_output_throttled(conn);
    entry->sending = conn_is_sending(conn);
    const struct protocol *protocol = worker->listens[conn->listen].protocol;
    entry->discarding =
        conn->state == CONN_OPEN && protocol->discards != NULL && protocol->discards(conn->session);
    entry->waiting = conn->queued[CONN_QUEUE_RUN];
    entry->receiving =
        input_size(&conn->input) > 0 || conn_wire_size(conn) > 0 || conn->session_memory_size > 0;
    entry->closing = !conn_is_live(conn);
    entry->quiet_s = (worker->now_ms - conn->active_ms) / 1000;
    entry->local = &worker->engine->listens[conn->listen].address;
    entry->identity = identity_copy(worker, conn);
    peer_read(conn->fd, conn->is_unix, &entry->peer);
}

static void conn_list_answered(struct worker *worker, struct engine_conn_list *list) {
    worker->conn_list_next = 0;
    worker->conn_lists_answered++;
    /* acq_rel: the last one to answer has seen, and passes on, what the others wrote. */
    if (atomic_fetch_sub_explicit(&list->answers_left, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&worker->engine->conn_list, NULL, memory_order_release);
        /* release: pairs with the acquire in engine_conn_list_ready. */
        atomic_store_explicit(&list->ready, true, memory_order_release);
    }
    conn_list_release(list);
}

bool conn_list_turn(struct worker *worker) {
    struct engine *engine = worker->engine;
    /* acquire: pairs with the release in engine_conn_list_begin. */
    if (atomic_load_explicit(&engine->conn_lists_begun, memory_order_acquire) ==
        worker->conn_lists_answered) {
        return false;
    }
    /* relaxed: published by the number; it stays until this worker, too, has answered. */
    struct engine_conn_list *list = atomic_load_explicit(&engine->conn_list, memory_order_relaxed);
    struct conn_list_part *part = &list->parts[worker->index];
    if (worker->conn_list_next == 0) {
        part_add_listeners(part, worker);
    }
    for (int i = 0; i < BLOCK_CONNS; i++) {
        if (worker->conn_list_next >= worker->conns.used_count) {
            conn_list_answered(worker, list);
            return false;
        }
        const struct conn *conn = conn_at(&worker->conns, worker->conn_list_next++);
        if (conn->state != CONN_FREE) {
            part_add_conn(part, worker, conn);
        }
    }
    return true;
}

void conn_list_leave(struct worker *worker) {
    struct engine *engine = worker->engine;
    pthread_mutex_lock(&engine->conn_list_lock);
    worker->conn_lists_left = true;
    /* relaxed, both: who begins a list holds the lock; one that was begun stays until this worker has answered. */
    bool asked =
        atomic_load_explicit(&engine->conn_lists_begun, memory_order_relaxed) != worker->conn_lists_answered;
    if (asked) {
        conn_list_answered(worker, atomic_load_explicit(&engine->conn_list, memory_order_relaxed));
    }
    pthread_mutex_unlock(&engine->conn_list_lock);
}

bool engine_conn_list_ready(const struct engine_conn_list *list) {
    /* acquire: every worker's part may be read. */
    return atomic_load_explicit(&list->ready, memory_order_acquire);
}

const struct engine_conn *engine_conn_list_next(struct engine_conn_list *list) {
    while (list->part_index < list->engine->workers_count) {
        if (list->block == NULL) {
            list->block = list->parts[list->part_index].first;
        } else if (list->conn_index == list->block->count) {
            list->block = list->block->next;
            list->conn_index = 0;
        }
        if (list->block == NULL) {
            list->part_index++;
            list->conn_index = 0;
        } else if (list->conn_index < list->block->count) {
            return &list->block->conns[list->conn_index++];
        }
    }
    return NULL;
}

void engine_conn_list_end(struct engine_conn_list *list) {
    conn_list_release(list);
}

void conn_list_destroy(struct engine *engine) {
    /* relaxed: the workers are gone. */
    struct engine_conn_list *list = atomic_load_explicit(&engine->conn_list, memory_order_relaxed);
    if (list != NULL) {
        conn_list_free(list);
    }
}
