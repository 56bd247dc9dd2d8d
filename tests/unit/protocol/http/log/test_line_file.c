/* SPDX-License-Identifier: MIT
 *
 * line_file: a file that takes no more, at every byte, and again.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "line_file.h"

/* The kernel refuses bytes beyond it with EFBIG, as a full disk does with ENOSPC. */
static void let_files_have(rlim_t size) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static struct line_file open_file(FILE **stream) {
    signal(SIGXFSZ, SIG_IGN);
    *stream = tmpfile();
    cr_assert_not_null(*stream);
    return (struct line_file){.fd = fileno(*stream)};
}

static void expect_text(const struct line_file *file, const char *expected) {
    char text[64] = {0};
    cr_assert_geq(pread(file->fd, text, sizeof(text) - 1, 0), 0);
    cr_expect_str_eq(text, expected);
}

static uint64_t put(struct line_file *file, const char *text) {
    return line_file_write(file, bytes_from_string(text));
}

Test(http_line_file, what_a_full_file_does_not_take_is_counted_and_the_next_line_begins_a_line) {
    static const char *const halves[] = {"", "o", "on", "one", "one\n", "one\nt", "one\ntwo"};
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        FILE *stream;
        char expected[64];
        struct line_file file = open_file(&stream);
        bool is_torn = strlen(halves[i]) % 4 != 0;
        let_files_have(strlen(halves[i]));
        cr_expect_eq(put(&file, "one\ntwo\n"), strlen(halves[i]) < 4 ? 2 : 1);
        cr_expect_eq(put(&file, "lost\n"), 1);
        let_files_have(RLIM_INFINITY);
        cr_expect_eq(put(&file, "next\n"), 0);
        cr_expect_eq(put(&file, "last\n"), 0);
        snprintf(expected, sizeof(expected), "%s%snext\nlast\n", halves[i], is_torn ? "\n" : "");
        expect_text(&file, expected);
        fclose(stream);
    }
}

Test(http_line_file, a_line_in_two_pieces_is_one_and_lost_as_one) {
    FILE *stream;
    struct line_file file = open_file(&stream);
    cr_expect_eq(put(&file, "one\ntw"), 0);
    cr_expect_eq(put(&file, "o\n"), 0);
    let_files_have(8);
    cr_expect_eq(put(&file, "three\nfo"), 1);
    let_files_have(RLIM_INFINITY);
    cr_expect_eq(put(&file, "ur\nfive\n"), 1, "its begin is lost, so is its end");
    expect_text(&file, "one\ntwo\nfive\n");
    cr_expect_eq(put(&file, "si"), 0);
    let_files_have(15);
    cr_expect_eq(put(&file, "x\n"), 1);
    let_files_have(RLIM_INFINITY);
    cr_expect_eq(put(&file, "seven\n"), 0);
    expect_text(&file, "one\ntwo\nfive\nsi\nseven\n");
    fclose(stream);
}
