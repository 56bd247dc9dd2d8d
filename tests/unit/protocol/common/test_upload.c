/* SPDX-License-Identifier: MIT
 *
 * upload: values in pieces, cut at every byte; ends that are right, wrong, or none.
 */
#include <criterion/criterion.h>

#include "guard.h"
#include "upload.h"

enum { VALUE_SIZE = 10 };

static const char sent[] = "0123456789\r\nrest";

static struct bytes line_end(void) {
    return bytes_from_string("\r\n");
}

/* The value's place ends at a guard page: writing behind it ends the test. */
static struct guard guard;
static char *value;

static void init(void) {
    guard_init(&guard, 4096);
    value = (char *)(uintptr_t)guard_copy(&guard, bytes_of("..........", VALUE_SIZE)).data;
}

static void deinit(void) {
    guard_deinit(&guard);
}

TestSuite(upload, .init = init, .fini = deinit);

Test(upload, takes_value_and_end_and_nothing_behind_them) {
    struct upload upload;
    upload_init(&upload, value, VALUE_SIZE, line_end());
    cr_expect_not(upload_complete(&upload));
    cr_expect_eq(upload_take(&upload, bytes_from_string(sent)), VALUE_SIZE + 2);
    cr_expect(upload_complete(&upload));
    cr_expect_not(upload.end_is_wrong);
    cr_expect(memcmp(value, sent, VALUE_SIZE) == 0);
    cr_expect_eq(upload_take(&upload, bytes_from_string("more")), 0);
}

Test(upload, is_the_same_wherever_it_is_cut) {
    for (size_t first = 0; first <= VALUE_SIZE + 2; first++) {
        for (size_t second = first; second <= VALUE_SIZE + 2; second++) {
            struct upload upload;
            memset(value, '.', VALUE_SIZE);
            upload_init(&upload, value, VALUE_SIZE, line_end());
            cr_assert_eq(upload_take(&upload, bytes_of(sent, first)), first);
            cr_assert_eq(upload_take(&upload, bytes_of(sent + first, second - first)), second - first);
            cr_assert_eq(upload_complete(&upload), second == VALUE_SIZE + 2);
            cr_assert_eq(upload_take(&upload, bytes_from_string(sent + second)), VALUE_SIZE + 2 - second);
            cr_assert(upload_complete(&upload) && !upload.end_is_wrong, "cut at %zu and %zu", first, second);
            cr_assert(memcmp(value, sent, VALUE_SIZE) == 0, "cut at %zu and %zu", first, second);
        }
    }
}

Test(upload, takes_a_wrong_end_for_its_size_and_says_so) {
    static const char *const ends[] = {"\r\r", "\n\n", "xx", "\rx", "x\n", "\n\r"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (size_t cut = 0; cut <= 2; cut++) {
            struct upload upload;
            upload_init(&upload, value, VALUE_SIZE, line_end());
            upload_take(&upload, bytes_of(sent, VALUE_SIZE));
            cr_assert_eq(upload_take(&upload, bytes_of(ends[i], cut)), cut);
            cr_assert_eq(upload_take(&upload, bytes_of(ends[i] + cut, 2 - cut)), 2 - cut);
            cr_assert(upload_complete(&upload) && upload.end_is_wrong, "end %zu, cut at %zu", i, cut);
        }
    }
}

Test(upload, needs_no_end) {
    struct upload upload;
    upload_init(&upload, value, VALUE_SIZE, bytes_of(NULL, 0));
    cr_expect_eq(upload_take(&upload, bytes_from_string(sent)), VALUE_SIZE);
    cr_expect(upload_complete(&upload) && !upload.end_is_wrong);
}

Test(upload, of_nothing_is_complete_with_its_end) {
    struct upload upload;
    upload_init(&upload, value, 0, bytes_of(NULL, 0));
    cr_expect(upload_complete(&upload));
    upload_init(&upload, value, 0, line_end());
    cr_expect_not(upload_complete(&upload));
    cr_expect_eq(upload_take(&upload, bytes_from_string("\r\nget")), 2);
    cr_expect(upload_complete(&upload) && !upload.end_is_wrong);
}
