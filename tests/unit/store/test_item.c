/* SPDX-License-Identifier: MIT
 *
 * The layout of an item: every combination of its optional parts, at the smallest and largest sizes.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "item.h"

enum { PART_EXPIRY = 1, PART_FLAGS = 2, PART_CAS = 4, PARTS = 8 };

static const uint64_t own_cas = UINT64_C(0x1122334455667788);

static struct item *make(size_t key_size, size_t value_size, unsigned parts) {
    char key[STORE_KEY_SIZE_MAX];
    memset(key, 'k', sizeof(key));
    const struct item_form form = {.key = bytes_of(key, key_size),
                                   .value_size = value_size,
                                   .client_flags = (parts & PART_FLAGS) != 0 ? 0xfeedface : 0,
                                   .expires_tick = (parts & PART_EXPIRY) != 0 ? 77 : STORE_EXPIRES_NEVER,
                                   .cas = (parts & PART_CAS) != 0 ? own_cas : 0};
    size_t size = item_form_size(&form);
    struct item *item = item_init(malloc(size), &form);
    cr_assert_eq(item_size(item), size);
    return item;
}

Test(item, has_8_bytes_before_its_key_unless_it_needs_more) {
    struct item_form form = {.key = bytes_from_string("k"), .value_size = 0};
    cr_expect_eq(item_form_size(&form), 8 + 1 + 2);
    form.value_size = 16383;
    cr_expect_eq(item_form_size(&form), 8 + 1 + 16383 + 2);
    form.value_size = 16384;
    cr_expect_eq(item_form_size(&form), 8 + 4 + 1 + 16384 + 2);
    form.client_flags = 1;
    cr_expect_eq(item_form_size(&form), 8 + 8 + 1 + 16384 + 2);
    form.expires_tick = 5;
    cr_expect_eq(item_form_size(&form), 8 + 12 + 1 + 16384 + 2);
    form.cas = 1;
    cr_expect_eq(item_form_size(&form), 8 + 20 + 1 + 16384 + 2);
}

Test(item, extra_bytes_are_the_sum_of_what_the_marks_stand_for) {
    for (unsigned marks = 0; marks <= ITEM_MARKS_MASK; marks++) {
        size_t size = ((marks & ITEM_HAS_EXPIRY) != 0 ? 4u : 0u) + ((marks & ITEM_HAS_SIZE) != 0 ? 4u : 0u) +
                      ((marks & ITEM_HAS_FLAGS) != 0 ? 4u : 0u) + ((marks & ITEM_HAS_CAS) != 0 ? 8u : 0u);
        cr_assert_eq(item_extra_size(marks), size, "marks %x", marks);
    }
}

Test(item, keeps_its_parts_apart) {
    static const size_t key_sizes[] = {1, 7, 8, 9, 250};
    static const size_t value_sizes[] = {0, 1, 100, 16383, 16384, 1 << 20};
    for (size_t k = 0; k < 5; k++) {
        for (size_t v = 0; v < 6; v++) {
            for (unsigned parts = 0; parts < PARTS; parts++) {
                struct item *item = make(key_sizes[k], value_sizes[v], parts);
                memset(item_value(item), 'v', value_sizes[v]);
                cr_expect_eq(item_client_flags(item), (parts & PART_FLAGS) != 0 ? 0xfeedface : 0);
                cr_expect_eq(item_own_cas(item), (parts & PART_CAS) != 0 ? own_cas : 0);
                cr_expect_eq(item_expires(item), (parts & PART_EXPIRY) != 0 ? 77 : STORE_EXPIRES_NEVER);
                cr_expect_eq(item_value_size(item), value_sizes[v]);
                cr_expect_eq(item_key(item).size, key_sizes[k]);
                cr_expect_eq(item_key(item).data[0], 'k');
                cr_expect_eq(item_key(item).data[key_sizes[k] - 1], 'k');
                cr_expect(memcmp(item_value(item) + value_sizes[v], "\r\n", 2) == 0);
                free(item);
            }
        }
    }
}

Test(item, takes_another_number_and_another_expiry_where_it_has_room) {
    struct item *item = make(5, 10, PART_EXPIRY | PART_CAS);
    item_set_own_cas(item, 9);
    item_set_expires(item, STORE_EXPIRES_NEVER);
    cr_expect_eq(item_own_cas(item), 9);
    cr_expect_eq(item_expires(item), STORE_EXPIRES_NEVER);
    free(item);
}

Test(item, an_item_of_the_same_form_has_the_same_size) {
    for (unsigned parts = 0; parts < PARTS; parts++) {
        struct item *item = make(20, 40000, parts);
        if ((parts & PART_EXPIRY) != 0) {
            item_set_expires(item, STORE_EXPIRES_NEVER); /* the room stays */
        }
        const struct item_form form = item_form_of(item);
        cr_expect_eq(item_form_size(&form), item_size(item));
        free(item);
    }
}

Test(item, tells_keys_apart_that_differ_in_any_byte) {
    for (size_t size = 1; size <= STORE_KEY_SIZE_MAX; size++) {
        char key[STORE_KEY_SIZE_MAX];
        memset(key, 'k', sizeof(key));
        struct item *item = make(size, 0, 0);
        cr_expect(item_has_key(item, bytes_of(key, size)));
        for (size_t at = 0; at < size; at++) {
            key[at] = 'x';
            cr_expect_not(item_has_key(item, bytes_of(key, size)), "byte %zu of %zu", at, size);
            key[at] = 'k';
        }
        free(item);
    }
}

Test(item, tells_keys_of_another_length_apart) {
    struct item *item = make(8, 0, 0);
    cr_expect_not(item_has_key(item, bytes_from_string("kkkkkkk")));
    cr_expect_not(item_has_key(item, bytes_from_string("kkkkkkkkk")));
    free(item);
}

Test(item, counts_three_uses_and_remembers_the_last) {
    struct item *item = make(8, 0, 0);
    for (unsigned use = 1; use < 6; use++) {
        item_use(item, 100 + use, ITEM_FETCHED);
        cr_expect_eq(used_frequency(item_used(item)), use < 3 ? use : 3);
        cr_expect_eq(item_used(item) >> ITEM_TICK_SHIFT, 100 + use);
        cr_expect((item_used(item) & ITEM_FETCHED) != 0);
    }
    free(item);
}

Test(item, marks_change_nothing_else) {
    struct item *item = make(20, 100, PARTS - 1);
    item_set_mark(item, ITEM_WON, true);
    item_set_mark(item, ITEM_STALE, true);
    item_set_mark(item, ITEM_STALE, false);
    cr_expect(item_has(item, ITEM_WON));
    cr_expect_not(item_has(item, ITEM_STALE));
    cr_expect_eq(item_value_size(item), 100);
    cr_expect_eq(item_key(item).size, 20);
    free(item);
}
