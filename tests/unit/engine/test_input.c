/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "input.h"
#include "riposte/random.h"

static struct bytes text(const char *string) {
    return bytes_from_string(string);
}

Test(input, borrows_what_comes_first) {
    struct input input = {0};
    struct bytes bytes = text("get a\r\n");
    cr_assert_eq(input_append(&input, bytes), 0);
    cr_assert_eq((const void *)input_bytes(&input).data, (const void *)bytes.data);
    input_consume(&input, bytes.size);
    cr_assert_eq(input_size(&input), 0);
    cr_assert_null(input.owned);
}

Test(input, grows_in_place_when_bytes_follow_in_memory) {
    struct input input = {0};
    const char *memory = "get a\r\nget b\r\n";
    input_append(&input, bytes_of(memory, 7));
    cr_assert(input_can_borrow(&input, memory + 7));
    input_append(&input, bytes_of(memory + 7, 7));
    cr_assert_eq(input_size(&input), 14);
    cr_assert_null(input.owned);
    input_discard(&input);
}

Test(input, copies_out_what_is_left_at_the_end_of_a_turn) {
    struct input input = {0};
    char buffer[] = "get abc";
    input_append(&input, bytes_of(buffer, 7));
    input_consume(&input, 4);
    cr_assert_eq(input_detach(&input), 0);
    memset(buffer, 'X', sizeof(buffer)); /* the kernel fills the buffer again */
    cr_assert(bytes_equal(input_bytes(&input), text("abc")));
    input_append(&input, text("d\r\n"));
    cr_assert(bytes_equal(input_bytes(&input), text("abcd\r\n")));
    input_consume(&input, 6);
    cr_assert_null(input.owned, "a connection without unread bytes owns no memory");
}

/* Appends `size` bytes that have to be copied, if `first_size` bytes stand before them and `borrowed` says how. */
static void expect_growth(size_t first_size, bool borrowed, size_t size) {
    static char first[70000], second[70000];
    struct input input = {0};
    input_append(&input, bytes_of(first, first_size));
    if (!borrowed) {
        input_detach(&input);
    }
    uint32_t capacity = input.owned_capacity;
    size_t growth = input_growth(&input, size);
    cr_assert_eq(input_append_copied(&input, bytes_of(second, size)), 0);
    cr_expect_eq(input.owned_capacity - capacity, growth, "%zu bytes, then %zu", first_size, size);
    input_discard(&input);
}

Test(input, says_by_how_much_it_will_grow_before_it_does) {
    static const size_t sizes[] = {1, 255, 256, 257, 4096, 4097, 32768, 65535, 65536, 65537};
    enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        expect_growth(sizes[i / COUNT], true, sizes[i % COUNT]);
        expect_growth(sizes[i / COUNT], false, sizes[i % COUNT]);
    }
}

Test(input, owns_at_most_a_quarter_more_than_what_is_unread_when_that_is_much) {
    static char piece[16384];
    struct input input = {0};
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(input_append_copied(&input, bytes_of(piece, sizeof(piece))), 0);
        size_t size = input_size(&input);
        if (size > 65536) {
            cr_expect_leq(input.owned_capacity, size + size / 4, "%zu bytes own %u", size,
                          input.owned_capacity);
        }
    }
    input_discard(&input);
}

Test(input, keeps_the_order_of_random_pieces) {
    const char *wanted = getenv("RIPOSTE_SEED");
    uint64_t seed = random_seed();
    if (wanted != NULL) {
        bytes_parse_u64(text(wanted), &seed);
    }
    printf("RIPOSTE_SEED=%llu\n", (unsigned long long)seed);
    struct random random = {.state = seed};
    struct input input = {0};
    unsigned char written = 0, read = 0;
    for (int turn = 0; turn < 20000; turn++) {
        char piece[300];
        size_t size = random_below(&random, sizeof(piece)) + 1;
        for (size_t i = 0; i < size; i++) {
            piece[i] = (char)written++;
        }
        cr_assert_eq(input_append(&input, bytes_of(piece, size)), 0);
        struct bytes unread = input_bytes(&input);
        size_t consumed = random_below(&random, unread.size + 1);
        for (size_t i = 0; i < consumed; i++) {
            cr_assert_eq((unsigned char)unread.data[i], read++);
        }
        input_consume(&input, consumed);
        cr_assert_eq(input_detach(&input), 0);
    }
    input_discard(&input);
}
