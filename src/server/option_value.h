/* SPDX-License-Identifier: MIT
 *
 * option_value: the text of one value into its field and back.
 *
 * Works on any row of the table by its kind. Allocates nothing. Any thread may call the functions that do not
 * write.
 */
#ifndef RIPOSTE_SERVER_OPTION_VALUE_H
#define RIPOSTE_SERVER_OPTION_VALUE_H

#include "options.h"

/* Longest text that the functions below write, terminator included. */
enum { OPTION_VALUE_SIZE_MAX = 256 };

enum option_need { OPTION_NEEDS_NO_VALUE, OPTION_MAY_HAVE_VALUE, OPTION_NEEDS_VALUE };

enum option_need option_value_need(const struct option *option);

/*
 * Puts `text` (NULL: no value was given) into the option's field; false when it is no such value or breaks a
 * limit.
 */
bool option_value_set(const struct option *option, struct options *options, const char *text);

/* What no_NAME does to a SWITCH or a LEVEL; false for every other kind. */
bool option_value_clear(const struct option *option, struct options *options);

/* What the option takes, for messages: "a number from 1 to 1024". */
void option_value_expected(const struct option *option, char text[OPTION_VALUE_SIZE_MAX]);

/* The field as `stats settings` shows it: yes, 1048576, auto, NULL. A text longer than the buffer is cut. */
void option_value_format(const struct option *option, const struct options *options,
                         char text[OPTION_VALUE_SIZE_MAX]);

#endif
