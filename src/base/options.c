/* SPDX-License-Identifier: MIT
 *
 * options: from the argument vector to the values, by the rows of the table. See options.h.
 */
#include "options.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#include "riposte/bytes.h"
#include "suggestion.h"

enum { SPELLING_SIZE_MAX = 64, WARNING_SIZE_MAX = 256 };

struct parser {
    const struct options_table *table;
    void *values;
    const char *const *arguments;
    int arguments_count;
    int at;             /* index of the next argument */
    bool operands_only; /* behind -- */
    struct failure *failure;
};

static enum options_outcome refuse(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum options_outcome refuse(struct parser *parser, const char *format, ...) {
    char text[FAILURE_TEXT_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    failure_write(parser->failure, EX_USAGE, "%s", text);
    return OPTIONS_REFUSED;
}

/* --- finding -------------------------------------------------------------------------------------------- */

static bool is_suboption(const struct options_table *table, const struct option *option) {
    return table->sections[option->section].is_suboptions;
}

/* Whether they are the same but for - and _. */
static bool name_equal(struct bytes typed, const char *name) {
    for (size_t i = 0; i < typed.size; i++) {
        char letter = typed.data[i] == '_' ? '-' : typed.data[i];
        if (letter == '\0' || letter != (name[i] == '_' ? '-' : name[i])) {
            return false;
        }
    }
    return name[typed.size] == '\0';
}

static const struct option *find_letter(const struct options_table *table, char letter) {
    for (unsigned i = 0; i < table->options_count; i++) {
        if (letter != '\0' && table->options[i].letter == letter) {
            return &table->options[i];
        }
    }
    return NULL;
}

static const struct option *find_name(const struct options_table *table, struct bytes name,
                                      bool among_suboptions) {
    for (unsigned i = 0; i < table->options_count; i++) {
        const struct option *option = &table->options[i];
        if (is_suboption(table, option) == among_suboptions && name_equal(name, option->name)) {
            return option;
        }
    }
    for (const struct options_alias *alias = table->aliases;
         alias != NULL && alias->alias != NULL && !among_suboptions; alias++) {
        if (name_equal(name, alias->alias)) {
            return find_name(table, bytes_from_string(alias->name), false);
        }
    }
    return NULL;
}

/* The option with the nearest name, or NULL. */
static const struct option *find_nearest(const struct options_table *table, struct bytes name,
                                         bool among_suboptions) {
    struct suggestion suggestion = suggestion_begin(name);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (is_suboption(table, &table->options[i]) == among_suboptions) {
            suggestion_consider(&suggestion, table->options[i].name, &table->options[i]);
        }
    }
    return suggestion.best;
}

/* --- one option ----------------------------------------------------------------------------------------- */

static enum options_outcome suboptions_read(struct parser *parser, char *text);

static void option_taken(struct parser *parser, const struct option *option) {
    unsigned index = (unsigned)(option - parser->table->options);
    ((bool *)((char *)parser->values + parser->table->given_offset))[index] = true;
    if (parser->table->taken != NULL) {
        parser->table->taken(parser->values, index);
    }
}

/* `spelling` is what the user typed, for messages; value is NULL when there was none. */
static enum options_outcome option_apply(struct parser *parser, const struct option *option,
                                         const char *spelling, const char *value) {
    char expected[OPTION_VALUE_SIZE_MAX];
    if (option->effect == EFFECT_REFUSED) {
        return refuse(parser, "%s: %s", spelling, option->help);
    }
    if (option->kind == OPTION_SUBOPTIONS && value != NULL) {
        struct option_suboptions *suboptions = (void *)((char *)parser->values + option->offset);
        char *text = suboptions->text + suboptions->size;
        if (option_set(option, parser->values, value)) {
            option_taken(parser, option);
            return suboptions_read(parser, text);
        }
    } else if (option_set(option, parser->values, value)) {
        option_taken(parser, option);
        return option->kind == OPTION_SHOW ? OPTIONS_SHOW : OPTIONS_COMPLETE;
    }
    option_expected(option, expected);
    return value == NULL ? refuse(parser, "%s needs %s", spelling, expected)
                         : refuse(parser, "%s %s: expected %s", spelling, value, expected);
}

/* --- suboptions ----------------------------------------------------------------------------------------- */

static enum options_outcome suboption_refuse(struct parser *parser, const char *name) {
    for (const struct options_family *family = parser->table->families_refused;
         family != NULL && family->prefix != NULL; family++) {
        if (strncmp(name, family->prefix, strlen(family->prefix)) == 0) {
            return refuse(parser, "-o %s: %s", name, family->reason);
        }
    }
    const struct option *nearest = find_nearest(parser->table, bytes_from_string(name), true);
    if (nearest != NULL) {
        return refuse(parser, "unknown name -o %s; did you mean -o %s?", name, nearest->name);
    }
    return refuse(parser, "unknown name -o %s; --help lists the names of -o", name);
}

/* no_NAME; false when there is no such switch. */
static bool suboption_clear(struct parser *parser, const char *name) {
    const struct option *option = find_name(parser->table, bytes_from_string(name), true);
    if (option == NULL || !option_clear(option, parser->values)) {
        return false;
    }
    option_taken(parser, option);
    return true;
}

static enum options_outcome suboption_apply(struct parser *parser, const char *name, const char *value) {
    char spelling[SPELLING_SIZE_MAX];
    const struct option *option = find_name(parser->table, bytes_from_string(name), true);
    if (option != NULL) {
        snprintf(spelling, sizeof(spelling), "-o %s", option->name);
        return option_apply(parser, option, spelling, value);
    }
    bool negated = strncmp(name, "no_", 3) == 0 || strncmp(name, "no-", 3) == 0;
    if (negated && value == NULL && suboption_clear(parser, name + 3)) {
        return OPTIONS_COMPLETE;
    }
    return suboption_refuse(parser, name);
}

/* Cuts one argument in place. */
static enum options_outcome suboptions_read(struct parser *parser, char *text) {
    enum options_outcome outcome = OPTIONS_COMPLETE;
    char *rest = text;
    while (outcome == OPTIONS_COMPLETE && rest != NULL) {
        char *name = strsep(&rest, ",");
        char *value = name;
        strsep(&value, "=");
        outcome = *name == '\0' ? OPTIONS_COMPLETE : suboption_apply(parser, name, value);
    }
    return outcome;
}

/* --- the argument vector -------------------------------------------------------------------------------- */

/* The argument after this one as a value; NULL at the end. */
static const char *value_next(struct parser *parser) {
    return parser->at < parser->arguments_count ? parser->arguments[parser->at++] : NULL;
}

static enum options_outcome long_refuse(struct parser *parser, struct bytes name) {
    int size = (int)name.size;
    const struct option *suboption = find_name(parser->table, name, true);
    const struct option *nearest = find_nearest(parser->table, name, false);
    if (suboption != NULL) {
        return refuse(parser, "unknown flag --%.*s; did you mean -o %s?", size, name.data, suboption->name);
    }
    if (nearest != NULL) {
        return refuse(parser, "unknown flag --%.*s; did you mean --%s?", size, name.data, nearest->name);
    }
    return refuse(parser, "unknown flag --%.*s; --help lists the flags", size, name.data);
}

/* --name, --name=value, --name value */
static enum options_outcome long_read(struct parser *parser, const char *argument) {
    struct bytes name = bytes_of(argument + 2, strcspn(argument + 2, "="));
    const struct option *option = find_name(parser->table, name, false);
    if (option == NULL) {
        return long_refuse(parser, name);
    }
    char spelling[SPELLING_SIZE_MAX];
    snprintf(spelling, sizeof(spelling), "--%s", option->name);
    const char *value = name.data[name.size] == '=' ? name.data + name.size + 1 : NULL;
    if (value == NULL && option_need(option) == OPTION_NEEDS_VALUE) {
        value = value_next(parser);
    }
    return option_apply(parser, option, spelling, value);
}

static enum options_outcome letter_refuse(struct parser *parser, char letter) {
    bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    const struct option *other_case = is_letter ? find_letter(parser->table, (char)(letter ^ 0x20)) : NULL;
    if (other_case != NULL) {
        return refuse(parser, "unknown flag -%c; did you mean -%c, --%s?", letter, other_case->letter,
                      other_case->name);
    }
    return refuse(parser, "unknown flag -%c; --help lists the flags", letter);
}

/* -p value, -pvalue, -vd */
static enum options_outcome letters_read(struct parser *parser, const char *argument) {
    enum options_outcome outcome = OPTIONS_COMPLETE;
    for (const char *letter = argument + 1; *letter != '\0' && outcome == OPTIONS_COMPLETE; letter++) {
        const struct option *option = find_letter(parser->table, *letter);
        if (option == NULL) {
            return letter_refuse(parser, *letter);
        }
        char spelling[] = {'-', *letter, '\0'};
        if (option_need(option) == OPTION_NEEDS_VALUE) {
            const char *value = letter[1] != '\0' ? letter + 1 : value_next(parser);
            return option_apply(parser, option, spelling, value);
        }
        outcome = option_apply(parser, option, spelling, NULL);
    }
    return outcome;
}

static enum options_outcome operand_append(struct parser *parser, const char *argument) {
    const struct options_table *table = parser->table;
    struct option_list *list = (void *)((char *)parser->values + table->operand_offset);
    if (list->count == OPTION_LIST_COUNT_MAX) {
        return refuse(parser, "more than %d of %s; see --help", OPTION_LIST_COUNT_MAX, table->operand);
    }
    list->texts[list->count++] = argument;
    return OPTIONS_COMPLETE;
}

static enum options_outcome operand_read(struct parser *parser, const char *argument) {
    const struct options_table *table = parser->table;
    if (table->operand == NULL) {
        return parser->operands_only
                   ? refuse(parser, "unexpected argument '%s' after --", argument)
                   : refuse(parser, "unexpected argument '%s'; flags begin with - or --", argument);
    }
    if (table->operand_repeats) {
        return operand_append(parser, argument);
    }
    const char **operand = (const char **)(void *)((char *)parser->values + table->operand_offset);
    if (*operand != NULL) {
        return refuse(parser, "one %s, not %s and %s; see --help", table->operand, *operand, argument);
    }
    *operand = argument;
    return OPTIONS_COMPLETE;
}

static enum options_outcome argument_read(struct parser *parser, const char *argument) {
    if (parser->operands_only || argument[0] != '-' || argument[1] == '\0') {
        return operand_read(parser, argument);
    }
    if (strcmp(argument, "--") == 0) {
        parser->operands_only = true;
        return OPTIONS_COMPLETE;
    }
    return argument[1] == '-' ? long_read(parser, argument) : letters_read(parser, argument);
}

static void defaults_set(const struct options_table *table, void *values) {
    for (unsigned i = 0; i < table->options_count; i++) {
        const struct option *option = &table->options[i];
        const char *initial = option->initial == NULL ? "" : option->initial;
        if (strcmp(initial, "yes") == 0) {
            *(bool *)((char *)values + option->offset) = true;
        } else if (*initial != '\0') {
            bool set = option_set(option, values, initial);
            assert(set);
        }
    }
}

enum options_outcome options_parse(const struct options_table *table, void *values, int arguments_count,
                                   const char *const *arguments, struct failure *failure) {
    struct parser parser = {
        .table = table,
        .values = values,
        .arguments = arguments,
        .arguments_count = arguments_count,
        .at = 1,
        .failure = failure,
    };
    enum options_outcome outcome = OPTIONS_COMPLETE;
    defaults_set(table, values);
    while (outcome == OPTIONS_COMPLETE && parser.at < arguments_count) {
        outcome = argument_read(&parser, arguments[parser.at++]);
    }
    return outcome;
}

/* "-f, --slab-growth-factor", "--no-pin", "-o lru_crawler" */
static void option_spelling(const struct options_table *table, const struct option *option,
                            char text[SPELLING_SIZE_MAX]) {
    if (is_suboption(table, option)) {
        snprintf(text, SPELLING_SIZE_MAX, "-o %s", option->name);
    } else if (option->letter != '\0') {
        snprintf(text, SPELLING_SIZE_MAX, "-%c, --%s", option->letter, option->name);
    } else {
        snprintf(text, SPELLING_SIZE_MAX, "--%s", option->name);
    }
}

void options_ignored(const struct options_table *table, const void *values,
                     void (*line)(void *user, const char *text), void *user) {
    const bool *given = (const bool *)((const char *)values + table->given_offset);
    for (unsigned i = 0; i < table->options_count; i++) {
        if (given[i] && table->options[i].effect == EFFECT_IGNORED) {
            char text[WARNING_SIZE_MAX], spelling[SPELLING_SIZE_MAX];
            option_spelling(table, &table->options[i], spelling);
            snprintf(text, sizeof(text), "%s has no effect: %s", spelling, table->options[i].help);
            line(user, text);
        }
    }
}
