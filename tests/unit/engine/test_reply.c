/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "riposte/random.h"
#include "riposte/reply.h"

static struct reply reply_empty(void) {
    return (struct reply){.unsent_size_max = 1 << 20};
}

static int files_released;

static void file_release(struct reply_file *file) {
    (void)file;
    files_released++;
}

Test(reply, stops_at_a_file_and_goes_on_behind_it) {
    struct reply reply = reply_empty();
    struct reply_file file = {.fd = 3, .release = file_release};
    struct iovec pieces[4];
    uint64_t offset;
    size_t size;
    cr_assert_null(reply_first_file(&reply, &offset, &size));
    reply_copy_string(&reply, "head");
    reply_send_file(&reply, &file, 5000000000, 6000000000);
    reply_copy_string(&reply, "tail");
    cr_assert_eq(reply.unsent_size, 6000000008);
    cr_assert_eq(reply_iov(&reply, pieces, 4, &size), 1);
    cr_assert_eq(size, 4);
    cr_assert_null(reply_first_file(&reply, &offset, &size));
    reply_sent(&reply, 4);
    cr_assert_eq(reply_iov(&reply, pieces, 4, &size), 0);
    cr_assert_eq(reply_first_file(&reply, &offset, &size), &file);
    cr_assert(offset == 5000000000 && size == 6000000000);
    reply_sent(&reply, 5999999999);
    cr_assert_eq(reply_first_file(&reply, &offset, &size), &file);
    cr_assert(offset == 10999999999 && size == 1);
    cr_assert_eq(files_released, 0);
    reply_sent(&reply, 1);
    cr_assert_eq(files_released, 1);
    cr_assert_eq(reply_iov(&reply, pieces, 4, &size), 1);
    cr_assert_eq(memcmp(pieces[0].iov_base, "tail", 4), 0);
    cr_assert(reply.has_file);
    reply_sent(&reply, 4);
    cr_assert_not(reply.has_file);
}

Test(reply, releases_a_file_that_nobody_will_get) {
    struct reply reply = reply_empty();
    struct reply_file file = {.fd = 3, .release = file_release};
    reply_send_file(&reply, &file, 0, 0);
    cr_assert_eq(files_released, 1);
    cr_assert_null(reply.first);
    reply_send_file(&reply, &file, 0, 10);
    reply_discard(&reply);
    cr_assert_eq(files_released, 2);
    reply_copy_string(&reply, "bye");
    reply_close(&reply);
    reply_send_file(&reply, &file, 0, 10);
    cr_assert_eq(files_released, 3);
    cr_assert_eq(reply.unsent_size, 3);
    reply_discard(&reply);
}

/* All unsent bytes, in one buffer of `capacity`; returns how many. */
static size_t reply_flatten(const struct reply *reply, char *memory, size_t capacity) {
    struct iovec pieces[4096];
    size_t total;
    unsigned count = reply_iov(reply, pieces, 4096, &total);
    cr_assert_eq(total, reply->unsent_size);
    cr_assert_leq(total, capacity);
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(memory + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    return at;
}

static void count_release(void *owner) {
    (*(int *)owner)++;
}

Test(reply, holds_no_memory_while_empty) {
    struct reply reply = reply_empty();
    reply_copy_string(&reply, "STORED\r\n");
    cr_assert_eq(reply.unsent_size, 8);
    reply_sent(&reply, 8);
    cr_assert_null(reply.first);
    cr_assert_null(reply.at);
}

Test(reply, gathers_small_answers_into_one_piece) {
    struct reply reply = reply_empty();
    for (int i = 0; i < 16; i++) {
        char *room = reply_reserve(&reply, 100);
        memcpy(room, "HD\r\n", 4);
        reply_commit(&reply, 4);
    }
    struct iovec pieces[4];
    size_t size;
    cr_assert_eq(reply_iov(&reply, pieces, 4, &size), 1);
    cr_assert_eq(size, 64);
    reply_discard(&reply);
}

Test(reply, sends_pinned_bytes_from_where_they_are_and_releases_them_once_taken) {
    struct reply reply = reply_empty();
    int released = 0;
    const char *value = "a large value";
    reply_copy_string(&reply, "VA 13\r\n");
    reply_pin(&reply, bytes_from_string(value), count_release, &released);
    reply_copy_string(&reply, "\r\n");
    struct iovec pieces[4];
    size_t size;
    cr_assert_eq(reply_iov(&reply, pieces, 4, &size), 3);
    cr_assert_eq((const void *)pieces[1].iov_base, (const void *)value);
    reply_sent(&reply, 19);
    cr_assert_eq(released, 0, "one byte of it is still to be sent");
    reply_sent(&reply, 1);
    cr_assert_eq(released, 1);
    reply_sent(&reply, 2);
    cr_assert_null(reply.first);
}

Test(reply, releases_every_pin_when_it_is_dropped) {
    struct reply reply = reply_empty();
    int released = 0;
    for (int i = 0; i < 1000; i++) {
        reply_pin(&reply, bytes_from_string("x"), count_release, &released);
    }
    reply_discard(&reply);
    cr_assert_eq(released, 1000);
}

Test(reply, releases_a_pin_at_once_when_nobody_will_get_it) {
    struct reply reply = reply_empty();
    int released = 0;
    reply_close(&reply);
    reply_pin(&reply, bytes_from_string("x"), count_release, &released);
    reply_pin(&reply, bytes_of(NULL, 0), count_release, &released);
    cr_assert_eq(released, 2);
    reply_copy_string(&reply, "dropped");
    cr_assert_eq(reply.unsent_size, 0);
    cr_assert_null(reply.first);
}

Test(reply, is_full_at_its_bound_and_not_one_byte_below) {
    struct reply reply = {.unsent_size_max = 10};
    reply_copy_string(&reply, "123456789");
    cr_assert_not(reply_full(&reply));
    reply_copy_string(&reply, "0");
    cr_assert(reply_full(&reply));
    reply_discard(&reply);
}

Test(reply, keeps_bytes_and_order_through_random_writes_and_short_sends) {
    const char *wanted = getenv("RIPOSTE_SEED");
    uint64_t seed = random_seed();
    if (wanted != NULL) {
        bytes_parse_u64(bytes_from_string(wanted), &seed);
    }
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)seed);
    struct random random = {.state = seed};
    enum { MODEL_SIZE = 1 << 22, PIN_SIZE = 70000 };
    char *model = malloc(MODEL_SIZE), *got = malloc(MODEL_SIZE), *pinned = malloc(PIN_SIZE);
    size_t model_size = 0, model_sent = 0;
    int pins = 0, released = 0;
    for (size_t i = 0; i < PIN_SIZE; i++) {
        pinned[i] = (char)random_next(&random);
    }
    struct reply reply = reply_empty();
    for (int step = 0; step < 5000 && model_size < MODEL_SIZE - PIN_SIZE; step++) {
        size_t size = random_below(&random, random_below(&random, 8) == 0 ? 40000 : 200);
        switch (random_below(&random, 4)) {
        case 0:
            reply_copy(&reply, bytes_of(pinned, size));
            break;
        case 1:
            reply_pin(&reply, bytes_of(pinned, size), count_release, &released);
            pins++;
            break;
        case 2:
            size = size % REPLY_RESERVE_SIZE_MAX + 1;
            memcpy(reply_reserve(&reply, REPLY_RESERVE_SIZE_MAX), pinned, size);
            reply_commit(&reply, size);
            break;
        default:
            size = 0;
            break;
        }
        memcpy(model + model_size, pinned, size);
        model_size += size;
        cr_assert_eq(reply.unsent_size, model_size - model_sent);
        size_t sent = random_below(&random, reply.unsent_size + 1);
        cr_assert_eq(reply_flatten(&reply, got, MODEL_SIZE), model_size - model_sent);
        cr_assert(memcmp(got, model + model_sent, model_size - model_sent) == 0);
        reply_sent(&reply, sent);
        model_sent += sent;
    }
    reply_discard(&reply);
    cr_assert_eq(released, pins);
    free(model);
    free(got);
    free(pinned);
}

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

/* --- rooms ---------------------------------------------------------------------------------------------------- */

static void room_write(struct reply_room *room, const char *text) {
    memcpy(room->at, text, strlen(text));
    room->at += strlen(text);
}

static void expect_first(const struct reply *reply, const char *text) {
    struct iovec piece;
    size_t size;
    cr_assert_eq(reply_iov(reply, &piece, 1, &size), 1);
    cr_assert_eq(size, strlen(text));
    cr_assert_eq(memcmp(piece.iov_base, text, size), 0);
}

Test(reply_room, what_is_written_goes_out_when_it_is_committed) {
    struct reply reply = reply_empty();
    reply_copy_string(&reply, "before ");
    struct reply_room room = reply_room_take(&reply, 10);
    cr_assert(reply_room_has(room, 10));
    room_write(&room, "one ");
    room_write(&room, "two ");
    cr_assert_eq(reply.unsent_size, 7);
    room = reply_room_commit(room, &reply);
    cr_assert_not(reply_room_has(room, 1));
    reply_copy_string(&reply, "behind");
    expect_first(&reply, "before one two behind");
    reply_discard(&reply);
}

Test(reply_room, nothing_written_is_nothing) {
    struct reply reply = reply_empty();
    reply_room_commit(reply_room_take(&reply, REPLY_RESERVE_SIZE_MAX), &reply);
    cr_assert_eq(reply.unsent_size, 0);
    cr_assert_null(reply_room_commit((struct reply_room){NULL, NULL}, &reply).at);
    reply_discard(&reply);
}

Test(reply_room, ends_at_the_bound_but_holds_what_was_asked_for) {
    struct reply reply = reply_empty();
    reply.unsent_size_max = 100;
    struct reply_room room = reply_room_take(&reply, 40);
    cr_assert_eq(room.end - room.at, 100);
    room.at += 99;
    room = reply_room_more(room, &reply, 40);
    cr_assert_eq(reply.unsent_size, 99);
    cr_assert_eq(room.end - room.at, 40);
    room.at += 1;
    room = reply_room_more(room, &reply, 40);
    cr_assert_null(room.at);
    cr_assert_eq(reply.unsent_size, 100);
    reply_discard(&reply);
}

Test(reply_room, there_is_none_where_nobody_gets_anything) {
    struct reply reply = reply_empty();
    struct reply_room room = reply_room_take(&reply, 1);
    room_write(&room, "bye");
    room = reply_room_commit(room, &reply);
    reply_close(&reply);
    cr_assert_null(reply_room_more(room, &reply, 1).at);
    cr_assert_null(reply_room_take(&reply, 1).at);
    expect_first(&reply, "bye");
    reply_discard(&reply);
    struct reply broken = reply_empty();
    reply_break(&broken);
    cr_assert_null(reply_room_take(&broken, 1).at);
}

Test(reply_room, goes_on_in_the_next_chunk) {
    struct reply reply = reply_empty();
    struct reply_room room = reply_room_take(&reply, 1);
    size_t written = 0;
    for (int i = 0; i < 10000; i++) {
        if (!reply_room_has(room, 7)) {
            room = reply_room_more(room, &reply, 7);
        }
        memcpy(room.at, "1234567", 7);
        room.at += 7;
        written += 7;
    }
    reply_room_commit(room, &reply);
    cr_assert_eq(reply.unsent_size, written);
    reply_sent(&reply, written - 7);
    expect_first(&reply, "1234567");
    reply_discard(&reply);
}
