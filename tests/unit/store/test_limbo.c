/* SPDX-License-Identifier: MIT
 *
 * Limbo: order, room, and taking over another worker's.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "limbo.h"

static uint64_t things[4 * LIMBO_CHUNK_ENTRIES];

static void provide(struct limbo *limbo, size_t chunks_count) {
    while (chunks_count-- != 0) {
        limbo_add_chunk(limbo, malloc(LIMBO_CHUNK_SIZE));
    }
}

static void clear(struct limbo *limbo) {
    enum limbo_kind kind;
    while (limbo_look(limbo, 0, UINT64_MAX, &kind) != NULL) {
        limbo_drop(limbo, 0);
    }
    for (void *chunk; (chunk = limbo_remove_chunk(limbo, 0)) != NULL;) {
        free(chunk);
    }
}

Test(limbo, hands_out_in_the_order_of_retiring) {
    struct limbo limbo = {0};
    enum limbo_kind kind;
    provide(&limbo, 3);
    for (size_t i = 0; i < 2 * LIMBO_CHUNK_ENTRIES + 1; i++) {
        limbo_push(&limbo, &things[i], LIMBO_ITEM, 7);
    }
    for (size_t i = 0; i < 2 * LIMBO_CHUNK_ENTRIES + 1; i++) {
        cr_assert_eq(limbo_look(&limbo, 0, 7, &kind), &things[i]);
        cr_assert_eq(kind, LIMBO_ITEM);
        limbo_drop(&limbo, 0);
    }
    cr_expect_null(limbo_look(&limbo, 0, 7, &kind));
    cr_expect_eq(limbo.count, 0);
    clear(&limbo);
}

Test(limbo, keeps_what_is_not_due) {
    struct limbo limbo = {0};
    enum limbo_kind kind;
    provide(&limbo, 1);
    limbo_push(&limbo, &things[0], LIMBO_BUCKET, 5);
    limbo_push(&limbo, &things[1], LIMBO_TABLE, 6);
    cr_expect_null(limbo_look(&limbo, 0, 4, &kind));
    cr_expect_eq(limbo_look(&limbo, 0, 5, &kind), &things[0]);
    cr_expect_eq(kind, LIMBO_BUCKET);
    limbo_drop(&limbo, 0);
    cr_expect_null(limbo_look(&limbo, 0, 5, &kind));
    cr_expect_eq(limbo_look(&limbo, 0, 6, &kind), &things[1]);
    cr_expect_eq(kind, LIMBO_TABLE);
    clear(&limbo);
}

Test(limbo, knows_how_much_room_it_has) {
    struct limbo limbo = {0};
    cr_expect_eq(limbo_room(&limbo), 0);
    provide(&limbo, 2);
    for (size_t i = 0; i < 2 * LIMBO_CHUNK_ENTRIES; i++) {
        cr_assert_eq(limbo_room(&limbo), 2 * LIMBO_CHUNK_ENTRIES - i);
        limbo_push(&limbo, &things[i], LIMBO_ITEM, 1);
    }
    cr_expect_eq(limbo_room(&limbo), 0);
    clear(&limbo);
}

Test(limbo, lets_an_entry_go_round_with_one_spare_chunk) {
    struct limbo limbo = {0};
    enum limbo_kind kind;
    provide(&limbo, 2);
    for (size_t i = 0; i < LIMBO_CHUNK_ENTRIES; i++) {
        limbo_push(&limbo, &things[i], LIMBO_ITEM, 1);
    }
    for (size_t i = 0; i < 10 * LIMBO_CHUNK_ENTRIES; i++) {
        void *thing = limbo_look(&limbo, 0, 1, &kind);
        cr_assert_eq(thing, &things[i % LIMBO_CHUNK_ENTRIES]);
        limbo_drop(&limbo, 0);
        limbo_push(&limbo, thing, kind, 1);
    }
    clear(&limbo);
}

Test(limbo, takes_over_everything_of_another) {
    struct limbo limbo = {0}, other = {0};
    enum limbo_kind kind;
    provide(&limbo, 2);
    provide(&other, 2);
    limbo_push(&limbo, &things[0], LIMBO_ITEM, 9);
    limbo_push(&other, &things[1], LIMBO_ITEM, 1);
    limbo_push(&other, &things[2], LIMBO_ITEM, 2);
    limbo_adopt(&limbo, &other);
    cr_expect_eq(limbo.count, 3);
    cr_expect_eq(other.count, 0);
    cr_expect_null(other.head);
    cr_expect_null(limbo_look(&limbo, 0, 8, &kind)); /* the younger one is first: the others wait with it */
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(limbo_look(&limbo, 0, 9, &kind), &things[i]);
        limbo_drop(&limbo, 0);
    }
    clear(&limbo);
}

Test(limbo, takes_over_into_an_empty_one) {
    struct limbo limbo = {0}, other = {0};
    enum limbo_kind kind;
    provide(&other, 1);
    limbo_push(&other, &things[1], LIMBO_ITEM, 1);
    limbo_adopt(&limbo, &other);
    cr_expect_eq(limbo_look(&limbo, 0, 1, &kind), &things[1]);
    limbo_adopt(&limbo, &other); /* of nothing */
    cr_expect_eq(limbo.count, 1);
    clear(&limbo);
}

Test(limbo, can_skip_what_has_to_wait) {
    struct limbo limbo = {0};
    enum limbo_kind kind;
    provide(&limbo, 1);
    for (size_t i = 0; i < LIMBO_CHUNK_ENTRIES; i++) {
        limbo_push(&limbo, &things[i], LIMBO_ITEM, i < 40 ? 1 : 2);
    }
    for (size_t i = 1; i < 40; i++) { /* all that are due but the first */
        void *thing = limbo_look(&limbo, 1, 1, &kind);
        cr_assert(thing == &things[i]);
        limbo_drop(&limbo, 1);
    }
    cr_expect_null(limbo_look(&limbo, 1, 1, &kind));
    cr_expect_eq(limbo_look(&limbo, 0, 1, &kind), &things[0]);
    cr_expect_eq(limbo.count, LIMBO_CHUNK_ENTRIES - 39);
    cr_expect_null(limbo_look(&limbo, LIMBO_CHUNK_ENTRIES - 39, 9, &kind), "the chunk ends there");
    clear(&limbo);
}
