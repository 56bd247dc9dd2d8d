/* SPDX-License-Identifier: MIT
 *
 * options_text: how one option of a table is written wherever it is shown: --help, Markdown, manual, completion.
 */
#ifndef RIPOSTE_BASE_OPTIONS_TEXT_H
#define RIPOSTE_BASE_OPTIONS_TEXT_H

#include "options.h"

enum { OPTIONS_LABEL_SIZE_MAX = 96, OPTIONS_TEXT_SIZE_MAX = 512 }; /* terminators included */

/* Whether it is a name of -o. */
bool options_is_suboption(const struct options_table *table, const struct option *option);

/* "-p, --port=PORT", "--no-pin", "[no_]lru_crawler", "idle_timeout=SECONDS" */
void options_label(const struct options_table *table, const struct option *option,
                   char text[OPTIONS_LABEL_SIZE_MAX]);

/* The default as a person would type it; empty when there is none to speak of. Static storage. */
const char *options_default(const struct option *option);

/* What stands beside the label: the help and the default. */
void options_text(const struct option *option, char text[OPTIONS_TEXT_SIZE_MAX]);

/* Whether no_NAME turns it off. */
bool options_is_negatable(const struct option *option);

#endif
