/* SPDX-License-Identifier: MIT
 *
 * options: the command line as a struct.
 *
 * Made once by the main thread before any other exists, constant afterwards. Texts point into the argument
 * vector or into the struct itself, which is therefore never copied.
 */
#ifndef RIPOSTE_SERVER_OPTIONS_H
#define RIPOSTE_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "options_table.h"
#include "riposte/engine.h"

enum {
    OPTIONS_WARNING_SIZE_MAX = 256,
    OPTIONS_LIST_COUNT_MAX = 64,
    OPTIONS_EXTENDED_SIZE_MAX = 4096, /* bytes of all -o arguments together */
    OPTIONS_SPELLING_SIZE_MAX = 48,
};

/* How a value is written and kept. The C type of each stands below. */
enum option_kind {
    OPTION_ON,            /* no value; sets true */
    OPTION_OFF,           /* no value; sets false */
    OPTION_SWITCH,        /* an -o name; NAME sets true, no_NAME false */
    OPTION_REPEAT,        /* no value; adds one */
    OPTION_SHOW,          /* prints something and ends */
    OPTION_COUNT,         /* a number */
    OPTION_LEVEL,         /* an -o name: NAME=number, NAME for 1, no_NAME for 0 */
    OPTION_POWER,         /* a power of two; k, m, g may follow */
    OPTION_SIZE,          /* bytes; k, m, g may follow */
    OPTION_KILOBYTES,     /* KiB, kept in bytes; k, m, g may follow */
    OPTION_MEMORY,        /* MiB, kept in bytes; k, m, g, % may follow */
    OPTION_PORT,          /* a port; -1 where the minimum allows it */
    OPTION_SPIN,          /* "auto" or a number */
    OPTION_OCTAL,         /* permission bits */
    OPTION_CHARACTER,     /* one printable character */
    OPTION_WORD,          /* one of the words in `argument` */
    OPTION_DECIMAL,       /* digits with at most one point; kept as text */
    OPTION_TEXT,          /* anything but nothing */
    OPTION_LIST,          /* texts, one more each time */
    OPTION_EXTENDED_LIST, /* -o: names of the EXTENDED group, separated by commas */
};

/* Headings of --help, in this order. */
enum option_group {
    GROUP_LISTEN,
    GROUP_LIMIT,
    GROUP_CLIENT,
    GROUP_PROCESS,
    GROUP_ENGINE,
    GROUP_ABSENT,
    GROUP_EXTENDED,
    GROUP_COUNT,
};

enum option_effect { EFFECT_OBEYED, EFFECT_IGNORED, EFFECT_REFUSED };

enum options_show { SHOW_NOT, SHOW_PLAIN, SHOW_MARKDOWN };

/* Words of the options of kind WORD; the order is that of `argument` in the table. */
enum options_protocol { PROTOCOL_AUTO, PROTOCOL_ASCII, PROTOCOL_BINARY };
enum options_hash { HASH_JENKINS, HASH_MURMUR3, HASH_XXH3 };

struct text_list {
    const char *texts[OPTIONS_LIST_COUNT_MAX];
    unsigned count;
};

/* Every -o argument, cut into NAME, VALUE, NAME ... at its commas and equal signs. */
struct extended_text {
    char text[OPTIONS_EXTENDED_SIZE_MAX];
    size_t size; /* bytes in use */
};

#define OPTION_TYPE_ON            bool
#define OPTION_TYPE_OFF           bool
#define OPTION_TYPE_SWITCH        bool
#define OPTION_TYPE_REPEAT        unsigned
#define OPTION_TYPE_SHOW          enum options_show
#define OPTION_TYPE_COUNT         uint32_t
#define OPTION_TYPE_LEVEL         uint32_t
#define OPTION_TYPE_POWER         uint32_t
#define OPTION_TYPE_SIZE          uint64_t
#define OPTION_TYPE_KILOBYTES     uint64_t
#define OPTION_TYPE_MEMORY        uint64_t
#define OPTION_TYPE_PORT          int32_t
#define OPTION_TYPE_SPIN          int32_t
#define OPTION_TYPE_OCTAL         uint32_t
#define OPTION_TYPE_CHARACTER     char
#define OPTION_TYPE_WORD          uint32_t
#define OPTION_TYPE_DECIMAL       const char *
#define OPTION_TYPE_TEXT          const char *
#define OPTION_TYPE_LIST          struct text_list
#define OPTION_TYPE_EXTENDED_LIST struct extended_text

/* OPTION_INDEX_port and so on: the row of a field in option_table. */
enum option_index {
#define OPTION_INDEX(group, field, ...) OPTION_INDEX_##field,
    OPTIONS(OPTION_INDEX)
#undef OPTION_INDEX
        OPTION_INDEX_COUNT,
};

struct options {
#define OPTION_FIELD(group, field, name, letter, kind, ...) OPTION_TYPE_##kind field;
    OPTIONS(OPTION_FIELD)
#undef OPTION_FIELD
    bool given[OPTION_INDEX_COUNT]; /* it stood on the command line */
};

/* A row of the table. */
struct option {
    const char *name;
    char letter;
    enum option_group group;
    enum option_kind kind;
    enum option_effect effect;
    size_t offset; /* of its field in struct options */
    const char *default_text;
    int64_t minimum;
    int64_t maximum;
    const char *argument;
    const char *setting;
    const char *help;
};

extern const struct option option_table[OPTION_INDEX_COUNT];

enum options_outcome {
    OPTIONS_SERVE,   /* everything is known and within its limits */
    OPTIONS_SHOW,    /* one of options->help, license, version was asked for */
    OPTIONS_REFUSED, /* see the failure; exit 64 */
};

/*
 * Reads the command line; arguments[0] is the program. *failure is filled exactly when the outcome is
 * OPTIONS_REFUSED.
 */
enum options_outcome options_parse(struct options *options, int arguments_count, const char *const *arguments,
                                   struct failure *failure);

/* How the option is written on a command line: "-p", "--spin-us" or "-o hashpower". */
void option_spelling(const struct option *option, char text[OPTIONS_SPELLING_SIZE_MAX]);

/* Calls `line` for everything that was accepted but has no effect; nothing otherwise. */
void options_warnings(const struct options *options, void (*line)(void *user, const char *text), void *user);

#endif
