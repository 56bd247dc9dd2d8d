/* SPDX-License-Identifier: MIT
 *
 * Fragments of a manual page: names, arguments, limits; nothing in a text becomes a request or an escape.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const struct options_section sections[] = {
    {.title = "Some"}, {.title = "Names", .is_suboptions = true}, {NULL}};

static const struct option rows[] = {
    {"port", 'p', .kind = OPTION_PORT, .argument = "PORT", .initial = "80", .minimum = 0, .maximum = 9,
     .help = "one. two"},
    {"check", .kind = OPTION_MODE, .argument = "json", .help = ".dot \\n"},
    {"lru", .section = 1, .kind = OPTION_SWITCH, .help = "'quoted'"},
};

static const struct options_table table = {
    .program = "x",
    .options = rows,
    .options_count = sizeof(rows) / sizeof(rows[0]),
    .sections = sections,
    .introduction = "First. Second.\n\n  an example\n  .more\nbehind it\n",
};

static char *text;

static void page_make(void) {
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    options_help_man(&table, file);
    fclose(file);
}

static void page_free(void) {
    free(text);
}

TestSuite(options_man, .init = page_make, .fini = page_free);

Test(options_man, names_each_option_as_mdoc_wants_it) {
    cr_expect_not_null(strstr(text, "\n.It Fl p , Fl -port Ns = Ns Ar PORT\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n.It Fl -check Ns Oo = Ns Ar json Oc\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n.It Oo Cm no_ Oc Ns Cm lru\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n.Ss Some\n.Bl -tag"), "%s", text);
}

Test(options_man, begins_a_line_with_each_sentence_and_ends_with_the_limits) {
    cr_expect_not_null(strstr(text, "\none.\ntwo (default 80)\n.br\na port from 0 to 9.\n"), "%s", text);
}

Test(options_man, lets_no_text_be_a_request_or_an_escape) {
    cr_expect_not_null(strstr(text, "\n\\&.dot \\en\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n\\&'quoted' (default no)\n"), "%s", text);
}

Test(options_man, shows_indented_lines_as_they_are) {
    cr_expect_not_null(
        strstr(text,
               "@introduction@\nFirst.\nSecond.\n.Bd -literal\n  an example\n  .more\n.Ed\nbehind it\n"),
        "%s", text);
}
