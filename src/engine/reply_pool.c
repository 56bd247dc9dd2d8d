/* SPDX-License-Identifier: MIT
 *
 * reply_pool: keeps chunks of the two usual sizes on a list each; others come from the allocator.
 */
#include "reply_pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "riposte/check.h"

static struct reply_chunk *list_pop(struct reply_chunk **list, uint32_t *count) {
    struct reply_chunk *chunk = *list;
    if (chunk != NULL) {
        *list = chunk->next;
        (*count)--;
    }
    return chunk;
}

/* False when the list is full. */
static bool list_push(struct reply_chunk **list, uint32_t *count, uint32_t count_max,
                      struct reply_chunk *chunk) {
    if (*count == count_max) {
        return false;
    }
    chunk->next = *list;
    *list = chunk;
    (*count)++;
    return true;
}

static struct reply_chunk *chunk_create(size_t memory_size) {
    struct reply_chunk *chunk = malloc(sizeof(*chunk) + memory_size);
    if (likely(chunk != NULL)) {
        chunk->memory_size = (uint32_t)memory_size;
    }
    return chunk;
}

struct reply_chunk *reply_pool_take(struct reply_pool *pool, size_t memory_size) {
    assert(memory_size == CHUNK_FIRST_SIZE || memory_size == CHUNK_NEXT_SIZE);
    struct reply_chunk *chunk = NULL;
    if (likely(pool != NULL)) {
        chunk = memory_size == CHUNK_FIRST_SIZE ? list_pop(&pool->first, &pool->first_count)
                                                : list_pop(&pool->next, &pool->next_count);
    }
    chunk = likely(chunk != NULL) ? chunk : chunk_create(memory_size);
    if (likely(pool != NULL && chunk != NULL)) {
        pool->lent_size += reply_chunk_size(chunk);
    }
    return chunk;
}

void reply_pool_give(struct reply_pool *pool, struct reply_chunk *chunk) {
    bool kept = false;
    if (likely(pool != NULL)) {
        pool->lent_size -= reply_chunk_size(chunk);
        kept = chunk->memory_size == CHUNK_FIRST_SIZE
                   ? list_push(&pool->first, &pool->first_count, REPLY_POOL_FIRST_MAX, chunk)
                   : list_push(&pool->next, &pool->next_count, REPLY_POOL_NEXT_MAX, chunk);
    }
    if (!kept) {
        free(chunk);
    }
}

static void list_free(struct reply_chunk *list) {
    while (list != NULL) {
        struct reply_chunk *chunk = list;
        list = chunk->next;
        free(chunk);
    }
}

void reply_pool_deinit(struct reply_pool *pool) {
    list_free(pool->first);
    list_free(pool->next);
    *pool = (struct reply_pool){0};
}
