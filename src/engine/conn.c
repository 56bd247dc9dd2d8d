/* SPDX-License-Identifier: MIT
 *
 * conn: the table of a worker's connections in reserved address space, and its free slots.
 */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { CACHE_LINE_SIZE = 64 };

int conn_table_init(struct conn_table *table, uint32_t capacity, size_t session_size,
                    size_t filter_state_size) {
    size_t filter_offset = sizeof(struct conn) + session_size;
    size_t slot_size = filter_offset;
    if (filter_state_size > 0) {
        size_t alignment = alignof(struct conn_filter);
        filter_offset = (filter_offset + alignment - 1) / alignment * alignment;
        slot_size = filter_offset + sizeof(struct conn_filter) + filter_state_size;
    }
    size_t zeroed_size = slot_size - sizeof(struct conn);
    slot_size = (slot_size + CACHE_LINE_SIZE - 1) / CACHE_LINE_SIZE * CACHE_LINE_SIZE;
    /*
     * NORESERVE: address space for every connection the limit allows; pages come with the first use of a
     * slot.
     */
    void *slots = mmap(NULL, slot_size * capacity, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slots == MAP_FAILED) {
        return -ENOMEM;
    }
    *table = (struct conn_table){
        .slots = slots,
        .slot_size = slot_size,
        .zeroed_size = zeroed_size,
        .filter_offset = filter_state_size > 0 ? (uint16_t)filter_offset : 0,
        .capacity = capacity,
        .free_first = CONN_NONE,
    };
    return 0;
}

void conn_table_deinit(struct conn_table *table) {
    assert(table->open_count == 0);
    munmap(table->slots, table->slot_size * table->capacity);
}

static struct conn *conn_take_slot(struct conn_table *table) {
    if (table->free_first != CONN_NONE) {
        struct conn *conn = conn_at(table, table->free_first);
        table->free_first = conn->timeout_next;
        return conn;
    }
    if (table->used_count == table->capacity) {
        return NULL;
    }
    struct conn *conn = conn_at(table, table->used_count);
    conn->index = table->used_count++;
    return conn;
}

struct conn *conn_open(struct conn_table *table, int fd) {
    struct conn *conn = conn_take_slot(table);
    if (conn == NULL) {
        return NULL;
    }
    /* The links of the run and arm queues outlive the owner: see conn_release. */
    struct conn fresh = {
        .fd = fd,
        .index = conn->index,
        .generation = conn->generation,
        .state = CONN_OPEN,
    };
    memcpy(fresh.queued, conn->queued, sizeof(fresh.queued));
    memcpy(fresh.queue_next, conn->queue_next, sizeof(fresh.queue_next));
    *conn = fresh;
    memset(conn->session, 0, table->zeroed_size);
    table->open_count++;
    return conn;
}

void conn_release(struct conn_table *table, struct conn *conn) {
    assert(conn->state != CONN_FREE && conn->in_flight == 0 && conn->timeout == TIMEOUT_NONE);
    assert(input_size(&conn->input) == 0 && conn->reply.first == NULL);
    conn->state = CONN_FREE;
    conn->fd = -1;
    conn->generation++;
    /* The list of free slots goes through timeout_next: the two queue links may still be in use. */
    conn->timeout_next = table->free_first;
    table->free_first = conn->index;
    table->open_count--;
}
