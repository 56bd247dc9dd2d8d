/* SPDX-License-Identifier: MIT
 *
 * What -h, --help=markdown, -i and -V print: complete, and within its width.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_table.h"

static char *text;

static void show(struct options options) {
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_not_null(file);
    options_table_show(&options, file);
    fclose(file);
}

static void text_free(void) {
    free(text);
}

TestSuite(options_shown, .fini = text_free);

Test(options_shown, name_every_option) {
    show((struct options){.help = SHOW_PLAIN});
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        cr_expect_not_null(strstr(text, options_table.options[i].name), "%s", options_table.options[i].name);
    }
    cr_expect_not_null(strstr(text, "\n  -p, --port=PORT "));
    cr_expect_not_null(strstr(text, "\n      --no-pin "));
    cr_expect_not_null(strstr(text, "\n  idle_timeout=SECONDS "));
    cr_expect_not_null(strstr(text, "(default 11211)"));
}

Test(options_shown, fit_a_page_of_110_columns) {
    show((struct options){.help = SHOW_PLAIN});
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        cr_expect_leq(strlen(line), 110, "%s", line);
        cr_expect(*line == '\0' || line[strlen(line) - 1] != ' ', "'%s' ends in a space", line);
    }
    text = NULL; /* strsep has cut it; the process ends with the test */
}

Test(options_shown, have_a_row_of_four_cells_for_every_option_in_markdown) {
    show((struct options){.help = SHOW_ARGUMENT});
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

/* The content of a file at the top of the tree, where unit programs run; in static memory. */
static const char *file_content(const char *path) {
    static char content[256 * 1024];
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s cannot be read", path);
    size_t size = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    cr_assert(size > 0 && size < sizeof(content) - 1, "%s has %zu bytes", path, size);
    content[size] = '\0';
    return content;
}

Test(options_shown, stand_in_the_readme_row_for_row_where_it_is_obeyed) {
    const char *readme = file_content("README.md");
    show((struct options){.help = SHOW_ARGUMENT});
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        bool obeyed = strstr(line, "| one warning: ") == NULL && strstr(line, "| refused: ") == NULL;
        if (strncmp(line, "| `", 3) == 0 && obeyed) {
            cr_expect_not_null(strstr(readme, line), "README.md has no row %s", line);
        }
    }
    text = NULL; /* strsep has cut it; the process ends with the test */
}

Test(options_shown, give_the_version_in_one_line) {
    show((struct options){.version = SHOW_PLAIN});
    cr_expect_str_eq(text, "riposte " RIPOSTE_VERSION "\n");
}

Test(options_shown, give_the_licence_file) {
    show((struct options){.license = SHOW_PLAIN});
    cr_expect_str_eq(text, file_content("LICENSE"));
}
