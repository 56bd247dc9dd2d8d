/* SPDX-License-Identifier: MIT
 *
 * --help in every width, and the same in Markdown.
 */
#include <criterion/criterion.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "options.h"

static const struct options_section sections[] = {
    {"First", false, NULL}, {"Names of -o", true, "all others"}, {NULL, false, NULL}};

static const struct option rows[] = {
    {"port", 'p', .kind = OPTION_PORT, .initial = "80", .maximum = 65535, .argument = "PORT",
     .help = "where it listens; a text that is so long that it does not fit beside its label"},
    {"way", 0, .kind = OPTION_WORD, .initial = "auto", .argument = "auto|one|two", .help = "a|b"},
    {"a-name-that-is-longer-than-its-column", 0, .kind = OPTION_ON, .help = "below"},
    {"old", 'O', .kind = OPTION_ON, .effect = EFFECT_IGNORED, .help = "there is a new one"},
    {"gone", 'g', .kind = OPTION_ON, .effect = EFFECT_REFUSED, .help = "it never was"},
    {"help", 'h', .kind = OPTION_SHOW, .argument = "markdown", .help = "this"},
    {"fast", .section = 1, .kind = OPTION_SWITCH, .initial = "yes", .help = "faster"},
    {"crawl", .section = 1, .kind = OPTION_SWITCH, .effect = EFFECT_IGNORED, .help = "nothing crawls"},
    {"level", .section = 1, .kind = OPTION_LEVEL, .effect = EFFECT_IGNORED, .argument = "0|1", .help = "no"},
};

static const struct options_table table = {
    .options = rows,
    .options_count = sizeof(rows) / sizeof(rows[0]),
    .sections = sections,
    .introduction =
        "program: does something\n\n  program --a-line-that-begins-with-a-space-is-not-broken x x\n",
    .conclusion = "The end of it, which is a long line that will be broken where the terminal is narrow.\n",
};

static char *text;

static void help_of(unsigned columns) {
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_not_null(file);
    if (columns == 0) {
        options_help_markdown(&table, file);
    } else {
        options_help_in(&table, file, columns);
    }
    fclose(file);
}

static void text_free(void) {
    free(text);
}

TestSuite(options_help, .fini = text_free);

Test(options_help, has_labels_beside_texts_under_headings) {
    help_of(110);
    cr_expect_str_eq(
        text, "program: does something\n"
              "\n"
              "  program --a-line-that-begins-with-a-space-is-not-broken x x\n"
              "\n"
              "First\n"
              "  -p, --port=PORT                  where it listens; a text that is so long that it does not "
              "fit beside its\n"
              "                                   label (default 80)\n"
              "      --way=auto|one|two           a|b (default auto)\n"
              "      --a-name-that-is-longer-than-its-column\n"
              "                                   below\n"
              "  -O, --old                        no effect: there is a new one\n"
              "  -g, --gone                       refused: it never was\n"
              "  -h, --help[=markdown]            this\n"
              "\n"
              "Names of -o\n"
              "  [no_]fast                        faster (default yes)\n"
              "  all others                       accepted with one warning: [no_]crawl [no_]level[=0|1]\n"
              "\n"
              "The end of it, which is a long line that will be broken where the terminal is narrow.\n");
}

Test(options_help, puts_texts_below_labels_where_there_is_no_room_beside) {
    help_of(50);
    cr_expect_not_null(strstr(text, "  -p, --port=PORT\n"
                                    "         where it listens; a text that is so long\n"
                                    "         that it does not fit beside its label\n"
                                    "         (default 80)\n"));
    cr_expect_not_null(strstr(text, "The end of it, which is a long line that will be\n"
                                    "broken where the terminal is narrow.\n"));
}

Test(options_help, keeps_to_every_width_and_has_every_word_in_it) {
    for (unsigned columns = 64; columns < 200; columns++) {
        help_of(columns);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
            size_t size = strcspn(line, "\n");
            cr_expect_leq(size, columns, "%.*s", (int)size, line);
            cr_expect(size == 0 || line[size - 1] != ' ', "'%.*s' ends in a space", (int)size, line);
        }
        for (size_t i = 0; i < table.options_count; i++) {
            cr_expect_not_null(strstr(text, rows[i].name));
        }
        free(text);
    }
    text = NULL;
}

Test(options_help, is_as_wide_as_the_terminal) {
    int terminal, program;
    char shown[8192];
    struct winsize window = {.ws_row = 24, .ws_col = 72};
    cr_assert_eq(openpty(&terminal, &program, NULL, NULL, &window), 0);
    FILE *file = fdopen(program, "w");
    options_help(&table, file);
    fclose(file);
    size_t used = 0;
    ssize_t size; /* -1, EIO: all was read and the other end is closed */
    while ((size = read(terminal, shown + used, sizeof(shown) - 1 - used)) > 0) {
        used += (size_t)size;
    }
    shown[used] = '\0';
    cr_expect_not_null(strstr(shown, "where it listens; a text that is so\r\n"), "%s", shown);
    close(terminal);
}

Test(options_help, in_markdown_is_a_table_for_each_section) {
    help_of(0);
    cr_expect_str_eq(
        text, "**First**\n"
              "\n"
              "| flag | default | limits | meaning |\n"
              "|---|---|---|---|\n"
              "| `-p, --port=PORT` | 80 | a port from 0 to 65535 | where it listens; a text that is so "
              "long that it does not fit beside its label |\n"
              "| `--way=auto\\|one\\|two` | auto |  | a\\|b |\n"
              "| `--a-name-that-is-longer-than-its-column` |  |  | below |\n"
              "| `-O, --old` |  |  | one warning: there is a new one |\n"
              "| `-g, --gone` |  |  | refused: it never was |\n"
              "| `-h, --help[=markdown]` |  |  | this |\n"
              "\n"
              "**Names of -o**\n"
              "\n"
              "| flag | default | limits | meaning |\n"
              "|---|---|---|---|\n"
              "| `[no_]fast` | yes |  | faster |\n"
              "| `[no_]crawl` | no |  | one warning: nothing crawls |\n"
              "| `[no_]level[=0\\|1]` |  |  | one warning: no |\n");
}
