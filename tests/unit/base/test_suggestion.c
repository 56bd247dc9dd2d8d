/* SPDX-License-Identifier: MIT
 *
 * What is near to a mistyped word, and what is not.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "riposte/random.h"
#include "suggestion.h"

static unsigned distance(const char *left, const char *right) {
    return suggestion_distance(bytes_from_string(left), bytes_from_string(right));
}

Test(suggestion, counts_edits) {
    cr_expect_eq(distance("", ""), 0);
    cr_expect_eq(distance("port", "port"), 0);
    cr_expect_eq(distance("port", "prt"), 1);
    cr_expect_eq(distance("port", "ports"), 1);
    cr_expect_eq(distance("port", "pont"), 1);
    cr_expect_eq(distance("port", "prot"), 1);
    cr_expect_eq(distance("", "port"), 4);
    cr_expect_eq(distance("kitten", "sitting"), 3);
}

Test(suggestion, is_the_same_in_both_directions_and_never_above_the_longer_word) {
    struct random random = {.state = 11};
    for (int round = 0; round < 2000; round++) {
        char words[2][12];
        size_t sizes[2];
        for (int i = 0; i < 2; i++) {
            sizes[i] = random_below(&random, sizeof(words[i]) + 1);
            for (size_t at = 0; at < sizes[i]; at++) {
                words[i][at] = (char)('a' + random_below(&random, 3));
            }
        }
        struct bytes left = bytes_of(words[0], sizes[0]);
        struct bytes right = bytes_of(words[1], sizes[1]);
        unsigned there = suggestion_distance(left, right);
        cr_assert_eq(there, suggestion_distance(right, left));
        cr_assert_leq(there, left.size > right.size ? left.size : right.size);
        cr_assert_eq(there == 0, bytes_equal(left, right));
    }
}

Test(suggestion, compares_words_up_to_its_bound_only) {
    char longest[SUGGESTION_WORD_SIZE_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    struct bytes fits = bytes_of(longest, SUGGESTION_WORD_SIZE_MAX);
    struct bytes too_long = bytes_of(longest, sizeof(longest));
    cr_expect_eq(suggestion_distance(fits, fits), 0);
    cr_expect_eq(suggestion_distance(fits, too_long), UINT32_MAX);
}

static const char *nearest(const char *typed) {
    static const char *const words[] = {"port", "protocol", "listen", "listen-backlog", "threads", "pidfile"};
    struct suggestion suggestion = suggestion_begin(bytes_from_string(typed));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        suggestion_consider(&suggestion, words[i], words[i]);
    }
    return suggestion.best;
}

Test(suggestion, finds_the_nearest_word) {
    cr_expect_str_eq(nearest("prot"), "port");
    cr_expect_str_eq(nearest("lisen"), "listen");
    cr_expect_str_eq(nearest("listenbacklog"), "listen-backlog");
    cr_expect_str_eq(nearest("thread"), "threads");
    cr_expect_str_eq(nearest("pid"), "pidfile");
}

Test(suggestion, is_silent_when_nothing_is_near) {
    cr_expect_null(nearest("replicate"));
    cr_expect_null(nearest("zzzz"));
    cr_expect_null(nearest("an-option-far-longer-than-any-word-that-could-be-meant"));
}
