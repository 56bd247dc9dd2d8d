/* SPDX-License-Identifier: MIT
 *
 * options: parsing by the table of option_table.c, then what one option says of another. See options.h.
 */
#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "option_table.h"
#include "quantity.h"

enum {
    ROWS_MAX = 64,
    LONG_BASE = 256, /* getopt_long gives LONG_BASE + row for every option, with a letter or without */
    LONG_HELP = LONG_BASE + ROWS_MAX,
    LONG_VERSION,
};

static const char *read_number(const struct option_row *row, const char *text, uint64_t *number) {
    bool is_count = row->kind == OPTION_COUNT;
    struct bytes bytes = bytes_from_string(text);
    if (!(is_count ? quantity_parse_count(bytes, number) : quantity_parse_duration(bytes, number))) {
        return is_count ? "a number (500, 10k, 1.5m)" : "a time (200ms, 10s, 5m)";
    }
    return *number >= row->minimum && *number <= row->maximum ? NULL : "outside its limits";
}

static const char *read_word(const struct option_row *row, const char *text, unsigned *word) {
    for (unsigned i = 0; row->words[i] != NULL; i++) {
        if (strcmp(text, row->words[i]) == 0) {
            *word = i;
            return NULL;
        }
    }
    return "not one of the words that --help lists";
}

/* Reads `text` into the field of `row`. NULL, or what is wrong. */
static const char *row_read(const struct option_row *row, const char *text, struct options *options) {
    static_assert(sizeof(enum refill) == sizeof(unsigned), "an enum field takes an unsigned");
    char *field = (char *)options + row->offset;
    const char *wrong = NULL;
    uint64_t number;
    unsigned word;
    switch (row->kind) {
    case OPTION_HEADING:
        break;
    case OPTION_FLAG:
        memcpy(field, &(bool){true}, sizeof(bool));
        break;
    case OPTION_COUNT:
    case OPTION_DURATION:
        wrong = read_number(row, text, &number);
        if (wrong == NULL) {
            memcpy(field, &number, sizeof(number));
        }
        break;
    case OPTION_WORD:
        wrong = read_word(row, text, &word);
        if (wrong == NULL) {
            memcpy(field, &word, sizeof(word));
        }
        break;
    case OPTION_TEXT:
        memcpy(field, &text, sizeof(text));
        break;
    case OPTION_OTHER:
        wrong = row->read(text, options);
        break;
    }
    return wrong;
}

static void defaults_set(struct options *options) {
    *options = (struct options){0};
    for (size_t i = 0; i < option_table_count; i++) {
        if (option_table[i].initial != NULL) {
            const char *wrong = row_read(&option_table[i], option_table[i].initial, options);
            assert(wrong == NULL);
        }
    }
}

/* What getopt_long wants to know, made from the table. */
static void getopt_tables_fill(struct option *long_options, char *letters) {
    size_t count = 0;
    *letters++ = ':'; /* a missing argument is told apart from an unknown option */
    for (size_t i = 0; i < option_table_count; i++) {
        const struct option_row *row = &option_table[i];
        int has_argument = row->argument != NULL ? required_argument : no_argument;
        if (row->name != NULL) {
            long_options[count++] = (struct option){row->name, has_argument, NULL, LONG_BASE + (int)i};
        }
        if (row->letter != 0) {
            *letters++ = row->letter;
            *letters = ':';
            letters += has_argument == required_argument;
        }
    }
    long_options[count++] = (struct option){"help", no_argument, NULL, LONG_HELP};
    long_options[count++] = (struct option){"version", no_argument, NULL, LONG_VERSION};
    long_options[count] = (struct option){0};
    memcpy(letters, "hV", sizeof("hV"));
}

static const struct option_row *row_find(int code) {
    if (code >= LONG_BASE) {
        return &option_table[code - LONG_BASE];
    }
    for (size_t i = 0; i < option_table_count; i++) {
        if (option_table[i].letter != 0 && option_table[i].letter == code) {
            return &option_table[i];
        }
    }
    return NULL;
}

static enum options_status wrong_option(int code, const char *argument, struct failure *failure) {
    const char *problem = code == ':' ? "needs an argument" : "is unknown (or needs no argument)";
    failure_write(failure, EXIT_CODE_USAGE, "the option %s %s; see --help", argument, problem);
    return OPTIONS_WRONG;
}

/* What getopt_long found at one step. */
static enum options_status option_take(int code, char *const *arguments, struct options *options,
                                       struct failure *failure) {
    if (code == 'h' || code == LONG_HELP) {
        option_help_print();
        return OPTIONS_SHOWN;
    }
    if (code == 'V' || code == LONG_VERSION) {
        printf("riposte-load %s\n", RIPOSTE_VERSION);
        return OPTIONS_SHOWN;
    }
    if (code == '?' || code == ':') {
        return wrong_option(code, arguments[optind - 1], failure);
    }
    const struct option_row *row = row_find(code);
    assert(row != NULL);
    const char *wrong = row_read(row, optarg, options);
    if (wrong != NULL) {
        failure_write(failure, EXIT_CODE_USAGE, "--%s %s: %s; see --help", row->name, optarg, wrong);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}

/* A reason why the options cannot go together, or NULL. */
static const char *options_contradict(const struct options *options) {
    if (options->arrival == PLAN_CLOSED) {
        return "--arrival is poisson or fixed; a closed loop is what runs without --rate";
    }
    if (options->threads_count > options->connections_count) {
        return "there must be at least as many connections as threads";
    }
    if (options->sweep_count > 0 && options->rate_per_s > 0) {
        return "--sweep and --rate exclude each other";
    }
    if (options->duration_ns == 0 && options->requests_count == 0) {
        return "the run would have no end: give -t or -n";
    }
    if (options->sweep_count > 0 && options->duration_ns == 0) {
        return "--sweep needs a duration for each rate";
    }
    if (strchr(options->meta_flags, 'v') == NULL || strpbrk(options->meta_flags, "\r\nqO") != NULL) {
        return "--meta-flags must contain v and neither q nor O";
    }
    if (strpbrk(options->key_prefix, " \r\n\t") != NULL) {
        return "a key prefix has no spaces";
    }
    if (strpbrk(options->target.path, " \r\n\t") != NULL) {
        return "a path has no spaces; write %20";
    }
    return NULL;
}

/* A target's protocol goes before the option's; but memcached:// may be spoken to in each of its dialects. */
static enum protocol_kind protocol_choose(const struct options *options) {
    bool is_dialect_of_memcached = options->protocol == PROTOCOL_META || options->protocol == PROTOCOL_NOOP;
    if (!options->target.has_protocol ||
        (options->target.protocol == PROTOCOL_MEMCACHED && is_dialect_of_memcached)) {
        return options->protocol;
    }
    return options->target.protocol;
}

static enum options_status target_take(char *const *arguments, struct options *options,
                                       struct failure *failure) {
    const char *text = arguments[optind] != NULL ? arguments[optind] : "";
    const char *reason;
    if (arguments[optind] != NULL && arguments[optind + 1] != NULL) {
        failure_write(failure, EXIT_CODE_USAGE, "one target, not also %s; see --help", arguments[optind + 1]);
        return OPTIONS_WRONG;
    }
    if (*text == '\0' && options->unix_path == NULL) {
        failure_write(failure, EXIT_CODE_USAGE, "a target is missing, as in 127.0.0.1:11211; see --help");
        return OPTIONS_WRONG;
    }
    if (!target_parse(text, &options->target, &reason)) {
        failure_write(failure, EXIT_CODE_USAGE, "%s: %s", text, reason);
        return OPTIONS_WRONG;
    }
    options->protocol = protocol_choose(options);
    return OPTIONS_RUN;
}

enum options_status options_parse(int argument_count, char *const *arguments, struct options *options,
                                  struct failure *failure) {
    struct option long_options[ROWS_MAX + 3];
    char letters[3 * ROWS_MAX];
    assert(option_table_count < ROWS_MAX);
    defaults_set(options);
    getopt_tables_fill(long_options, letters);
    bool duration_given = false;
    optind = 0; /* glibc: begin anew */
    for (;;) {
        int code = getopt_long(argument_count, arguments, letters, long_options, NULL);
        if (code == -1) {
            break;
        }
        enum options_status status = option_take(code, arguments, options, failure);
        if (status != OPTIONS_RUN) {
            return status;
        }
        duration_given = duration_given || row_find(code)->offset == offsetof(struct options, duration_ns);
    }
    if (options->requests_count > 0 && !duration_given) {
        options->duration_ns = 0;
    }
    if (target_take(arguments, options, failure) != OPTIONS_RUN) {
        return OPTIONS_WRONG;
    }
    const char *contradiction = options_contradict(options);
    if (contradiction != NULL) {
        failure_write(failure, EXIT_CODE_USAGE, "%s", contradiction);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
