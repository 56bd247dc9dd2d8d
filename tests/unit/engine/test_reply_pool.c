/* SPDX-License-Identifier: MIT */
#include "reply_pool.h"

#include <criterion/criterion.h>

#include "riposte/reply.h"

enum { TAKEN_MAX = REPLY_POOL_FIRST_MAX + 1 };

Test(reply_pool, hands_out_what_was_given_back_last) {
    struct reply_pool pool = {0};
    struct reply_chunk *one = reply_pool_take(&pool, CHUNK_FIRST_SIZE);
    struct reply_chunk *other = reply_pool_take(&pool, CHUNK_FIRST_SIZE);
    reply_pool_give(&pool, one);
    reply_pool_give(&pool, other);
    cr_assert_eq(reply_pool_take(&pool, CHUNK_FIRST_SIZE), other);
    cr_assert_eq(reply_pool_take(&pool, CHUNK_FIRST_SIZE), one);
    reply_pool_give(&pool, one);
    reply_pool_give(&pool, other);
    reply_pool_deinit(&pool);
}

Test(reply_pool, keeps_sizes_apart) {
    struct reply_pool pool = {0};
    reply_pool_give(&pool, reply_pool_take(&pool, CHUNK_NEXT_SIZE));
    struct reply_chunk *first = reply_pool_take(&pool, CHUNK_FIRST_SIZE);
    cr_assert_eq(first->memory_size, CHUNK_FIRST_SIZE);
    cr_assert_eq(pool.next_count, 1);
    struct reply_chunk *next = reply_pool_take(&pool, CHUNK_NEXT_SIZE);
    cr_assert_eq(next->memory_size, CHUNK_NEXT_SIZE);
    cr_assert_eq(pool.next_count, 0);
    reply_pool_give(&pool, first);
    reply_pool_give(&pool, next);
    reply_pool_deinit(&pool);
}

/* Takes `taken` chunks, gives all back, and tells how many of them were kept. */
static uint32_t kept_of(size_t memory_size, unsigned taken) {
    struct reply_pool pool = {0};
    struct reply_chunk *chunks[TAKEN_MAX];
    for (unsigned i = 0; i < taken; i++) {
        chunks[i] = reply_pool_take(&pool, memory_size);
        cr_assert_not_null(chunks[i]);
    }
    for (unsigned i = 0; i < taken; i++) {
        reply_pool_give(&pool, chunks[i]);
    }
    uint32_t kept = pool.first_count + pool.next_count;
    reply_pool_deinit(&pool);
    cr_assert_eq(pool.first_count + pool.next_count, 0);
    cr_assert_null(pool.first);
    cr_assert_null(pool.next);
    return kept;
}

Test(reply_pool, keeps_its_limit_and_frees_one_more) {
    cr_assert_eq(kept_of(CHUNK_FIRST_SIZE, REPLY_POOL_FIRST_MAX), REPLY_POOL_FIRST_MAX);
    cr_assert_eq(kept_of(CHUNK_FIRST_SIZE, REPLY_POOL_FIRST_MAX + 1), REPLY_POOL_FIRST_MAX);
    cr_assert_eq(kept_of(CHUNK_NEXT_SIZE, REPLY_POOL_NEXT_MAX), REPLY_POOL_NEXT_MAX);
    cr_assert_eq(kept_of(CHUNK_NEXT_SIZE, REPLY_POOL_NEXT_MAX + 1), REPLY_POOL_NEXT_MAX);
}

Test(reply_pool, can_be_done_without) {
    struct reply_chunk *chunk = reply_pool_take(NULL, CHUNK_FIRST_SIZE);
    cr_assert_eq(chunk->memory_size, CHUNK_FIRST_SIZE);
    reply_pool_give(NULL, chunk);
}

Test(reply_pool, gets_back_the_chunks_of_a_reply_that_was_sent_or_dropped) {
    struct reply_pool pool = {0};
    struct reply reply = {.unsent_size_max = 1 << 20, .pool = &pool};
    reply_copy_string(&reply, "one");
    reply_sent(&reply, 3);
    cr_assert_eq(pool.first_count, 1);
    reply_copy_string(&reply, "two");
    cr_assert_eq(pool.first_count, 0);
    reply_discard(&reply);
    cr_assert_eq(pool.first_count, 1);
    reply_pool_deinit(&pool);
}
