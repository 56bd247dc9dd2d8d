/* SPDX-License-Identifier: MIT
 *
 * buffers: registers the ring of buffers, follows how far each is used up, gives them back.
 */
#include "buffers.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t ring_size(uint32_t count) {
    return count * sizeof(struct io_uring_buf);
}

/* A ring of buffers begins on a page (io_uring_register(2)); pages that nothing was received into take no memory. */
static void *map_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int buffers_register(struct buffers *buffers, struct ring *ring, uint16_t group) {
    struct io_uring_buf_reg registration = {
        .ring_addr = (__u64)(uintptr_t)buffers->ring,
        .ring_entries = buffers->count,
        .bgid = group,
    };
    /* The 16 bits behind bgid are `flags` in newer headers and `pad` in liburing 2.3. */
    uint16_t flags = buffers->incremental ? IOU_PBUF_RING_INC : 0;
    static_assert(offsetof(struct io_uring_buf_reg, bgid) + 4 == offsetof(struct io_uring_buf_reg, resv),
                  "layout");
    memcpy((char *)&registration + offsetof(struct io_uring_buf_reg, bgid) + sizeof(group), &flags,
           sizeof(flags));
    return io_uring_register_buf_ring(&ring->io, &registration, 0);
}

static void buffers_free(struct buffers *buffers) {
    if (buffers->ring != NULL) {
        munmap(buffers->ring, ring_size(buffers->count));
    }
    if (buffers->memory != NULL) {
        munmap(buffers->memory, (size_t)buffers->size * buffers->count);
    }
    free(buffers->offsets);
    free(buffers->finished);
    *buffers = (struct buffers){0};
}

static void buffers_give(struct buffers *buffers, uint16_t id, int place) {
    buffers->offsets[id] = 0;
    io_uring_buf_ring_add(buffers->ring, buffers->memory + (size_t)id * buffers->size, buffers->size, id,
                          io_uring_buf_ring_mask(buffers->count), place);
}

int buffers_init(struct buffers *buffers, struct ring *ring, uint16_t group, uint32_t size, uint32_t count,
                 bool incremental) {
    *buffers = (struct buffers){.size = size, .count = count, .incremental = incremental};
    buffers->ring = map_memory(ring_size(count));
    buffers->memory = map_memory((size_t)size * count);
    buffers->offsets = calloc(count, sizeof(*buffers->offsets));
    buffers->finished = calloc(count, sizeof(*buffers->finished));
    int result = -ENOMEM;
    if (buffers->ring != NULL && buffers->memory != NULL && buffers->offsets != NULL &&
        buffers->finished != NULL) {
        result = buffers_register(buffers, ring, group);
    }
    if (result < 0) {
        buffers_free(buffers);
        return result;
    }
    io_uring_buf_ring_init(buffers->ring);
    for (uint32_t id = 0; id < count; id++) {
        buffers_give(buffers, (uint16_t)id, (int)id);
    }
    io_uring_buf_ring_advance(buffers->ring, (int)count);
    return 0;
}

void buffers_abandon(struct buffers *buffers) {
    buffers->ring = NULL;
    buffers->memory = NULL;
    buffers_free(buffers);
}

void buffers_deinit(struct buffers *buffers, struct ring *ring, uint16_t group) {
    io_uring_unregister_buf_ring(&ring->io, group);
    buffers_free(buffers);
}

char *buffers_take(struct buffers *buffers, const struct io_uring_cqe *cqe) {
    uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    assert(cqe->res > 0 && id < buffers->count);
    char *data = buffers->memory + (size_t)id * buffers->size + buffers->offsets[id];
    buffers->offsets[id] += (uint32_t)cqe->res;
    assert(buffers->offsets[id] <= buffers->size);
    if (!buffers->incremental || (cqe->flags & IORING_CQE_F_BUF_MORE) == 0) {
        assert(buffers->finished_count < buffers->count);
        buffers->finished[buffers->finished_count++] = id;
    }
    return data;
}

void buffers_return(struct buffers *buffers) {
    if (buffers->finished_count == 0) {
        return;
    }
    /* In the order in which the kernel finished them: neighbours in the ring stay neighbours in memory. */
    for (uint32_t i = 0; i < buffers->finished_count; i++) {
        buffers_give(buffers, buffers->finished[i], (int)i);
    }
    io_uring_buf_ring_advance(buffers->ring, (int)buffers->finished_count);
    buffers->finished_count = 0;
}
