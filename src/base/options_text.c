/* SPDX-License-Identifier: MIT
 *
 * options_text: one option in words. See options_text.h.
 */
#include "options_text.h"

#include <stdio.h>

bool options_is_suboption(const struct options_table *table, const struct option *option) {
    return table->sections[option->section].is_suboptions;
}

bool options_is_negatable(const struct option *option) {
    return option->kind == OPTION_SWITCH || option->kind == OPTION_LEVEL;
}

void options_label(const struct options_table *table, const struct option *option,
                   char text[OPTIONS_LABEL_SIZE_MAX]) {
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    bool has_argument = option->argument != NULL;
    bool optional = has_argument && option_need(option) == OPTION_MAY_HAVE_VALUE;
    bool negatable = options_is_negatable(option);
    snprintf(text, OPTIONS_LABEL_SIZE_MAX, "%s%s%s%s%s%s%s%s", option->letter == '\0' ? "" : letter,
             options_is_suboption(table, option) ? "" : "--", negatable ? "[no_]" : "", option->name,
             optional ? "[" : "", has_argument ? "=" : "", has_argument ? option->argument : "",
             optional ? "]" : "");
}

const char *options_default(const struct option *option) {
    const char *initial = option->initial == NULL ? "" : option->initial;
    if (option->kind == OPTION_SWITCH) {
        return *initial == '\0' ? "no" : initial;
    }
    return option_need(option) == OPTION_NEEDS_NO_VALUE ? "" : initial;
}

void options_text(const struct option *option, char text[OPTIONS_TEXT_SIZE_MAX]) {
    static const char *const effects[] = {
        [EFFECT_OBEYED] = "", [EFFECT_IGNORED] = "no effect: ", [EFFECT_REFUSED] = "refused: "};
    const char *value = options_default(option);
    bool shown = *value != '\0' && option->effect == EFFECT_OBEYED;
    snprintf(text, OPTIONS_TEXT_SIZE_MAX, "%s%s%s%s%s", effects[option->effect], option->help,
             shown ? " (default " : "", shown ? value : "", shown ? ")" : "");
}
