/* SPDX-License-Identifier: MIT
 *
 * reply: the chunks and pieces behind include/riposte/reply.h, where the layout is drawn, and the pool that the
 * chunks come from.
 *
 * Invariants, for every chunk: data of its copied pieces lies below `at` (or the chunk is closed), at <=
 * lowest piece, piece_first <= piece_count; over a reply: unsent_size is the sum of all pieces. While the reply is open
 * its newest piece ends at `at`, and its size is written when somebody needs it (reply_settle): a commit is two sums. A reply with
 * nothing unsent holds no memory, so an idle connection costs nothing here.
 */
#include "reply.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "riposte/check.h"
#include "riposte/reply.h"

/*
 * One run to be sent: the chunk's own bytes (release is NULL), pinned ones, or those of a file (release is
 * reply_release_file). What is sent of the oldest one is cut off at its front.
 */
struct reply_piece {
    union {
        const char *data;
        uint64_t offset; /* in the file */
    };
    size_t size;
    void (*release)(void *owner);
    void *owner;
};

static_assert(CHUNK_FIRST_SIZE % 8 == 0 && CHUNK_NEXT_SIZE % 8 == 0,
              "pieces at a chunk's end must be aligned");
static_assert(CHUNK_NEXT_SIZE >= REPLY_RESERVE_SIZE_MAX + 2 * sizeof(struct reply_piece),
              "a reserve must fit a fresh chunk");

/*
 * Where answers go that nobody will get (closing, broken): callers of reply_reserve need no error path. Its
 * bytes are never read.
 */
static _Thread_local char reply_scratch[REPLY_RESERVE_SIZE_MAX];

/* Bytes that a chunk takes, its header included. */
static uint32_t chunk_size(const struct reply_chunk *chunk) {
    return (uint32_t)sizeof(*chunk) + chunk->memory_size;
}

static struct reply_piece *chunk_piece(struct reply_chunk *chunk, uint32_t index) {
    return (struct reply_piece *)(void *)(chunk->memory + chunk->memory_size) - 1 - index;
}

/* The bytes between `at` and the lowest piece. */
static size_t reply_room(const struct reply *reply) {
    struct reply_chunk *chunk = reply->last;
    return (size_t)(chunk->memory + chunk->memory_size - chunk->piece_count * sizeof(struct reply_piece) -
                    reply->at);
}

/* end leaves room for one more piece, which the next commit may need; it never lies below `at`. */
static void reply_set_end(struct reply *reply) {
    size_t room = reply_room(reply);
    size_t spare = sizeof(struct reply_piece);
    reply->end = reply->at + (room > spare ? room - spare : 0);
}

/* The size of the newest piece, if it has grown. */
static inline void reply_settle(const struct reply *reply) {
    if (reply->open) {
        assert(reply->last != NULL); /* the open piece lies in the newest chunk */
        struct reply_piece *newest = chunk_piece(reply->last, reply->last->piece_count - 1);
        newest->size = (size_t)(reply->at - newest->data);
    }
}

static __attribute__((noinline)) bool reply_open_chunk(struct reply *reply, size_t size) {
    size_t needed = size + 2 * sizeof(struct reply_piece);
    bool first = reply->last == NULL && needed <= CHUNK_FIRST_SIZE;
    struct reply_chunk *chunk = reply_pool_take(reply->pool, first ? CHUNK_FIRST_SIZE : CHUNK_NEXT_SIZE);
    reply_settle(reply);
    reply->open = false;
    if (unlikely(chunk == NULL)) {
        reply->broken = true;
        return false;
    }
    reply->memory_size += chunk_size(chunk);
    chunk->next = NULL;
    chunk->piece_first = 0;
    chunk->piece_count = 0;
    if (reply->last != NULL) {
        reply->last->next = chunk;
    } else {
        reply->first = chunk;
    }
    reply->last = chunk;
    reply->at = chunk->memory;
    reply_set_end(reply);
    return true;
}

char *reply_reserve_slow(struct reply *reply, size_t size) {
    if (reply->closing || reply->broken || !reply_open_chunk(reply, size)) {
        return reply_scratch;
    }
    return reply->at;
}

static inline_always void reply_push_piece(struct reply *reply, struct reply_piece piece) {
    assert(reply_room(reply) >= sizeof(piece));
    reply_settle(reply);
    reply->last->piece_count++;
    *chunk_piece(reply->last, reply->last->piece_count - 1) = piece;
    reply->open = piece.release == NULL;
    reply_set_end(reply);
}

void reply_commit_slow(struct reply *reply, size_t size) {
    if (unlikely(reply->closing || reply->broken || size == 0)) {
        return;
    }
    assert(size <= reply_room(reply));
    char *data = reply->at;
    reply->at += size;
    reply->unsent_size += size;
    reply_push_piece(reply, (struct reply_piece){.data = data, .size = size});
}

struct reply_room reply_room_more(struct reply_room room, struct reply *reply, size_t size) {
    struct reply_room none = reply_room_commit(room, reply);
    return reply_full(reply) ? none : reply_room_take(reply, size);
}

void reply_copy(struct reply *reply, struct bytes bytes) {
    while (bytes.size > 0 && !reply->closing && !reply->broken) {
        size_t room = reply->at == NULL ? 0 : (size_t)(reply->end - reply->at);
        size_t wanted = bytes.size < REPLY_RESERVE_SIZE_MAX ? bytes.size : REPLY_RESERVE_SIZE_MAX;
        size_t part = room >= wanted || room >= REPLY_RESERVE_SIZE_MAX / 4 ? room : 0;
        if (part == 0) {
            reply_reserve_slow(reply, wanted);
            continue;
        }
        part = part < bytes.size ? part : bytes.size;
        memcpy(reply->at, bytes.data, part);
        reply_commit(reply, part);
        bytes = bytes_of(bytes.data + part, bytes.size - part);
    }
}

void reply_pin(struct reply *reply, struct bytes bytes, void (*release)(void *owner), void *owner) {
    bool room = reply->at != NULL && reply_room(reply) >= sizeof(struct reply_piece);
    if (reply->closing || reply->broken || bytes.size == 0 || (!room && !reply_open_chunk(reply, 0))) {
        release(owner);
        return;
    }
    reply->unsent_size += bytes.size;
    struct reply_piece piece = {.data = bytes.data, .size = bytes.size, .release = release, .owner = owner};
    reply_push_piece(reply, piece);
}

/* The file that a piece owns a part of. */
static void reply_release_file(void *owner) {
    struct reply_file *file = owner;
    file->release(file);
}

static bool piece_is_file(const struct reply_piece *piece) {
    return piece->release == reply_release_file;
}

void reply_send_file(struct reply *reply, struct reply_file *file, uint64_t offset, size_t size) {
    assert(!reply->has_file); /* reply_full has said so */
    bool room = reply->at != NULL && reply_room(reply) >= sizeof(struct reply_piece);
    if (reply->closing || reply->broken || size == 0 || (!room && !reply_open_chunk(reply, 0))) {
        file->release(file);
        return;
    }
    reply->unsent_size += size;
    reply->has_file = true;
    reply_push_piece(
        reply,
        (struct reply_piece){.offset = offset, .size = size, .release = reply_release_file, .owner = file});
}

void reply_limit(struct reply *reply, uint32_t size) {
    reply->unsent_size_lower = size;
    if (size > 0 && size < reply->unsent_size_max) {
        reply->unsent_size_max = size;
    }
}

void reply_close(struct reply *reply) {
    reply_settle(reply);
    reply->open = false; /* what comes is dropped */
    reply->closing = true;
}

void reply_close_error(struct reply *reply) {
    reply->closing_error = true;
    reply_close(reply);
}

unsigned reply_iov(const struct reply *reply, struct iovec *iov, unsigned iov_count_max, size_t *size) {
    unsigned count = 0;
    *size = 0;
    reply_settle(reply);
    for (struct reply_chunk *chunk = reply->first; chunk != NULL; chunk = chunk->next) {
        for (uint32_t i = chunk->piece_first; i < chunk->piece_count; i++) {
            if (count == iov_count_max) {
                return count;
            }
            const struct reply_piece *piece = chunk_piece(chunk, i);
            if (unlikely(piece_is_file(piece))) {
                return count;
            }
            iov[count].iov_base = (void *)(uintptr_t)piece->data;
            iov[count].iov_len = piece->size;
            *size += piece->size;
            count++;
        }
    }
    return count;
}

struct reply_file *reply_first_file(const struct reply *reply, uint64_t *offset, size_t *size) {
    if (!reply->has_file || reply->first == NULL) {
        return NULL;
    }
    const struct reply_piece *piece = chunk_piece(reply->first, reply->first->piece_first);
    if (!piece_is_file(piece)) {
        return NULL;
    }
    *offset = piece->offset;
    *size = piece->size;
    return piece->owner;
}

static struct reply_piece *reply_first_piece(const struct reply *reply) {
    return reply->first == NULL ? NULL : chunk_piece(reply->first, reply->first->piece_first);
}

bool reply_first_pinned(const struct reply *reply, struct reply_pinned *pinned) {
    const struct reply_piece *piece = reply_first_piece(reply);
    if (piece == NULL || piece->release == NULL || piece_is_file(piece)) {
        return false;
    }
    *pinned = (struct reply_pinned){
        .bytes = bytes_of(piece->data, piece->size), .release = piece->release, .owner = piece->owner};
    return true;
}

void reply_take_pinned(struct reply *reply) {
    struct reply_piece *piece = reply_first_piece(reply);
    piece->release = NULL;
    reply_sent(reply, piece->size);
}

static void reply_keep_pin(void *owner) {
    (void)owner; /* it is another reply's */
}

static void piece_lend(struct reply_piece *piece, struct reply *to, void (*given)(void *owner)) {
    if (piece_is_file(piece)) {
        piece->release = NULL;
        reply_send_file(to, piece->owner, piece->offset, piece->size);
        return;
    }
    bool goes = piece->release != NULL && piece->release == given;
    piece->release = goes ? NULL : piece->release;
    reply_pin(to, bytes_of(piece->data, piece->size), goes ? given : reply_keep_pin, piece->owner);
}

bool reply_lend(struct reply *from, struct reply *to, void (*given)(void *owner)) {
    reply_settle(from);
    for (struct reply_chunk *chunk = from->first; chunk != NULL; chunk = chunk->next) {
        for (uint32_t i = chunk->piece_first; i < chunk->piece_count; i++) {
            piece_lend(chunk_piece(chunk, i), to, given);
        }
    }
    return !to->broken;
}

/* Cuts off what was sent of it: less than all. */
static void piece_advance(struct reply_piece *piece, size_t size) {
    piece->size -= size;
    if (piece_is_file(piece)) {
        piece->offset += size;
    } else {
        piece->data += size;
    }
}

/* Takes up to `size` bytes off the chunk's oldest pieces; returns how many were there. */
static size_t chunk_sent(struct reply_chunk *chunk, size_t size) {
    size_t taken = 0;
    while (chunk->piece_first < chunk->piece_count) {
        struct reply_piece *piece = chunk_piece(chunk, chunk->piece_first);
        if (size - taken < piece->size) {
            piece_advance(piece, size - taken);
            return size;
        }
        taken += piece->size;
        chunk->piece_first++;
        if (piece->release != NULL) {
            piece->release(piece->owner);
        }
    }
    return taken;
}

/* Nothing in the chunk is needed any more. */
static inline void chunk_release(struct reply_chunk *chunk) {
    for (uint32_t i = chunk->piece_first; i < chunk->piece_count; i++) {
        const struct reply_piece *piece = chunk_piece(chunk, i);
        if (unlikely(piece->release != NULL)) {
            piece->release(piece->owner);
        }
    }
}

static void reply_free_first(struct reply *reply) {
    struct reply_chunk *chunk = reply->first;
    reply->first = chunk->next;
    reply->memory_size -= chunk_size(chunk);
    reply_pool_give(reply->pool, chunk);
    if (reply->first == NULL) {
        reply->last = NULL;
        reply->at = NULL;
        reply->end = NULL;
        reply->open = false;
        reply->has_file = false;
    }
}

void reply_discard(struct reply *reply) {
    reply->unsent_size = 0;
    while (reply->first != NULL) {
        chunk_release(reply->first);
        reply_free_first(reply);
    }
}

/* Some of it, not all. */
static __attribute__((noinline)) void reply_sent_part(struct reply *reply, size_t size) {
    reply_settle(reply);
    reply->unsent_size -= size;
    while (reply->first != NULL) {
        size -= chunk_sent(reply->first, size);
        if (reply->first->piece_first < reply->first->piece_count) {
            break;
        }
        reply_free_first(reply);
    }
    assert(size == 0 && reply->first != NULL);
}

void reply_sent(struct reply *reply, size_t size) {
    assert(size <= reply->unsent_size);
    if (likely(size == reply->unsent_size)) {
        reply_discard(reply);
    } else {
        reply_sent_part(reply, size);
    }
}

/* --- the pool ---------------------------------------------------------------------------------------- */

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
        pool->lent_size += chunk_size(chunk);
    }
    return chunk;
}

void reply_pool_give(struct reply_pool *pool, struct reply_chunk *chunk) {
    bool kept = false;
    if (likely(pool != NULL)) {
        pool->lent_size -= chunk_size(chunk);
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
