/* SPDX-License-Identifier: MIT
 *
 * option_table: the rows that the parser and --help share.
 */
#ifndef LOAD_OPTION_TABLE_H
#define LOAD_OPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum option_kind {
    OPTION_HEADING, /* no option: `help` is the title of those that follow */
    OPTION_FLAG,
    OPTION_COUNT,    /* uint64_t, thousands by k m g */
    OPTION_DURATION, /* uint64_t of ns */
    OPTION_WORD,     /* an enum; its words in `words`, in the order of the enum */
    OPTION_TEXT,     /* const char * */
    OPTION_OTHER,    /* read by `read` */
};

struct option_row {
    enum option_kind kind;
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* how --help calls the argument */
    size_t offset;        /* of the field in struct options */
    uint64_t minimum;     /* OPTION_COUNT, OPTION_DURATION */
    uint64_t maximum;
    const char *initial;      /* the default as one would write it; NULL: the field stays zero */
    const char *const *words; /* ends in NULL */
    const char *(*read)(const char *text, struct options *options); /* NULL, or what is wrong */
    const char *help;
};

extern const struct option_row option_table[];
extern const size_t option_table_count;

/* Prints --help to standard output. */
void option_help_print(void);

#endif
