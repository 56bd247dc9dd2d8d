/* SPDX-License-Identifier: MIT
 *
 * answer: error lines, and the return flags of meta commands.
 */
#include <criterion/criterion.h>

#include "answer.h"

Test(answer, to_an_error_ends_its_line_or_is_empty) {
    for (enum mc_error error = MC_ERROR_UNKNOWN; error <= MC_ERROR_META_ARITHMETIC_MODE; error++) {
        struct bytes line = answer_error(error);
        bool ends = line.size > 2 && memcmp(line.data + line.size - 2, "\r\n", 2) == 0;
        cr_assert(error == MC_ERROR_HTTP ? line.size == 0 : ends, "error %d", (int)error);
        cr_assert(line.size <= 2 || memchr(line.data, '\n', line.size - 1) == NULL, "error %d", (int)error);
    }
}

/* What an answer knows that knows all. */
static struct answer_meta answer_of(struct bytes key) {
    static const char letters[] = "OkcsfhltTN";
    struct answer_meta answer = {
        .key = key,
        .cas = 7,
        .value_size = 5,
        .client_flags = 3,
        .now_tick = 100,
        .expires_tick = 110,
        .touch_expires_tick = 120,
        .create_expires_tick = 130,
        .used_tick = 98,
        .fetched = true,
    };
    for (size_t i = 0; i < sizeof(letters) - 1; i++) {
        answer.letters |= META_LETTER(letters[i]);
    }
    return answer;
}

static void expect_flags(const char *flags, const struct answer_meta *answer, const char *expected) {
    struct bytes flag[META_FLAGS_MAX];
    char line[ANSWER_META_LINE_SIZE_MAX];
    unsigned count = parse_meta_split(bytes_from_string(flags), flag);
    size_t size = (size_t)(answer_meta_flags(line, flag, count, answer) - line);
    cr_assert(bytes_equal_string(bytes_of(line, size), expected), "%s: %.*s", flags, (int)size, line);
}

Test(answer, returns_flags_in_the_order_of_the_line) {
    struct answer_meta answer = answer_of(bytes_from_string("key"));
    expect_flags("c s f h l t k Oabc", &answer, " c7 s5 f3 h1 l2 t10 kkey Oabc");
    expect_flags("Oabc k t l h f s c", &answer, " Oabc kkey t10 l2 h1 f3 s5 c7");
    expect_flags("", &answer, "");
    expect_flags("v q M", &answer, "");
}

Test(answer, shows_the_time_left_as_it_is_at_that_place_of_the_line) {
    struct answer_meta answer = answer_of(bytes_from_string("key"));
    expect_flags("t T20", &answer, " t10");
    expect_flags("T20 t", &answer, " t20");
    expect_flags("N30 t", &answer, " t30");
    answer.expires_tick = STORE_EXPIRES_NEVER;
    expect_flags("t", &answer, " t-1");
    answer.expires_tick = 99;
    expect_flags("t", &answer, " t0");
}

Test(answer, encodes_a_binary_key_unless_it_is_encoded) {
    struct answer_meta answer = answer_of(bytes_of("\0\1\2", 3));
    answer.key_is_binary = true;
    expect_flags("k", &answer, " kAAEC b");
    answer.key = bytes_from_string("AAEC");
    answer.key_is_encoded = true;
    expect_flags("k", &answer, " kAAEC b");
}

Test(answer, of_a_meta_command_fits_its_line_at_its_longest) {
    static const char key[STORE_KEY_SIZE_MAX]; /* longer than any that is decoded from 250 letters */
    struct answer_meta answer = answer_of(bytes_of(key, sizeof(key)));
    struct bytes flag[META_FLAGS_MAX];
    char line[2 * ANSWER_META_LINE_SIZE_MAX];
    answer.key_is_binary = true;
    answer.cas = UINT64_MAX;
    answer.value_size = PARSE_VALUE_SIZE_MAX;
    answer.client_flags = UINT32_MAX;
    answer.now_tick = UINT32_MAX - 1;
    answer.expires_tick = UINT32_MAX;
    answer.used_tick = 0;
    unsigned count =
        parse_meta_split(bytes_from_string("k c s f h l t O0123456789012345678901234567890"), flag);
    size_t size = (size_t)(answer_meta_flags(line, flag, count, &answer) - line);
    size_t around = sizeof("VA 2147483645 Z X W\r\n") - 1;
    cr_assert_leq(size + around, ANSWER_META_LINE_SIZE_MAX);
}
