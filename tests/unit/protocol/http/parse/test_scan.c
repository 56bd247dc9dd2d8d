/* SPDX-License-Identifier: MIT
 *
 * scan: the ends of targets and values, against a byte-by-byte search.
 */
#include <criterion/criterion.h>

#include "guard.h"
#include "scan.h"

/* The other variant under names of its own, so that both run on every machine. */
#ifdef __SSE2__
#define HTTP_SCAN_STEP        PORTABLE_STEP
#define http_scan_target_step portable_target_step
#define http_scan_value_step  portable_value_step
#define http_scan_marks_step  portable_marks_step
#include "scan_portable.h"
#undef HTTP_SCAN_STEP
#undef http_scan_target_step
#undef http_scan_value_step
#undef http_scan_marks_step
#else
#define PORTABLE_STEP        HTTP_SCAN_STEP
#define portable_target_step http_scan_target_step
#define portable_value_step  http_scan_value_step
#define portable_marks_step  http_scan_marks_step
#endif

enum { TEXT_SIZE_MAX = 70 };

Test(http_scan, finds_the_first_end_wherever_it_stands) {
    struct guard guard;
    guard_init(&guard, TEXT_SIZE_MAX);
    char text[TEXT_SIZE_MAX];
    for (size_t size = 0; size <= TEXT_SIZE_MAX; size++) {
        for (size_t end = 0; end <= size; end++) {
            memset(text, '!', sizeof(text));
            if (end < size) {
                text[end] = end % 2 == 0 ? '\r' : 0x7f;
            }
            struct bytes copy = guard_copy(&guard, bytes_of(text, size));
            for (size_t from = 0; from <= size; from++) {
                size_t expected = from > end ? size : end;
                const char *stop = copy.data + copy.size;
                const char *value = http_scan_value(copy.data, copy.data + from, stop);
                bool marked;
                const char *target = http_scan_target(copy.data, copy.data + from, stop, &marked);
                cr_assert(!marked);
                cr_assert_eq((size_t)(value - copy.data), expected, "size %zu end %zu from %zu", size, end,
                             from);
                cr_assert_eq((size_t)(target - copy.data), expected, "size %zu end %zu from %zu", size, end,
                             from);
            }
        }
    }
    guard_deinit(&guard);
}

Test(http_scan, tells_of_a_mark_exactly_where_one_stands_before_the_end) {
    struct guard guard;
    guard_init(&guard, TEXT_SIZE_MAX);
    char text[TEXT_SIZE_MAX];
    for (size_t size = 1; size <= TEXT_SIZE_MAX; size++) {
        for (size_t end = 0; end <= size; end++) {
            for (size_t mark = 0; mark < size; mark++) {
                memset(text, 'a', sizeof(text));
                text[mark] = "#%?"[mark % 3];
                if (end < size) {
                    text[end] = ' ';
                }
                struct bytes copy = guard_copy(&guard, bytes_of(text, size));
                for (size_t from = 0; from <= size; from += 5) {
                    bool marked;
                    const char *stop =
                        http_scan_target(copy.data, copy.data + from, copy.data + size, &marked);
                    size_t stops = from > end ? size : end;
                    cr_assert_eq((size_t)(stop - copy.data), stops);
                    cr_assert_eq(marked, mark >= from && mark < stops && mark != end,
                                 "size %zu end %zu mark %zu from %zu", size, end, mark, from);
                }
            }
        }
    }
    guard_deinit(&guard);
}

static bool ends_value(int byte) {
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static bool ends_target(int byte) {
    return byte <= 0x20 || byte == 0x7f;
}

Test(http_scan, knows_every_byte) {
    char text[32];
    for (int byte = 0; byte < 256; byte++) {
        memset(text, 'x', sizeof(text));
        text[7] = (char)byte;
        text[20] = '\n';
        const char *end = text + sizeof(text);
        cr_assert_eq(http_scan_value(text, text, end) - text, ends_value(byte) ? 7 : 20, "byte %d", byte);
        bool marked;
        cr_assert_eq(http_scan_target(text, text, end, &marked) - text, ends_target(byte) ? 7 : 20, "byte %d",
                     byte);
        cr_assert_eq(marked, byte == '#' || byte == '%' || byte == '?', "byte %d", byte);
    }
}

Test(http_scan, portable_variant_marks_each_byte_by_itself) {
    char text[PORTABLE_STEP];
    for (unsigned mask = 0; mask < 1u << PORTABLE_STEP; mask++) {
        for (int byte = 0; byte < 256; byte++) {
            for (unsigned i = 0; i < PORTABLE_STEP; i++) {
                text[i] = (mask >> i & 1) == 0 ? 'a' : (char)byte;
            }
            cr_assert_eq(portable_value_step(text), ends_value(byte) ? mask : 0, "mask %u", mask);
            cr_assert_eq(portable_target_step(text), ends_target(byte) ? mask : 0, "mask %u", mask);
            bool is_mark = byte == '#' || byte == '%' || byte == '?';
            cr_assert_eq(portable_marks_step(text), is_mark ? mask : 0, "mask %u", mask);
        }
    }
}
