/* SPDX-License-Identifier: MIT
 *
 * The table of flushed prefixes: the longest prefix of a key is found, whatever else is in it.
 */
#include "fixture.h"

#include "flush_table.h"

static struct flush_table *with(struct flush_table *old, struct bytes prefix, uint64_t number) {
    struct flush_row *row;
    void *block = malloc(flush_table_size_with(old, prefix));
    struct flush_table *table = flush_table_make_with(block, old, prefix, &row);
    row->number = number;
    cr_expect_leq(table->size, flush_table_size_with(old, prefix));
    free(old);
    return table;
}

static uint64_t find(const struct flush_table *table, const char *key) {
    return flush_table_find(table, text(key));
}

Test(flush_table, finds_prefixes_of_a_key_only) {
    struct flush_table *table = with(NULL, text("user:42:"), 7);
    table = with(table, text("user:5"), 8);
    cr_expect_eq(find(table, "user:42:"), 7);
    cr_expect_eq(find(table, "user:42:name"), 7);
    cr_expect_eq(find(table, "user:42"), 0);
    cr_expect_eq(find(table, "user:43:"), 0);
    cr_expect_eq(find(table, "user:57"), 8);
    cr_expect_eq(find(table, "a"), 0);
    cr_expect_eq(find(table, "z"), 0);
    free(table);
}

Test(flush_table, the_longest_prefix_tells_the_last_flush) {
    struct flush_table *table = with(NULL, text("a"), 1);
    table = with(table, text("abc"), 2);
    table = with(table, text("abcde"), 3);
    table = with(table, text("abx"), 4);
    cr_expect_eq(find(table, "a"), 1);
    cr_expect_eq(find(table, "abd"), 1);
    cr_expect_eq(find(table, "abcd"), 2);
    cr_expect_eq(find(table, "abcdz"), 2);
    cr_expect_eq(find(table, "abcdef"), 3);
    cr_expect_eq(find(table, "abxyz"), 4);
    cr_expect_eq(find(table, "ab"), 1);
    free(table);
}

Test(flush_table, a_shorter_prefix_takes_the_place_of_longer_ones) {
    struct flush_table *table = with(NULL, text("ab1"), 1);
    table = with(table, text("ab2"), 2);
    table = with(table, text("ac"), 3);
    table = with(table, text("ab"), 4);
    cr_expect_eq(table->count, 2);
    cr_expect_eq(find(table, "ab1"), 4);
    cr_expect_eq(find(table, "ac"), 3);
    table = with(table, text("ab"), 5);
    cr_expect_eq(table->count, 2);
    cr_expect_eq(find(table, "ab"), 5);
    free(table);
}

Test(flush_table, without_the_older_rows_the_newer_are_found) {
    struct flush_table *table = with(NULL, text("a"), 1);
    table = with(table, text("ab"), 2);
    table = with(table, text("abc"), 3);
    void *block = malloc(flush_table_size_above(table, 2));
    struct flush_table *newer = flush_table_make_above(block, table, 2);
    cr_expect_eq(newer->count, 1);
    cr_expect_eq(find(newer, "abcd"), 3);
    cr_expect_eq(find(newer, "ab"), 0);
    free(newer);
    free(table);
}

Test(flush_table, takes_any_bytes_and_the_longest_key) {
    char key[STORE_KEY_SIZE_MAX];
    memset(key, 0xff, sizeof(key));
    struct flush_table *table = with(NULL, bytes_of(key, sizeof(key)), 9);
    table = with(table, bytes_of("\0", 1), 10);
    cr_expect_eq(flush_table_find(table, bytes_of(key, sizeof(key))), 9);
    cr_expect_eq(flush_table_find(table, bytes_of(key, sizeof(key) - 1)), 0);
    cr_expect_eq(flush_table_find(table, bytes_of("\0\0", 2)), 10);
    free(table);
}

enum { PLAIN_MAX = 400 };

/* The same by the simplest means: every flush in order, the last that meets the key. */
struct plain {
    char texts[PLAIN_MAX][8];
    size_t sizes[PLAIN_MAX];
    unsigned count;
};

static struct bytes random_text(struct random *random, char text[8]) {
    size_t size = 1 + random_below(random, 7);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + random_below(random, 3));
    }
    return bytes_of(text, size);
}

static uint64_t plain_find(const struct plain *plain, struct bytes key) {
    for (unsigned i = plain->count; i > 0; i--) {
        if (plain->sizes[i - 1] <= key.size &&
            memcmp(plain->texts[i - 1], key.data, plain->sizes[i - 1]) == 0) {
            return i;
        }
    }
    return 0;
}

Test(flush_table, agrees_with_a_list_of_all_flushes) {
    struct random random = fixture_random();
    struct plain plain = {.count = 0};
    struct flush_table *table = NULL;
    for (unsigned i = 0; i < PLAIN_MAX; i++) {
        struct bytes prefix = random_text(&random, plain.texts[i]);
        plain.sizes[i] = prefix.size;
        plain.count = i + 1;
        table = with(table, prefix, plain.count);
        for (unsigned j = 0; j < 50; j++) {
            char own[8];
            struct bytes key = random_text(&random, own);
            cr_assert_eq(flush_table_find(table, key), plain_find(&plain, key), "after %u flushes: %.*s",
                         i + 1, (int)key.size, key.data);
        }
    }
    free(table);
}
