/* SPDX-License-Identifier: MIT
 *
 * options_table: the options of riposte-load, once: name, letter, default, limits and help; from the command
 * line to struct options.
 */
#ifndef LOAD_OPTIONS_TABLE_H
#define LOAD_OPTIONS_TABLE_H

#include "options.h"
#include "scenario.h"

extern const struct options_table options_table;

/*
 * Reads the command line, arguments[0] being the program; what is not given has its default. OPTIONS_SHOW: the
 * help or the version was asked for and is printed. Texts in *options point into the argument vector.
 */
enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure);

#endif
