/* SPDX-License-Identifier: MIT
 *
 * date: writing, reading the three forms, and days that do not exist.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "date.h"
#include "riposte/random.h"

enum { NOV_1994 = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */

Test(http_date, writes_what_strftime_writes) {
    struct random random = {.state = random_seed()};
    printf("seed %llu\n", (unsigned long long)random.state);
    for (unsigned i = 0; i < 100000; i++) {
        time_t unix_s = (time_t)random_below(&random, UINT64_C(253402300800)); /* to the end of 9999 */
        char text[HTTP_DATE_SIZE];
        char expected[64];
        struct tm tm;
        http_date_write(text, (uint64_t)unix_s);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&unix_s, &tm));
        cr_assert(bytes_equal_string(bytes_of(text, sizeof(text)), expected), "%.29s is not %s", text,
                  expected);
        uint64_t again = 0;
        cr_assert(http_date_read(bytes_of(text, sizeof(text)), 0, &again), "%s", expected);
        cr_assert_eq(again, (uint64_t)unix_s, "%s", expected);
    }
}

Test(http_date, reads_all_three_forms) {
    static const char *const forms[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < 3; i++) {
        uint64_t unix_s = 0;
        cr_assert(http_date_read(bytes_from_string(forms[i]), UINT64_C(1700000000), &unix_s), "%s", forms[i]);
        cr_assert_eq(unix_s, NOV_1994, "%s", forms[i]);
    }
}

Test(http_date, takes_two_digits_for_the_century_that_is_less_than_50_years_ahead) {
    const uint64_t in_2026 = UINT64_C(1790000000);
    uint64_t unix_s = 0;
    cr_assert(http_date_read(bytes_from_string("Friday, 01-Jan-76 00:00:00 GMT"), in_2026, &unix_s));
    cr_assert_eq(unix_s, UINT64_C(3345062400)); /* 2076 */
    cr_assert(http_date_read(bytes_from_string("Saturday, 01-Jan-77 00:00:00 GMT"), in_2026, &unix_s));
    cr_assert_eq(unix_s, UINT64_C(220924800)); /* 1977 */
}

Test(http_date, refuses_what_is_no_date) {
    static const char *const rows[] = {
        "",
        "Sun",
        "Sun,",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Xun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1995 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08-49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "784111777",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t unix_s = 0;
        cr_assert(!http_date_read(bytes_from_string(rows[i]), UINT64_C(1700000000), &unix_s), "%s", rows[i]);
    }
    uint64_t unix_s = 0;
    cr_assert(http_date_read(bytes_from_string("Thu, 29 Feb 1996 23:59:60 GMT"), 0, &unix_s));
}
