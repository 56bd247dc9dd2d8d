/* SPDX-License-Identifier: MIT
 *
 * limbo: a queue of chunks. See limbo.h.
 */
#include "limbo.h"

#include <assert.h>

enum { LIMBO_KIND_MASK = 7 };

static_assert(sizeof(struct limbo_chunk) == LIMBO_CHUNK_SIZE, "a chunk fills its block");

void limbo_add_chunk(struct limbo *limbo, void *block) {
    struct limbo_chunk *chunk = block;
    chunk->begin = 0;
    chunk->end = 0;
    chunk->next = limbo->spares;
    limbo->spares = chunk;
    limbo->spares_count++;
}

void *limbo_remove_chunk(struct limbo *limbo, size_t kept) {
    if (limbo->spares_count <= kept) {
        return NULL;
    }
    struct limbo_chunk *chunk = limbo->spares;
    limbo->spares = chunk->next;
    limbo->spares_count--;
    chunk->next = NULL;
    return chunk;
}

static void limbo_extend(struct limbo *limbo) {
    struct limbo_chunk *chunk = limbo_remove_chunk(limbo, 0);
    assert(chunk != NULL);
    if (limbo->tail == NULL) {
        limbo->head = chunk;
    } else {
        limbo->tail->next = chunk;
    }
    limbo->tail = chunk;
}

void limbo_push(struct limbo *limbo, void *pointer, enum limbo_kind kind, uint64_t epoch) {
    uint64_t address = (uint64_t)(uintptr_t)pointer;
    assert((address & LIMBO_KIND_MASK) == 0 && address != 0);
    if (limbo->tail == NULL || limbo->tail->end == LIMBO_CHUNK_ENTRIES) {
        limbo_extend(limbo);
    }
    struct limbo_chunk *tail = limbo->tail;
    tail->entries[tail->end++] =
        (struct limbo_entry){.tagged_pointer = address | (uint64_t)kind, .epoch = epoch};
    limbo->count++;
}

/* The head chunk has been read to its end. */
static void limbo_drop_head(struct limbo *limbo) {
    struct limbo_chunk *head = limbo->head;
    limbo->head = head->next;
    if (limbo->head == NULL) {
        limbo->tail = NULL;
    }
    limbo_add_chunk(limbo, head);
}

void *limbo_look(const struct limbo *limbo, unsigned skip, uint64_t epoch_max, enum limbo_kind *kind) {
    const struct limbo_chunk *head = limbo->head;
    if (head == NULL || head->begin + skip >= head->end ||
        head->entries[head->begin + skip].epoch > epoch_max) {
        return NULL;
    }
    uint64_t tagged_pointer = head->entries[head->begin + skip].tagged_pointer;
    *kind = (enum limbo_kind)(tagged_pointer & LIMBO_KIND_MASK);
    return (void *)(uintptr_t)(tagged_pointer & ~(uint64_t)LIMBO_KIND_MASK);
}

void limbo_drop(struct limbo *limbo, unsigned skip) {
    struct limbo_chunk *head = limbo->head;
    assert(head != NULL && head->begin + skip < head->end);
    head->entries[head->begin + skip] = head->entries[head->begin];
    head->begin++;
    limbo->count--;
    if (head->begin == head->end) {
        limbo_drop_head(limbo);
    }
}

void limbo_adopt(struct limbo *limbo, struct limbo *from) {
    if (from->head != NULL) {
        if (limbo->tail == NULL) {
            limbo->head = from->head;
        } else {
            limbo->tail->next = from->head;
        }
        limbo->tail = from->tail;
        limbo->count += from->count;
    }
    for (struct limbo_chunk *chunk; (chunk = limbo_remove_chunk(from, 0)) != NULL;) {
        limbo_add_chunk(limbo, chunk);
    }
    *from = (struct limbo){0};
}
