/* SPDX-License-Identifier: MIT
 *
 * reply: what include/riposte/reply.h does not show: the chunks of memory that replies are written in, and those
 * of one worker that wait for their next use.
 *
 * A turn takes a chunk for every connection it answers and gives all of them back when the sends are done, a
 * moment later. Given to the allocator each time, their pages would be returned to the system and faulted in
 * again (4 % of a small request's CPU). So a few stay here, most recently used first, which are also those
 * that are in cache. One thread only.
 */
#ifndef RIPOSTE_ENGINE_REPLY_H
#define RIPOSTE_ENGINE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "riposte/reply.h"

struct reply_chunk {
    struct reply_chunk *next;
    uint32_t memory_size; /* bytes of `memory`, CHUNK_FIRST_SIZE or CHUNK_NEXT_SIZE */
    uint32_t piece_first; /* index of the oldest unsent piece */
    uint32_t piece_count;
    _Alignas(8) char memory[];
};

enum {
    /* The first chunk of a reply holds a usual pipeline; 2 KiB with its header, so that chunks of many
       connections stay in cache. */
    CHUNK_FIRST_SIZE = 2048 - sizeof(struct reply_chunk),
    /* Chunks after the first: the client asks for a lot, and fewer pieces make a cheaper send. */
    CHUNK_NEXT_SIZE = 16384 - sizeof(struct reply_chunk),
    /* Kept for the next turn: as many as a turn usually takes; 128 KiB and 1 MiB at most. */
    REPLY_POOL_FIRST_MAX = 64,
    REPLY_POOL_NEXT_MAX = 64,
};

/* All zero is an empty pool. */
struct reply_pool {
    struct reply_chunk *first; /* of CHUNK_FIRST_SIZE; owned */
    struct reply_chunk *next;  /* of CHUNK_NEXT_SIZE; owned */
    uint32_t first_count;      /* 0 to REPLY_POOL_FIRST_MAX */
    uint32_t next_count;       /* 0 to REPLY_POOL_NEXT_MAX */
    size_t lent_size;          /* bytes of the chunks that replies own now */
};

/* Bytes that a reply sends from where they are. */
struct reply_pinned {
    struct bytes bytes;
    void (*release)(void *owner);
    void *owner;
};

/* Those that are to be sent first. False: none, or others go before. */
bool reply_first_pinned(const struct reply *reply, struct reply_pinned *pinned);

/* They are no more to be sent, and released by the caller. */
void reply_take_pinned(struct reply *reply);

/*
 * What `from` has to send is `to`'s to send, out of the same memory, which stays from's and must outlive `to`. Files go over, and pins that
 * `given` releases; other pins stay from's. `to` is empty. False when memory ends: `to` has a part of it, and what went over.
 */
bool reply_lend(struct reply *from, struct reply *to, void (*given)(void *owner));

/* The file's bytes may be read now, without waiting for a disk. */
static inline bool reply_file_is_ready(struct reply_file *file, uint64_t offset, size_t size) {
    return file->ready == NULL || file->ready(file, offset, size);
}

/*
 * A chunk with memory_size set, which is one of the two sizes; NULL when memory ends. `pool` may be NULL:
 * then it is always a new one.
 */
struct reply_chunk *reply_pool_take(struct reply_pool *pool, size_t memory_size);

/* Takes the chunk back, or frees it. `pool` may be NULL. */
void reply_pool_give(struct reply_pool *pool, struct reply_chunk *chunk);

/* Frees what waits; the pool is empty and can be used again. */
void reply_pool_deinit(struct reply_pool *pool);

#endif
