/* SPDX-License-Identifier: MIT
 *
 * upload: values in pieces, cut at every byte; ends that are right, wrong, or none; the memory that they take.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

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

static size_t take(struct upload *upload, struct bytes input) {
    size_t size;
    cr_assert(upload_take(upload, input, SIZE_MAX, &size));
    return size;
}

/* Moves all of it to `value`, in pieces of `step` bytes. */
static void move(struct upload *upload, size_t step) {
    while (!upload_empty(upload)) {
        cr_assert_gt(upload_move(upload, value + upload->moved_size, step), 0);
    }
    cr_assert_eq(upload_move(upload, value, 1), 0);
    cr_assert_eq(upload->memory_size, 0);
}

Test(upload, takes_value_and_end_and_nothing_behind_them) {
    struct upload upload;
    upload_init(&upload, VALUE_SIZE, line_end());
    cr_expect_not(upload_complete(&upload));
    cr_expect_eq(take(&upload, bytes_from_string(sent)), VALUE_SIZE + 2);
    cr_expect(upload_complete(&upload));
    cr_expect_not(upload.end_is_wrong);
    cr_expect_eq(take(&upload, bytes_from_string("more")), 0);
    move(&upload, VALUE_SIZE);
    cr_expect(memcmp(value, sent, VALUE_SIZE) == 0);
}

Test(upload, is_the_same_wherever_it_is_cut) {
    for (size_t first = 0; first <= VALUE_SIZE + 2; first++) {
        for (size_t second = first; second <= VALUE_SIZE + 2; second++) {
            struct upload upload;
            memset(value, '.', VALUE_SIZE);
            upload_init(&upload, VALUE_SIZE, line_end());
            cr_assert_eq(take(&upload, bytes_of(sent, first)), first);
            cr_assert_eq(take(&upload, bytes_of(sent + first, second - first)), second - first);
            cr_assert_eq(upload_complete(&upload), second == VALUE_SIZE + 2);
            cr_assert_eq(upload_missing_size(&upload), VALUE_SIZE + 2 - second);
            cr_assert_eq(take(&upload, bytes_from_string(sent + second)), VALUE_SIZE + 2 - second);
            cr_assert(upload_complete(&upload) && !upload.end_is_wrong, "cut at %zu and %zu", first, second);
            move(&upload, 1 + first);
            cr_assert(memcmp(value, sent, VALUE_SIZE) == 0, "cut at %zu and %zu", first, second);
        }
    }
}

Test(upload, takes_a_wrong_end_for_its_size_and_says_so) {
    static const char *const ends[] = {"\r\r", "\n\n", "xx", "\rx", "x\n", "\n\r"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (size_t cut = 0; cut <= 2; cut++) {
            struct upload upload;
            upload_init(&upload, VALUE_SIZE, line_end());
            take(&upload, bytes_of(sent, VALUE_SIZE));
            cr_assert_eq(take(&upload, bytes_of(ends[i], cut)), cut);
            cr_assert_eq(take(&upload, bytes_of(ends[i] + cut, 2 - cut)), 2 - cut);
            cr_assert(upload_complete(&upload) && upload.end_is_wrong, "end %zu, cut at %zu", i, cut);
            upload_discard(&upload);
        }
    }
}

Test(upload, needs_no_end) {
    struct upload upload;
    upload_init(&upload, VALUE_SIZE, bytes_of(NULL, 0));
    cr_expect_eq(take(&upload, bytes_from_string(sent)), VALUE_SIZE);
    cr_expect(upload_complete(&upload) && !upload.end_is_wrong);
    upload_discard(&upload);
}

Test(upload, of_nothing_is_complete_with_its_end_and_takes_no_memory) {
    struct upload upload;
    upload_init(&upload, 0, bytes_of(NULL, 0));
    cr_expect(upload_complete(&upload));
    upload_init(&upload, 0, line_end());
    cr_expect_not(upload_complete(&upload));
    cr_expect_eq(take(&upload, bytes_from_string("\r\nget")), 2);
    cr_expect(upload_complete(&upload) && !upload.end_is_wrong);
    cr_expect(upload_empty(&upload));
    cr_expect_eq(upload.memory_size, 0);
}

/* --- memory --------------------------------------------------------------------------------------------- */

enum { LARGE_SIZE = 3 << 20 };

/* LARGE_SIZE bytes of which no two neighbours are alike. */
static char *large_make(void) {
    char *large = malloc(LARGE_SIZE);
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        large[i] = (char)(i * 7 + i / 251);
    }
    return large;
}

Test(upload, takes_memory_as_bytes_come_and_not_as_they_are_announced) {
    char *large = large_make();
    struct upload upload;
    upload_init(&upload, (size_t)1 << 30, line_end());
    cr_expect_eq(upload.memory_size, 0);
    for (size_t at = 0; at < LARGE_SIZE; at += 1000) {
        size_t size = LARGE_SIZE - at < 1000 ? LARGE_SIZE - at : 1000;
        take(&upload, bytes_of(large + at, size));
        cr_assert_leq(upload.memory_size,
                      2 * upload.received_size + 2 * UPLOAD_BLOCK_SIZE_MIN + UPLOAD_BLOCK_SIZE_MAX / 8);
    }
    upload_discard(&upload);
    cr_expect_eq(upload.memory_size, 0);
    free(large);
}

Test(upload, takes_blocks_that_are_powers_of_two) {
    char *large = large_make();
    struct upload upload;
    size_t before_size = 0;
    upload_init(&upload, (size_t)1 << 30, line_end());
    for (size_t at = 0; at < LARGE_SIZE; at += 1000) {
        take(&upload, bytes_of(large + at, LARGE_SIZE - at < 1000 ? LARGE_SIZE - at : 1000));
        size_t block_size = upload.memory_size - before_size;
        cr_assert_eq(block_size & (block_size - 1), 0, "%zu bytes", block_size);
        cr_assert_leq(block_size, UPLOAD_BLOCK_SIZE_MAX);
        before_size = upload.memory_size;
    }
    upload_discard(&upload);
    free(large);
}

Test(upload, moves_a_value_of_many_blocks_and_frees_them_on_the_way) {
    char *large = large_make();
    char *copy = malloc(LARGE_SIZE);
    struct upload upload;
    upload_init(&upload, LARGE_SIZE, bytes_of(NULL, 0));
    for (size_t at = 0; at < LARGE_SIZE; at += 10007) {
        size_t size = LARGE_SIZE - at < 10007 ? LARGE_SIZE - at : 10007;
        cr_assert_eq(take(&upload, bytes_of(large + at, size)), size);
    }
    size_t before_size = upload.memory_size;
    cr_expect_lt(before_size, LARGE_SIZE + UPLOAD_BLOCK_SIZE_MAX);
    while (!upload_empty(&upload)) {
        upload_move(&upload, copy + upload.moved_size, 1 << 20);
        cr_assert_leq(upload.memory_size, before_size - upload.moved_size + UPLOAD_BLOCK_SIZE_MAX);
    }
    cr_expect(memcmp(copy, large, LARGE_SIZE) == 0);
    cr_expect_eq(upload.memory_size, 0);
    free(copy);
    free(large);
}

Test(upload, refuses_what_needs_more_memory_than_it_may_have) {
    char *large = large_make();
    struct upload upload;
    size_t size;
    upload_init(&upload, LARGE_SIZE, line_end());
    cr_expect(upload_take(&upload, bytes_of(large, 5000), 100000, &size));
    cr_expect_not(upload_take(&upload, bytes_of(large, LARGE_SIZE - 5000), 100000, &size));
    cr_expect_leq(upload.memory_size, 100000);
    cr_expect_eq(upload.received_size, 5000 + size);
    cr_expect_eq(upload_missing_size(&upload), LARGE_SIZE + 2 - 5000 - size);
    upload_discard(&upload);
    cr_expect_eq(upload.memory_size, 0);
    free(large);
}
