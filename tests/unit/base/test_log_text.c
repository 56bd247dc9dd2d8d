/* SPDX-License-Identifier: MIT
 *
 * How a line of the log is laid out.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "log_text.h"

/* 2026-01-31 12:34:56.789012 UTC */
static const uint64_t some_ns = UINT64_C(1769862896789012000);

static const char *laid_out(const struct log_layout *layout, enum log_level level, const char *text) {
    static char line[LOG_LINE_SIZE_MAX + 1];
    size_t size = log_text_write(line, layout, level, some_ns, text);
    cr_assert_leq(size, (size_t)LOG_LINE_SIZE_MAX);
    line[size] = '\0';
    return line;
}

Test(log_text, of_a_terminal_names_the_program_and_marks_warnings) {
    const struct log_layout layout = {0};
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_ERROR, "text"), "riposte: text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_WARNING, "text"), "riposte: warning: text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_INFO, "text"), "riposte: text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_DEBUG, "text"), "riposte: text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_TRACE, "<28 get a"), "<28 get a\n");
}

Test(log_text, of_a_file_has_time_and_level) {
    const struct log_layout layout = {.stamped = true};
    static const char *const words[] = {"error", "warning", "info", "debug", "trace"};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_TRACE; level++) {
        char expected[128];
        snprintf(expected, sizeof(expected), "2026-01-31T12:34:56.789012Z riposte: %s: text\n", words[level]);
        cr_expect_str_eq(laid_out(&layout, (enum log_level)level, "text"), expected);
    }
}

Test(log_text, of_the_journal_has_the_level_as_syslog_numbers_it) {
    const struct log_layout layout = {.journal = true};
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_ERROR, "text"), "<3>text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_WARNING, "text"), "<4>text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_INFO, "text"), "<6>text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_DEBUG, "text"), "<7>text\n");
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_TRACE, "text"), "<7>text\n");
}

Test(log_text, as_json_is_an_object) {
    const struct log_layout json = {.format = LOG_FORMAT_JSON};
    cr_expect_str_eq(laid_out(&json, LOG_LEVEL_WARNING, "a \"b\" \\ \n \x7f \xff"),
                     "{\"time\":\"2026-01-31T12:34:56.789012Z\",\"level\":\"warning\","
                     "\"message\":\"a \\\"b\\\" \\\\ \\u000a \\u007f \\u00ff\"}\n");
    const struct log_layout journal = {.format = LOG_FORMAT_JSON, .journal = true};
    cr_expect_eq(strncmp(laid_out(&journal, LOG_LEVEL_INFO, "x"), "<6>{\"time\":", 11), 0);
}

Test(log_text, never_makes_a_second_line) {
    const struct log_layout layout = {.stamped = true};
    cr_expect_str_eq(laid_out(&layout, LOG_LEVEL_INFO, "a\nb\rc\x1b[2Jd\x7f"),
                     "2026-01-31T12:34:56.789012Z riposte: info: a?b?c?[2Jd?\n");
}

/* Whole to the last byte: an escape is not cut in two. */
Test(log_text, is_cut_where_it_does_not_fit_and_still_ends) {
    static char text[2 * LOG_LINE_SIZE_MAX];
    static const struct log_layout layouts[] = {
        {0}, {.stamped = true}, {.journal = true}, {.format = LOG_FORMAT_JSON}};
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        const char *end = layouts[i].format == LOG_FORMAT_JSON ? "\"}\n" : "\n";
        for (size_t size = LOG_LINE_SIZE_MAX - 140; size <= LOG_LINE_SIZE_MAX + 1; size++) {
            memset(text, 'x', size);
            memset(text + size, '\n', 8);
            text[size + 8] = '\0';
            const char *line = laid_out(&layouts[i], LOG_LEVEL_INFO, text);
            cr_assert_eq(strcmp(line + strlen(line) - strlen(end), end), 0, "layout %zu, %zu bytes", i, size);
            cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
        }
    }
}
