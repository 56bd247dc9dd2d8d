/* SPDX-License-Identifier: MIT
 *
 * options: from the argument vector to struct options. See options.h.
 *
 *      -p 80  -p80  --port 80  --port=80       a value, apart or attached
 *      -vv  -dr                                short forms without values may stand together
 *      -o idle_timeout=30,no_lru_crawler       names of the EXTENDED group
 *      --                                      nothing may follow: there are no other arguments
 *
 * The first error ends the reading, and so does the first of -h, -i, -V.
 */
#include "options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "option_value.h"
#include "suggestion.h"

const struct option option_table[OPTION_INDEX_COUNT] = {
#define OPTION_ROW(group_, field_, name_, letter_, kind_, effect_, default_, minimum_, maximum_, argument_,  \
                   setting_, help_)                                                                          \
    {                                                                                                        \
        .name = (name_),                                                                                     \
        .letter = (letter_),                                                                                 \
        .group = GROUP_##group_,                                                                             \
        .kind = OPTION_##kind_,                                                                              \
        .effect = EFFECT_##effect_,                                                                          \
        .offset = offsetof(struct options, field_),                                                          \
        .default_text = (default_),                                                                          \
        .minimum = (minimum_),                                                                               \
        .maximum = (maximum_),                                                                               \
        .argument = (argument_),                                                                             \
        .setting = (setting_),                                                                               \
        .help = (help_),                                                                                     \
    },
    OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

/* -o names of whole features that are not here: silence would be a trap. */
static const struct family {
    const char *prefix;
    const char *help;
} families_refused[] = {
    {"ssl_", "TLS is not spoken here; put a TLS front before it (stunnel, nginx, HAProxy)"},
    {"ext_", "extstore is not here: items live in memory only"},
    {"proxy_", "the proxy is not here; use mcrouter or twemproxy in front"},
};

struct parser {
    struct options *options;
    const char *const *arguments;
    int arguments_count;
    int at; /* index of the next argument */
    struct failure *failure;
};

static enum options_outcome refuse(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum options_outcome refuse(struct parser *parser, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->failure->text, sizeof(parser->failure->text), format, arguments);
    va_end(arguments);
    parser->failure->exit_status = EX_USAGE;
    return OPTIONS_REFUSED;
}

static void options_init(struct options *options) {
    memset(options, 0, sizeof(*options));
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        const struct option *option = &option_table[i];
        if (strcmp(option->default_text, "yes") == 0) {
            *(bool *)((char *)options + option->offset) = true;
        } else if (option->default_text[0] != '\0') {
            bool set = option_value_set(option, options, option->default_text);
            assert(set);
        }
    }
}

void option_spelling(const struct option *option, char text[OPTIONS_SPELLING_SIZE_MAX]) {
    if (option->group == GROUP_EXTENDED) {
        snprintf(text, OPTIONS_SPELLING_SIZE_MAX, "-o %s", option->name);
    } else if (option->letter != '\0') {
        snprintf(text, OPTIONS_SPELLING_SIZE_MAX, "-%c", option->letter);
    } else {
        snprintf(text, OPTIONS_SPELLING_SIZE_MAX, "--%s", option->name);
    }
}

/* --- finding -------------------------------------------------------------------------------------------- */

static const struct option *option_find_letter(char letter) {
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        if (letter != '\0' && option_table[i].letter == letter) {
            return &option_table[i];
        }
    }
    return NULL;
}

static const struct option *option_find_name(struct bytes name, bool extended) {
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        bool in_extended = option_table[i].group == GROUP_EXTENDED;
        if (in_extended == extended && bytes_equal_string(name, option_table[i].name)) {
            return &option_table[i];
        }
    }
    return NULL;
}

/* The nearest option of the same group of names, or NULL. */
static const struct option *option_suggest(struct bytes name, bool extended) {
    struct suggestion suggestion = suggestion_begin(name);
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        if ((option_table[i].group == GROUP_EXTENDED) == extended) {
            suggestion_consider(&suggestion, option_table[i].name, &option_table[i]);
        }
    }
    return suggestion.best;
}

/* --- one option ----------------------------------------------------------------------------------------- */

static enum options_outcome extended_read(struct parser *parser, char *text);

/* `spelling` is what the user typed, for messages; value is NULL when there was none. */
static enum options_outcome option_apply(struct parser *parser, const struct option *option,
                                         const char *spelling, const char *value) {
    struct options *options = parser->options;
    char expected[OPTION_VALUE_SIZE_MAX];
    size_t extended_size = options->extended.size;
    options->given[option - option_table] = true;
    if (option->effect == EFFECT_REFUSED) {
        return refuse(parser, "%s: %s", spelling, option->help);
    }
    if (!option_value_set(option, options, value)) {
        option_value_expected(option, expected);
        return value == NULL ? refuse(parser, "%s needs %s", spelling, expected)
                             : refuse(parser, "%s %s: expected %s", spelling, value, expected);
    }
    if (option->kind == OPTION_EXTENDED_LIST) {
        return extended_read(parser, options->extended.text + extended_size);
    }
    return option->kind == OPTION_SHOW ? OPTIONS_SHOW : OPTIONS_SERVE;
}

/* --- -o ------------------------------------------------------------------------------------------------- */

static enum options_outcome extended_refuse(struct parser *parser, const char *name) {
    for (size_t i = 0; i < sizeof(families_refused) / sizeof(families_refused[0]); i++) {
        const struct family *family = &families_refused[i];
        if (strncmp(name, family->prefix, strlen(family->prefix)) == 0) {
            return refuse(parser, "-o %s: %s", name, family->help);
        }
    }
    const struct option *nearest = option_suggest(bytes_from_string(name), true);
    if (nearest != NULL) {
        return refuse(parser, "unknown name -o %s; did you mean -o %s?", name, nearest->name);
    }
    return refuse(parser, "unknown name -o %s; --help lists the names of -o", name);
}

/* no_NAME; false when there is no such switch. */
static bool extended_clear(struct options *options, const char *name) {
    const struct option *option = option_find_name(bytes_from_string(name), true);
    if (option == NULL || !option_value_clear(option, options)) {
        return false;
    }
    options->given[option - option_table] = true;
    if (option == &option_table[OPTION_INDEX_modern]) {
        options->maxconns_fast = false;
        options->slab_reassign = false;
        options->slab_automove = 0;
        options->lru_crawler = false;
        options->lru_maintainer = false;
    }
    return true;
}

static enum options_outcome extended_apply(struct parser *parser, const char *name, const char *value) {
    char spelling[OPTIONS_SPELLING_SIZE_MAX];
    const struct option *option = option_find_name(bytes_from_string(name), true);
    if (option != NULL) {
        option_spelling(option, spelling);
        return option_apply(parser, option, spelling, value);
    }
    if (strncmp(name, "no_", 3) == 0 && value == NULL && extended_clear(parser->options, name + 3)) {
        return OPTIONS_SERVE;
    }
    return extended_refuse(parser, name);
}

/* Cuts one -o argument in place. */
static enum options_outcome extended_read(struct parser *parser, char *text) {
    enum options_outcome outcome = OPTIONS_SERVE;
    char *rest = text;
    while (outcome == OPTIONS_SERVE && rest != NULL) {
        char *name = strsep(&rest, ",");
        char *value = name;
        strsep(&value, "=");
        outcome = *name == '\0' ? OPTIONS_SERVE : extended_apply(parser, name, value);
    }
    return outcome;
}

/* --- the argument vector -------------------------------------------------------------------------------- */

/* The argument after this one as a value; NULL at the end. */
static const char *value_next(struct parser *parser) {
    return parser->at < parser->arguments_count ? parser->arguments[parser->at++] : NULL;
}

static enum options_outcome long_refuse(struct parser *parser, struct bytes name) {
    if (option_find_name(name, true) != NULL) {
        return refuse(parser, "unknown flag --%.*s; did you mean -o %.*s?", (int)name.size, name.data,
                      (int)name.size, name.data);
    }
    const struct option *nearest = option_suggest(name, false);
    if (nearest != NULL) {
        return refuse(parser, "unknown flag --%.*s; did you mean --%s?", (int)name.size, name.data,
                      nearest->name);
    }
    return refuse(parser, "unknown flag --%.*s; --help lists the flags", (int)name.size, name.data);
}

/* --name, --name=value, --name value */
static enum options_outcome long_read(struct parser *parser, const char *argument) {
    struct bytes name = bytes_of(argument + 2, strcspn(argument + 2, "="));
    const struct option *option = option_find_name(name, false);
    if (option == NULL) {
        return long_refuse(parser, name);
    }
    char spelling[OPTIONS_SPELLING_SIZE_MAX];
    snprintf(spelling, sizeof(spelling), "--%s", option->name);
    const char *value = name.data[name.size] == '=' ? name.data + name.size + 1 : NULL;
    if (value == NULL && option_value_need(option) == OPTION_NEEDS_VALUE) {
        value = value_next(parser);
    }
    return option_apply(parser, option, spelling, value);
}

static enum options_outcome letter_refuse(struct parser *parser, char letter) {
    bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    const struct option *other_case = is_letter ? option_find_letter((char)(letter ^ 0x20)) : NULL;
    if (other_case != NULL) {
        return refuse(parser, "unknown flag -%c; did you mean -%c, --%s?", letter, other_case->letter,
                      other_case->name);
    }
    return refuse(parser, "unknown flag -%c; --help lists the flags", letter);
}

/* -p value, -pvalue, -vd */
static enum options_outcome letters_read(struct parser *parser, const char *argument) {
    enum options_outcome outcome = OPTIONS_SERVE;
    for (const char *letter = argument + 1; *letter != '\0' && outcome == OPTIONS_SERVE; letter++) {
        const struct option *option = option_find_letter(*letter);
        if (option == NULL) {
            return letter_refuse(parser, *letter);
        }
        char spelling[] = {'-', *letter, '\0'};
        if (option_value_need(option) == OPTION_NEEDS_VALUE) {
            const char *value = letter[1] != '\0' ? letter + 1 : value_next(parser);
            return option_apply(parser, option, spelling, value);
        }
        outcome = option_apply(parser, option, spelling, NULL);
    }
    return outcome;
}

static enum options_outcome argument_read(struct parser *parser, const char *argument) {
    if (argument[0] != '-' || argument[1] == '\0') {
        return refuse(parser, "unexpected argument '%s'; flags begin with - or --", argument);
    }
    if (strcmp(argument, "--") == 0) {
        return parser->at == parser->arguments_count
                   ? OPTIONS_SERVE
                   : refuse(parser, "unexpected argument '%s' after --", parser->arguments[parser->at]);
    }
    return argument[1] == '-' ? long_read(parser, argument) : letters_read(parser, argument);
}

/* What no single option can know. */
static enum options_outcome options_check(struct parser *parser) {
    struct options *options = parser->options;
    if (options->given[OPTION_INDEX_udp_port] && options->udp_port > 0 &&
        !options->given[OPTION_INDEX_port]) {
        options->port = options->udp_port;
    }
    if (options->max_item_size > options->memory_limit / 2) {
        char item_size[QUANTITY_TEXT_SIZE_MAX], memory_size[QUANTITY_TEXT_SIZE_MAX];
        quantity_format((int64_t)options->max_item_size, item_size);
        quantity_format((int64_t)options->memory_limit, memory_size);
        return refuse(parser, "-I %s is more than half of -m %s; raise -m or lower -I", item_size,
                      memory_size);
    }
    return OPTIONS_SERVE;
}

enum options_outcome options_parse(struct options *options, int arguments_count, const char *const *arguments,
                                   struct failure *failure) {
    struct parser parser = {
        .options = options,
        .arguments = arguments,
        .arguments_count = arguments_count,
        .at = 1,
        .failure = failure,
    };
    enum options_outcome outcome = OPTIONS_SERVE;
    options_init(options);
    while (outcome == OPTIONS_SERVE && parser.at < arguments_count) {
        outcome = argument_read(&parser, arguments[parser.at++]);
    }
    return outcome == OPTIONS_SERVE ? options_check(&parser) : outcome;
}

void options_warnings(const struct options *options, void (*line)(void *user, const char *text), void *user) {
    char text[OPTIONS_WARNING_SIZE_MAX], spelling[OPTIONS_SPELLING_SIZE_MAX];
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        if (options->given[i] && option_table[i].effect == EFFECT_IGNORED) {
            bool both_forms = option_table[i].letter != '\0';
            option_spelling(&option_table[i], spelling);
            snprintf(text, sizeof(text), "%s%s%s has no effect: %s", spelling, both_forms ? ", --" : "",
                     both_forms ? option_table[i].name : "", option_table[i].help);
            line(user, text);
        }
    }
    if (options->udp_port != 0) {
        snprintf(text, sizeof(text), "-U %d: there is no UDP here; TCP listens as before",
                 (int)options->udp_port);
        line(user, text);
    }
    if (options->protocol == PROTOCOL_BINARY) {
        line(user, "-B binary: only the text protocol is spoken; binary connections are closed");
    }
}
