/* SPDX-License-Identifier: MIT
 *
 * What -h, --help=markdown, -i and -V print: complete, and within its width.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"

static char *text;

static void print(void (*write)(FILE *file)) {
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_not_null(file);
    write(file);
    fclose(file);
}

static void show(struct options options) {
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_not_null(file);
    help_show(file, &options);
    fclose(file);
}

static void text_free(void) {
    free(text);
}

TestSuite(help, .fini = text_free);

Test(help, names_every_option) {
    print(help_print);
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        cr_expect_not_null(strstr(text, option_table[i].name), "%s", option_table[i].name);
    }
    cr_expect_not_null(strstr(text, "\n  -p, --port=PORT "));
    cr_expect_not_null(strstr(text, "\n      --no-pin "));
    cr_expect_not_null(strstr(text, "\n  idle_timeout=SECONDS "));
    cr_expect_not_null(strstr(text, "(default 11211)"));
}

Test(help, fits_a_terminal_of_110_columns) {
    print(help_print);
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        cr_expect_leq(strlen(line), 110, "%s", line);
        cr_expect(*line == '\0' || line[strlen(line) - 1] != ' ', "'%s' ends in a space", line);
    }
    text = NULL; /* strsep has cut it; the process ends with the test */
}

Test(help, has_a_row_of_four_cells_for_every_option_in_markdown) {
    print(help_print_markdown);
    unsigned rows = 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "| `", 3) == 0) {
            unsigned bars = 0;
            for (const char *at = line; *at != '\n'; at++) {
                bars += *at == '|' && (at == line || at[-1] != '\\');
            }
            cr_expect_eq(bars, 5, "%.80s", line);
            rows++;
        }
    }
    cr_expect_eq(rows, OPTION_INDEX_COUNT);
}

Test(help, shows_the_version_in_one_line) {
    show((struct options){.version = SHOW_PLAIN});
    cr_expect_str_eq(text, "riposte " RIPOSTE_VERSION "\n");
}

Test(help, shows_the_licence_file) {
    show((struct options){.license = SHOW_PLAIN});
    FILE *file = fopen("LICENSE", "re");
    cr_assert_not_null(file, "unit programs run at the top of the tree");
    char license[4096] = "";
    size_t size = fread(license, 1, sizeof(license) - 1, file);
    fclose(file);
    cr_expect_gt(size, 0);
    cr_expect_str_eq(text, license);
}
