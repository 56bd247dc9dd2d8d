/* SPDX-License-Identifier: MIT
 *
 * buffers: maps and registers the receive buffers, and gives them back to the kernel.
 */
#include "buffers.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

/* Whole pages of zeros, or NULL. */
static void *pages_map(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t entries_size(const struct buffers *buffers) {
    return buffers->count * sizeof(struct io_uring_buf);
}

static int entries_register(struct buffers *buffers, struct ring *ring) {
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)buffers->entries,
        .ring_entries = buffers->count,
        .bgid = BUFFERS_GROUP,
    };
    return io_uring_register_buf_ring(&ring->uring, &registration, 0);
}

int buffers_init(struct buffers *buffers, struct ring *ring, uint32_t count, uint32_t size) {
    assert(count > 0 && count <= BUFFERS_COUNT_MAX && (count & (count - 1)) == 0);
    *buffers = (struct buffers){.count = count, .size = size};
    buffers->entries = pages_map(entries_size(buffers));
    buffers->memory = pages_map((size_t)count * size);
    int status =
        buffers->entries == NULL || buffers->memory == NULL ? -ENOMEM : entries_register(buffers, ring);
    if (status < 0) {
        buffers_deinit(buffers);
        return status;
    }
    io_uring_buf_ring_init(buffers->entries);
    for (uint32_t id = 0; id < count; id++) {
        buffers_return(buffers, id);
    }
    buffers_publish(buffers);
    return 0;
}

void buffers_deinit(struct buffers *buffers) {
    if (buffers->entries != NULL) {
        munmap(buffers->entries, entries_size(buffers));
    }
    if (buffers->memory != NULL) {
        munmap(buffers->memory, (size_t)buffers->count * buffers->size);
    }
    *buffers = (struct buffers){0};
}

void buffers_return(struct buffers *buffers, uint32_t id) {
    char *memory = buffers->memory + (size_t)id * buffers->size;
    io_uring_buf_ring_add(buffers->entries, memory, buffers->size, (unsigned short)id,
                          io_uring_buf_ring_mask(buffers->count), (int)buffers->returned);
    buffers->returned++;
}

void buffers_publish(struct buffers *buffers) {
    if (buffers->returned > 0) {
        io_uring_buf_ring_advance(buffers->entries, (int)buffers->returned);
        buffers->returned = 0;
    }
}
