/* SPDX-License-Identifier: MIT
 *
 * scan: the search for one of two bytes, against a byte-by-byte one.
 */
#include <criterion/criterion.h>

#include "guard.h"
#include "scan.h"

/* The other variant under names of its own, so that both run on every machine. */
#ifdef __SSE2__
#define SCAN_STEP PORTABLE_STEP
#define scan_mask portable_mask
#include "scan_portable.h"
#undef SCAN_STEP
#undef scan_mask
#else
#define PORTABLE_STEP SCAN_STEP
#define portable_mask scan_mask
#endif

enum { TEXT_SIZE_MAX = 70 };

static size_t naive_word(struct bytes text, size_t from) {
    while (from < text.size && text.data[from] != ' ' && text.data[from] != '\n') {
        from++;
    }
    return from;
}

Test(scan, finds_the_first_end_wherever_it_stands) {
    struct guard guard;
    guard_init(&guard, TEXT_SIZE_MAX);
    char text[TEXT_SIZE_MAX];
    for (size_t size = 0; size <= TEXT_SIZE_MAX; size++) {
        for (size_t end = 0; end <= size; end++) {
            memset(text, '!', sizeof(text));
            if (end < size) {
                text[end] = end % 2 == 0 ? ' ' : '\n';
            }
            struct bytes copy = guard_copy(&guard, bytes_of(text, size));
            for (size_t from = 0; from <= size; from++) {
                const char *found = scan_word(copy.data, copy.data + from, copy.data + copy.size);
                cr_assert_eq((size_t)(found - copy.data), naive_word(copy, from), "size %zu end %zu from %zu",
                             size, end, from);
            }
        }
    }
    guard_deinit(&guard);
}

Test(scan, ends_at_no_other_byte) {
    char text[32];
    for (int byte = 0; byte < 256; byte++) {
        memset(text, 'x', sizeof(text));
        text[7] = (char)byte;
        text[20] = ' ';
        size_t expected = byte == ' ' || byte == '\n' ? 7 : 20;
        const char *found = scan_word(text, text, text + sizeof(text));
        cr_assert_eq((size_t)(found - text), expected, "byte %d", byte);
    }
}

Test(scan, portable_variant_marks_each_byte_by_itself) {
    char text[PORTABLE_STEP];
    for (unsigned mask = 0; mask < 1u << PORTABLE_STEP; mask++) {
        for (unsigned i = 0; i < PORTABLE_STEP; i++) {
            text[i] = (mask >> i & 1) == 0 ? (char)(' ' + 1) : i % 2 == 0 ? ' ' : '\n';
        }
        cr_assert_eq(portable_mask(text, ' ', '\n'), mask, "mask %u", mask);
    }
}

Test(scan, portable_variant_knows_every_byte) {
    char text[PORTABLE_STEP];
    for (int byte = 0; byte < 256; byte++) {
        memset(text, byte, sizeof(text));
        cr_assert_eq(portable_mask(text, ' ', '\n'), byte == ' ' || byte == '\n' ? 0xffu : 0u, "byte %d",
                     byte);
    }
}

Test(scan, ends_at_either_of_any_two_bytes) {
    char text[40];
    static const char pairs[][2] = {{':', '\n'}, {'\r', '\n'}, {'\0', '\xff'}, {'=', '='}};
    for (size_t pair = 0; pair < sizeof(pairs) / sizeof(pairs[0]); pair++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            for (unsigned which = 0; which < 2; which++) {
                memset(text, 'x', sizeof(text));
                text[at] = pairs[pair][which];
                const char *found =
                    scan_either(text, text, text + sizeof(text), pairs[pair][0], pairs[pair][1]);
                cr_assert_eq((size_t)(found - text), at, "pair %zu, byte %u, at %zu", pair, which, at);
                cr_assert_eq(portable_mask(text, pairs[pair][0], pairs[pair][1]),
                             at < PORTABLE_STEP ? 1u << at : 0u);
            }
        }
    }
}
