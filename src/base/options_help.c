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
#include "page.h"
#include "riposte/bytes.h"

enum {
    LABEL_WIDTH = 34,
    TEXT_WIDTH_MIN = 36, /* columns beside a label below which the text goes below it */
    TEXT_INDENT = 8,     /* then */
    COLUMNS_MIN = 40,
    COLUMNS_DEFAULT = 110, /* where nobody says how wide the paper is */
    LABEL_SIZE_MAX = 96,
    TEXT_SIZE_MAX = 512,
    NAMES_SIZE_MAX = 4096, /* of the options without effect */
};

/* A text of several lines from the margin on. */
static void lines_print(FILE *file, const char *text, unsigned columns) {
    while (text != NULL && *text != '\0') {
        struct bytes line = bytes_of(text, strcspn(text, "\n"));
        if (*text == ' ') {
            fprintf(file, "%.*s", (int)line.size, line.data);
        } else {
            page_words(&(struct page){.file = file, .columns = columns}, line);
        }
        fputc('\n', file);
        text += line.size + (text[line.size] == '\n');
    }
}

/* --- one option -------------------------------------------------------------------------------------------
 */

static bool is_suboption(const struct options_table *table, const struct option *option) {
    return table->sections[option->section].is_suboptions;
}

/* "-p, --port=PORT", "--no-pin", "[no_]lru_crawler", "idle_timeout=SECONDS" */
static void label_format(const struct options_table *table, const struct option *option,
                         char text[LABEL_SIZE_MAX]) {
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    bool has_argument = option->argument != NULL;
    bool optional = has_argument && option_need(option) == OPTION_MAY_HAVE_VALUE;
    bool negatable = option->kind == OPTION_SWITCH || option->kind == OPTION_LEVEL;
    snprintf(text, LABEL_SIZE_MAX, "%s%s%s%s%s%s%s%s", option->letter == '\0' ? "" : letter,
             is_suboption(table, option) ? "" : "--", negatable ? "[no_]" : "", option->name,
             optional ? "[" : "", has_argument ? "=" : "", has_argument ? option->argument : "",
             optional ? "]" : "");
}

/* The default as a person would type it; empty when there is none to speak of. */
static const char *default_of(const struct option *option) {
    const char *initial = option->initial == NULL ? "" : option->initial;
    if (option->kind == OPTION_SWITCH) {
        return *initial == '\0' ? "no" : initial;
    }
    return option_need(option) == OPTION_NEEDS_NO_VALUE ? "" : initial;
}

/* What stands beside the label: the help and the default. */
static void text_format(const struct option *option, char text[TEXT_SIZE_MAX]) {
    static const char *const effects[] = {
        [EFFECT_OBEYED] = "", [EFFECT_IGNORED] = "no effect: ", [EFFECT_REFUSED] = "refused: "};
    const char *value = default_of(option);
    bool shown = *value != '\0' && option->effect == EFFECT_OBEYED;
    snprintf(text, TEXT_SIZE_MAX, "%s%s%s%s%s", effects[option->effect], option->help,
             shown ? " (default " : "", shown ? value : "", shown ? ")" : "");
}

static void row_print(FILE *file, unsigned columns, const char *indent, const char *label, const char *text) {
    bool beside = columns >= LABEL_WIDTH + TEXT_WIDTH_MIN;
    struct page page = {.file = file, .columns = columns, .indent = beside ? LABEL_WIDTH : TEXT_INDENT};
    size_t size = strlen(indent) + strlen(label);
    fprintf(file, "%s%s", indent, label);
    page.at = page.indent;
    if (beside && size < LABEL_WIDTH) {
        fprintf(file, "%*s", LABEL_WIDTH - (int)size, "");
    } else {
        page_break(&page);
    }
    page_words(&page, bytes_from_string(text));
    fputc('\n', file);
}

static void option_print(const struct options_table *table, const struct option *option, FILE *file,
                         unsigned columns) {
    char label[LABEL_SIZE_MAX], text[TEXT_SIZE_MAX];
    label_format(table, option, label);
    text_format(option, text);
    /* Long forms without a letter stand below those that have one. */
    bool shifted = option->letter == '\0' && !is_suboption(table, option);
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
            char label[LABEL_SIZE_MAX];
            label_format(table, option, label);
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
    bool known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
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
    char label[LABEL_SIZE_MAX], limits[OPTION_VALUE_SIZE_MAX] = "";
    label_format(table, option, label);
    if (option_is_limited(option)) {
        option_expected(option, limits);
    }
    fputs("| `", file);
    cell_print(file, label);
    fputs("` | ", file);
    cell_print(file, option->effect == EFFECT_REFUSED ? "" : default_of(option));
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
