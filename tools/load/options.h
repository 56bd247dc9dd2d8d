/* SPDX-License-Identifier: MIT
 *
 * options: the command line. One table says of each option its name, letter, default and help; parsing and
 * --help come from it.
 *
 * Numbers are uint64_t so that one parser serves them all; limits are checked when they are read.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "failure.h"
#include "scenario.h"

enum options_status {
    OPTIONS_RUN,
    OPTIONS_SHOWN, /* help or version was asked for and printed */
    OPTIONS_WRONG, /* *failure says what */
};

/* Reads the command line; what is not given has its default. */
enum options_status options_parse(int argument_count, char *const *arguments, struct options *options,
                                  struct failure *failure);

#endif
