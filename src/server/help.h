/* SPDX-License-Identifier: MIT
 *
 * help: what -h, --help=markdown, -i and -V print. Made from the table of options; main thread only.
 */
#ifndef RIPOSTE_SERVER_HELP_H
#define RIPOSTE_SERVER_HELP_H

#include <stdio.h>

#include "options.h"

/* Every flag under its heading, for a terminal. */
void help_print(FILE *file);

/* The same as Markdown tables, for the README. */
void help_print_markdown(FILE *file);

/* What OPTIONS_SHOW asked for. */
void help_show(FILE *file, const struct options *options);

#endif
