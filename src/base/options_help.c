/* SPDX-License-Identifier: MIT
 *
 * options_help: --help as wide as the terminal, and the same table in Markdown. See options.h.
 *
 *        -p, --port=PORT                  TCP port; 0 turns TCP off (default 11211)
 *      <--------- LABEL_WIDTH ----------> <------------ text, broken between words ---->
 *
 * Where the terminal has no room for both, the text stands below the label.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "options.h"
#include "options_text.h"
#include "wrap.h"
#include "riposte/bytes.h"

enum {
    LABEL_WIDTH = 34,
    TEXT_WIDTH_MIN = 36, /* columns beside a label below which the text goes below it */
    TEXT_INDENT = 8,     /* then */
    COLUMNS_MIN = 40,
    COLUMNS_DEFAULT = 110, /* where nobody says how wide the paper is */
    NAMES_SIZE_MAX = 4096, /* of the options without effect */
};

/* A text of several lines from the margin on. */
static void lines_print(FILE *file, const char *text, unsigned columns) {
    while (text != NULL && *text != '\0') {
        struct bytes line = bytes_of(text, strcspn(text, "\n"));
        if (*text == ' ') {
            fprintf(file, "%.*s", (int)line.size, line.data);
        } else {
            wrap_words(&(struct wrap){.file = file, .columns = columns}, line);
        }
        fputc('\n', file);
        text += line.size + (text[line.size] == '\n');
    }
}

/* --- one option -------------------------------------------------------------------------------------------
 */

static void row_print(FILE *file, unsigned columns, const char *indent, const char *label, const char *text) {
    bool beside = columns >= LABEL_WIDTH + TEXT_WIDTH_MIN;
    struct wrap wrap = {.file = file, .columns = columns, .indent = beside ? LABEL_WIDTH : TEXT_INDENT};
    size_t size = strlen(indent) + strlen(label);
    fprintf(file, "%s%s", indent, label);
    wrap.at = wrap.indent;
    if (beside && size < LABEL_WIDTH) {
        fprintf(file, "%*s", LABEL_WIDTH - (int)size, "");
    } else {
        wrap_break(&wrap);
    }
    wrap_words(&wrap, bytes_from_string(text));
    fputc('\n', file);
}

static void option_print(const struct options_table *table, const struct option *option, FILE *file,
                         unsigned columns) {
    char label[OPTIONS_LABEL_SIZE_MAX], text[OPTIONS_TEXT_SIZE_MAX];
    options_label(table, option, label);
    options_text(option, text);
    /* Long forms without a letter stand below those that have one. */
    bool shifted = option->letter == '\0' && !options_is_suboption(table, option);
    row_print(file, columns, shifted ? "      " : "  ", label, text);
}

/* --- a section --------------------------------------------------------------------------------------------
 */

/* Whether --help gives the option a row of its own. */
static bool has_row(const struct options_table *table, const struct option *option) {
    return option->effect != EFFECT_IGNORED || table->sections[option->section].ignored == NULL;
}

/* The names of those that have none, in one paragraph. */
static void ignored_print(const struct options_table *table, unsigned section, FILE *file, unsigned columns) {
    char text[NAMES_SIZE_MAX] = "accepted with one warning:";
    size_t at = strlen(text);
    for (unsigned i = 0; i < table->options_count; i++) {
        const struct option *option = &table->options[i];
        if (option->section == section && !has_row(table, option) && at < sizeof(text)) {
            char label[OPTIONS_LABEL_SIZE_MAX];
            options_label(table, option, label);
            at += (size_t)snprintf(text + at, sizeof(text) - at, " %s", label);
        }
    }
    row_print(file, columns, "  ", table->sections[section].ignored, text);
}

void options_help_in(const struct options_table *table, FILE *file, unsigned columns) {
    columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
    lines_print(file, table->introduction, columns);
    for (unsigned section = 0; table->sections[section].title != NULL; section++) {
        fprintf(file, "\n%s\n", table->sections[section].title);
        for (unsigned i = 0; i < table->options_count; i++) {
            const struct option *option = &table->options[i];
            if (option->section == section && has_row(table, option)) {
                option_print(table, option, file, columns);
            }
        }
        if (table->sections[section].ignored != NULL) {
            ignored_print(table, section, file, columns);
        }
    }
    if (table->conclusion != NULL) {
        fputc('\n', file);
        lines_print(file, table->conclusion, columns);
    }
}

void options_help(const struct options_table *table, FILE *file) {
    struct winsize size;
    /* Through a pager or head(1) it is shown on the terminal that errors go to. */
    bool known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;
    known = known && size.ws_col > 0;
    options_help_in(table, file, known ? size.ws_col : COLUMNS_DEFAULT);
}

/* --- Markdown ---------------------------------------------------------------------------------------------
 */

/* A cell of a table: a bar would end it. */
static void cell_print(FILE *file, const char *text) {
    for (; *text != '\0'; text++) {
        fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, file);
    }
}

static void markdown_row(const struct options_table *table, const struct option *option, FILE *file) {
    static const char *const effects[] = {
        [EFFECT_OBEYED] = "", [EFFECT_IGNORED] = "one warning: ", [EFFECT_REFUSED] = "refused: "};
    char label[OPTIONS_LABEL_SIZE_MAX], limits[OPTION_VALUE_SIZE_MAX] = "";
    options_label(table, option, label);
    if (option_is_limited(option)) {
        option_expected(option, limits);
    }
    fputs("| `", file);
    cell_print(file, label);
    fputs("` | ", file);
    cell_print(file, option->effect == EFFECT_REFUSED ? "" : options_default(option));
    fputs(" | ", file);
    cell_print(file, limits);
    fprintf(file, " | %s", effects[option->effect]);
    cell_print(file, option->help);
    fputs(" |\n", file);
}

void options_help_markdown(const struct options_table *table, FILE *file) {
    for (unsigned section = 0; table->sections[section].title != NULL; section++) {
        fprintf(file, "%s**%s**\n\n| flag | default | limits | meaning |\n|---|---|---|---|\n",
                section == 0 ? "" : "\n", table->sections[section].title);
        for (unsigned i = 0; i < table->options_count; i++) {
            if (table->options[i].section == section) {
                markdown_row(table, &table->options[i], file);
            }
        }
    }
}

void options_help_as(const struct options_table *table, enum option_show form, FILE *file) {
    static void (*const forms[])(const struct options_table *table, FILE *file) = {
        options_help_markdown, options_help_man, options_help_bash, options_help_zsh, options_help_fish};
    if (form < SHOW_ARGUMENT) {
        options_help(table, file);
    } else {
        forms[form - SHOW_ARGUMENT](table, file);
    }
}
