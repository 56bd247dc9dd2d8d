/* SPDX-License-Identifier: MIT */
#include "help.h"

#include <inttypes.h>
#include <string.h>

#include "license.h"
#include "option_value.h"

enum {
    LABEL_WIDTH = 34, /* columns before a flag's text */
    LINE_WIDTH = 110,
    LABEL_SIZE_MAX = 96,
    TEXT_SIZE_MAX = 384,
};

static const char *const headings[GROUP_COUNT] = {
    [GROUP_LISTEN] = "Where it listens",    [GROUP_LIMIT] = "Limits",
    [GROUP_CLIENT] = "What clients may do", [GROUP_PROCESS] = "The process",
    [GROUP_ENGINE] = "The engine",          [GROUP_ABSENT] = "Flags of memcached without meaning here",
    [GROUP_EXTENDED] = "Names of -o",
};

/* "-p, --port=PORT", "--no-pin", "[no_]lru_crawler", "idle_timeout=SECONDS" */
static void label_format(const struct option *option, char text[LABEL_SIZE_MAX]) {
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    bool extended = option->group == GROUP_EXTENDED;
    bool optional = option_value_need(option) == OPTION_MAY_HAVE_VALUE;
    const char *argument = option->argument == NULL ? "" : option->argument;
    const char *equals = option->argument == NULL ? "" : "=";
    const char *prefix = option->kind == OPTION_SWITCH || option->kind == OPTION_LEVEL ? "[no_]" : "";
    snprintf(text, LABEL_SIZE_MAX, "%s%s%s%s%s%s%s%s", option->letter == '\0' ? "" : letter,
             extended ? "" : "--", prefix, option->name, optional && *argument ? "[" : "", equals, argument,
             optional && *argument ? "]" : "");
}

/* The default as a person would type it; empty when there is none to speak of. */
static const char *default_format(const struct option *option) {
    bool named = option_value_need(option) == OPTION_NEEDS_NO_VALUE;
    if (option->kind == OPTION_SWITCH) {
        return option->default_text[0] == '\0' ? "no" : option->default_text;
    }
    return named ? "" : option->default_text;
}

/* What stands beside the label: the help, the limits, the default. */
static void text_format(const struct option *option, char text[TEXT_SIZE_MAX]) {
    const char *value = default_format(option);
    bool shown = *value != '\0' && option->effect == EFFECT_OBEYED;
    static const char *const effects[] = {
        [EFFECT_OBEYED] = "", [EFFECT_IGNORED] = "no effect: ", [EFFECT_REFUSED] = "refused: "};
    snprintf(text, TEXT_SIZE_MAX, "%s%s%s%s%s", effects[option->effect], option->help,
             shown ? " (default " : "", shown ? value : "", shown ? ")" : "");
}

/* Words of `text` on lines of LINE_WIDTH, all but the first indented. */
static void text_print(FILE *file, const char *text) {
    size_t column = LABEL_WIDTH;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        if (column + 1 + size > LINE_WIDTH) {
            fprintf(file, "\n%*s", LABEL_WIDTH, "");
            column = LABEL_WIDTH;
        }
        fprintf(file, " %.*s", (int)size, text);
        column += 1 + size;
        text += size + (text[size] == ' ');
    }
    fputc('\n', file);
}

static void option_print(FILE *file, const struct option *option) {
    char label[LABEL_SIZE_MAX], text[TEXT_SIZE_MAX];
    label_format(option, label);
    text_format(option, text);
    /* Long forms without a letter stand below those that have one. */
    const char *indent = option->letter == '\0' && option->group != GROUP_EXTENDED ? "      " : "  ";
    int width = LABEL_WIDTH - (int)strlen(indent);
    fprintf(file, "%s%-*s", indent, width, label);
    if ((int)strlen(label) > width - 1) {
        fprintf(file, "\n%*s", LABEL_WIDTH, "");
    }
    text_print(file, text);
}

/* Names of -o that only cost a warning: one paragraph, the reasons stand in the Markdown tables. */
static void ignored_names_print(FILE *file) {
    char text[TEXT_SIZE_MAX * 8] = "accepted with one warning:";
    size_t at = strlen(text);
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        if (option_table[i].group == GROUP_EXTENDED && option_table[i].effect == EFFECT_IGNORED) {
            char label[LABEL_SIZE_MAX];
            label_format(&option_table[i], label);
            at += (size_t)snprintf(text + at, sizeof(text) - at, " %s", label);
        }
    }
    fprintf(file, "  %-*s", LABEL_WIDTH - 2, "all others of memcached");
    text_print(file, text);
}

void help_print(FILE *file) {
    fputs("riposte " RIPOSTE_VERSION ": memcached's text protocol, answered from io_uring\n"
          "usage: riposte [flag]...\n"
          "Sizes are bytes, or take k, m, g (powers of 1024).\n",
          file);
    for (unsigned group = 0; group < GROUP_COUNT; group++) {
        fprintf(file, "\n%s\n", headings[group]);
        for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
            const struct option *option = &option_table[i];
            bool listed = group != GROUP_EXTENDED || option->effect == EFFECT_OBEYED;
            if (option->group == group && listed) {
                option_print(file, option);
            }
        }
    }
    ignored_names_print(file);
}

/* A cell of a table: a bar would end it. */
static void cell_print(FILE *file, const char *text) {
    for (; *text != '\0'; text++) {
        fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, file);
    }
}

static void row_print(FILE *file, const struct option *option) {
    char label[LABEL_SIZE_MAX], limits[OPTION_VALUE_SIZE_MAX] = "";
    static const char *const effects[] = {
        [EFFECT_OBEYED] = "", [EFFECT_IGNORED] = "one warning: ", [EFFECT_REFUSED] = "refused: "};
    label_format(option, label);
    if (option->maximum > option->minimum) {
        option_value_expected(option, limits);
    }
    fputs("| `", file);
    cell_print(file, label);
    fputs("` | ", file);
    cell_print(file, option->effect == EFFECT_REFUSED ? "" : default_format(option));
    fputs(" | ", file);
    cell_print(file, limits);
    fprintf(file, " | %s", effects[option->effect]);
    cell_print(file, option->help);
    fputs(" |\n", file);
}

void help_print_markdown(FILE *file) {
    for (unsigned group = 0; group < GROUP_COUNT; group++) {
        fprintf(file, "%s**%s**\n\n| flag | default | limits | meaning |\n|---|---|---|---|\n",
                group == 0 ? "" : "\n", headings[group]);
        for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
            if (option_table[i].group == group) {
                row_print(file, &option_table[i]);
            }
        }
    }
}

void help_show(FILE *file, const struct options *options) {
    if (options->version != SHOW_NOT) {
        fputs("riposte " RIPOSTE_VERSION "\n", file);
    } else if (options->license != SHOW_NOT) {
        fputs(license_text, file);
    } else if (options->help == SHOW_MARKDOWN) {
        help_print_markdown(file);
    } else {
        help_print(file);
    }
}
