/* SPDX-License-Identifier: MIT
 *
 * The layout of an item: every combination of its optional parts, at the smallest and largest sizes.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "item.h"

static struct item *make(size_t key_size, size_t value_size, uint32_t client_flags, bool has_cas) {
    char key[STORE_KEY_SIZE_MAX];
    memset(key, 'k', sizeof(key));
    struct item_shape shape = {.key = bytes_of(key, key_size),
                               .value_size = value_size,
                               .client_flags = client_flags,
                               .expires_tick = 77,
                               .has_cas = has_cas};
    size_t size = item_size_of(key_size, value_size, client_flags != 0, has_cas);
    struct item *item = item_init(malloc(size), &shape);
    cr_assert_eq(item_size(item), size);
    return item;
}

Test(item, has_26_bytes_before_its_key) {
    cr_expect_eq(item_size_of(1, 0, false, false), 26 + 1 + 2);
    cr_expect_eq(item_size_of(250, 100, true, true), 26 + 250 + 4 + 8 + 100 + 2);
}

Test(item, keeps_key_value_flags_and_cas_apart) {
    static const size_t key_sizes[] = {1, 7, 8, 9, 250};
    static const size_t value_sizes[] = {0, 1, 100};
    for (size_t k = 0; k < 5; k++) {
        for (size_t v = 0; v < 3; v++) {
            for (unsigned parts = 0; parts < 4; parts++) {
                uint32_t client_flags = (parts & 1) != 0 ? 0xfeedface : 0;
                struct item *item = make(key_sizes[k], value_sizes[v], client_flags, (parts & 2) != 0);
                memset(item_value(item), 'v', value_sizes[v]);
                if ((parts & 2) != 0) {
                    item_set_cas(item, UINT64_C(0x1122334455667788));
                }
                item->sequence = 5;
                cr_expect_eq(item_client_flags(item), client_flags);
                cr_expect_eq(item_cas(item), (parts & 2) != 0 ? UINT64_C(0x1122334455667788) : 5);
                cr_expect_eq(item_key(item).size, key_sizes[k]);
                cr_expect_eq(item_key(item).data[key_sizes[k] - 1], 'k');
                cr_expect(memcmp(item_value(item) + value_sizes[v], "\r\n", 2) == 0);
                cr_expect_eq(item_expires(item), 77);
                free(item);
            }
        }
    }
}

Test(item, tells_keys_apart_that_differ_in_any_byte) {
    for (size_t size = 1; size <= STORE_KEY_SIZE_MAX; size++) {
        char key[STORE_KEY_SIZE_MAX];
        memset(key, 'k', sizeof(key));
        struct item *item = make(size, 0, 0, false);
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
    struct item *item = make(8, 0, 0, false);
    cr_expect_not(item_has_key(item, bytes_from_string("kkkkkkk")));
    cr_expect_not(item_has_key(item, bytes_from_string("kkkkkkkkk")));
    free(item);
}

Test(item, is_charged_at_least_what_it_takes) {
    for (size_t value_size = 0; value_size < 5000; value_size += 7) {
        cr_expect_geq(store_item_charge(10, value_size, true), item_size_of(10, value_size, true, false));
    }
}
