/* SPDX-License-Identifier: MIT
 *
 * options: a program's command line, out of one table: parsing, --help and Markdown.
 *
 *      -p 80  -p80  --port 80  --port=80       a value, apart or attached
 *      -vv  -dr                                short forms without values may stand together
 *      -o idle_timeout=30,no_lru_crawler       suboptions; that option is always called -o
 *      host                                    an operand, where the program takes one
 *      --                                      what follows is no option
 *
 * In names - and _ are the same. The first error ends the reading, and so does the first option that shows
 * something. Main thread; nothing is allocated.
 */
#ifndef RIPOSTE_BASE_OPTIONS_H
#define RIPOSTE_BASE_OPTIONS_H

#include <stdio.h>

#include "failure.h"
#include "option.h"

/* Options under one heading of --help. */
struct options_section {
    const char *title;
    bool is_suboptions; /* names of -o */
    const char
        *ignored; /* label under which --help lists those without effect, names only; NULL: as others */
};

/* Another name for a long form; --help does not show it. */
struct options_alias {
    const char *alias;
    const char *name;
};

/* Suboptions that begin so are refused with this reason, although no row names them. */
struct options_family {
    const char *prefix;
    const char *reason;
};

/* Arrays without a count end in an entry whose first member is NULL; they may be NULL as a whole. */
struct options_table {
    const char *program; /* as it is typed; of completion and manual */
    const struct option *options;
    unsigned options_count;
    const struct options_section *sections;
    const struct options_alias *aliases;
    const struct options_family *families_refused;

    size_t given_offset; /* of a bool per option in the values: it stood on the command line */

    const char *operand;   /* what an operand is called; NULL: there is none */
    size_t operand_offset; /* of its const char *, which stays NULL without one */
    bool operand_repeats;  /* there may be several: operand_offset is that of a struct option_list */

    /* Called when an option has been read: for one that changes others. NULL: there is none. */
    void (*taken)(void *values, unsigned option_index);

    /* Before and after the options in --help. A long line is broken between words, unless it begins with a
       space. */
    const char *introduction;
    const char *conclusion; /* NULL: none */
};

enum options_outcome {
    OPTIONS_COMPLETE, /* all was read, each value is within its limits */
    OPTIONS_SHOW,     /* an option of kind SHOW was given: print what it asks for, then end */
    OPTIONS_REFUSED,  /* *failure says why; its exit status is EX_USAGE */
};

/*
 * Sets every field of `values` (all of it zeroed by the caller) to its default, then reads the command line;
 * arguments[0] is the program. Texts in `values` point into the argument vector.
 */
enum options_outcome options_parse(const struct options_table *table, void *values, int arguments_count,
                                   const char *const *arguments, struct failure *failure);

/* Calls `line` with a sentence for each option that was given and has no effect. */
void options_ignored(const struct options_table *table, const void *values,
                     void (*line)(void *user, const char *text), void *user);

/* Every option under its heading, as wide as the terminal that `file` is, or 110 columns. */
void options_help(const struct options_table *table, FILE *file);

/* The same in `columns`, at least 40. */
void options_help_in(const struct options_table *table, FILE *file, unsigned columns);

/* The same as Markdown tables: every option, those without effect included. */
void options_help_markdown(const struct options_table *table, FILE *file);

/*
 * Fragments of a manual page in mdoc(7), each behind a line with its name: introduction, options, conclusion. tools/manual
 * puts them where a page names them.
 */
void options_help_man(const struct options_table *table, FILE *file);

/* What completes the program's command line in a shell. */
void options_help_bash(const struct options_table *table, FILE *file);
void options_help_zsh(const struct options_table *table, FILE *file);
void options_help_fish(const struct options_table *table, FILE *file);

/* The argument of an option --help that knows all of them, and what prints the one that was asked for. */
#define OPTIONS_HELP_WORDS "markdown|man|bash|zsh|fish"
void options_help_as(const struct options_table *table, enum option_show form, FILE *file);

#endif
