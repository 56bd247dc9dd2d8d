/* SPDX-License-Identifier: MIT
 *
 * options_man: a table of options as fragments of a manual page, in mdoc(7). See options.h.
 */
#include <string.h>

#include "options.h"
#include "options_text.h"
#include "riposte/bytes.h"

/* --- text -------------------------------------------------------------------------------------------------
 */

/* One character of text: what begins a request, or an escape, is made harmless. */
static void character_print(FILE *file, char character, bool first) {
    if (first && (character == '.' || character == '\'')) {
        fputs("\\&", file);
    }
    if (character == '\\') {
        fputs("\\e", file);
    } else {
        fputc(character, file);
    }
}

static void text_print(FILE *file, struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        character_print(file, text.data[i], i == 0);
    }
}

/* A sentence begins a line of its own, as mdoc wants it. */
static void sentences_print(FILE *file, struct bytes text) {
    while (text.size > 0) {
        const char *end = memmem(text.data, text.size, ". ", 2);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data) + 1;
        text_print(file, bytes_of(text.data, size));
        fputc('\n', file);
        text = bytes_after(text, size == text.size ? size : size + 1);
    }
}

/* --- introduction and conclusion --------------------------------------------------------------------------
 *
 * Lines that begin with a space are an example, an empty one ends a paragraph, every other is one.
 */

static void example_switch(FILE *file, bool *open, bool wanted) {
    if (*open != wanted) {
        fputs(wanted ? ".Bd -literal\n" : ".Ed\n", file);
    }
    *open = wanted;
}

static void lines_print(FILE *file, const char *text) {
    bool example = false, gap = false;
    while (text != NULL && *text != '\0') {
        struct bytes line = bytes_of(text, strcspn(text, "\n"));
        text += line.size + (text[line.size] == '\n');
        if (line.size == 0) {
            example_switch(file, &example, false);
            gap = true;
            continue;
        }
        example_switch(file, &example, *line.data == ' ');
        if (example) {
            text_print(file, line);
            fputc('\n', file);
        } else {
            fputs(gap ? ".Pp\n" : "", file);
            sentences_print(file, line);
        }
        gap = false;
    }
    example_switch(file, &example, false);
}

/* --- options ----------------------------------------------------------------------------------------------
 */

/* ".It Fl p , Fl -port Ns = Ns Ar PORT" */
static void item_print(FILE *file, const struct options_table *table, const struct option *option) {
    bool optional = option->argument != NULL && option_need(option) == OPTION_MAY_HAVE_VALUE;
    fputs(".It", file);
    if (option->letter != '\0') {
        fprintf(file, " Fl %c ,", option->letter);
    }
    if (options_is_suboption(table, option)) {
        fprintf(file, " %sCm %s", options_is_negatable(option) ? "Oo Cm no_ Oc Ns " : "", option->name);
    } else {
        fprintf(file, " Fl -%s", option->name);
    }
    if (option->argument != NULL) {
        fprintf(file, optional ? " Ns Oo = Ns Ar %s Oc" : " Ns = Ns Ar %s", option->argument);
    }
    fputc('\n', file);
}

static void option_print(FILE *file, const struct options_table *table, const struct option *option) {
    char text[OPTIONS_TEXT_SIZE_MAX];
    item_print(file, table, option);
    options_text(option, text);
    sentences_print(file, bytes_from_string(text));
    if (option_is_limited(option)) {
        char limits[OPTION_VALUE_SIZE_MAX];
        option_expected(option, limits);
        fputs(".br\n", file);
        text_print(file, bytes_from_string(limits));
        fputs(".\n", file);
    }
}

static void options_print(FILE *file, const struct options_table *table) {
    for (unsigned section = 0; table->sections[section].title != NULL; section++) {
        fprintf(file, ".Ss %s\n.Bl -tag -width Ds\n", table->sections[section].title);
        for (unsigned i = 0; i < table->options_count; i++) {
            if (table->options[i].section == section) {
                option_print(file, table, &table->options[i]);
            }
        }
        fputs(".El\n", file);
    }
}

void options_help_man(const struct options_table *table, FILE *file) {
    fputs(".\\\" @introduction@\n", file);
    lines_print(file, table->introduction);
    fputs(".\\\" @options@\n", file);
    options_print(file, table);
    fputs(".\\\" @conclusion@\n", file);
    lines_print(file, table->conclusion);
}
