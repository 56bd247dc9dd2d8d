/* SPDX-License-Identifier: MIT
 *
 * range: one range of bytes, and what is passed over or cannot be met.
 */
#include <criterion/criterion.h>

#include "range.h"

Test(http_range, reads_one_range_and_passes_over_the_rest) {
    static const struct {
        const char *field;
        uint64_t whole;
        enum http_range_verdict verdict;
        uint64_t first;
        uint64_t size;
    } rows[] = {
        {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
        {"bytes=0-9", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=5-", 10, HTTP_RANGE_PART, 5, 5},
        {"bytes=9-", 10, HTTP_RANGE_PART, 9, 1},
        {"bytes=5-99", 10, HTTP_RANGE_PART, 5, 5},
        {"bytes=-3", 10, HTTP_RANGE_PART, 7, 3},
        {"bytes=-99", 10, HTTP_RANGE_PART, 0, 10},
        {"Bytes= 1-2 ", 10, HTTP_RANGE_PART, 1, 2},
        {"bytes=0-18446744073709551615", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=-18446744073709551615", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551615-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-5", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes= ", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=5", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=5-4", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=0-1,3-4", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=0--1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=18446744073709551616-", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"lines=0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_range range = {0, 0};
        cr_assert_eq(http_range_read(bytes_from_string(rows[i].field), rows[i].whole, &range),
                     rows[i].verdict, "%s", rows[i].field);
        cr_assert(range.first == rows[i].first && range.size == rows[i].size, "%s", rows[i].field);
    }
}
