/* SPDX-License-Identifier: MIT
 *
 * options_table: the options of riposte-load, once: name, letter, default, limits and help; from the command
 * line to struct options.
 */
#ifndef LOAD_OPTIONS_TABLE_H
#define LOAD_OPTIONS_TABLE_H

#include <stdbool.h>

#include "options.h"
#include "scenario.h"

extern const struct options_table options_table;

/*
 * Reads the command line, arguments[0] being the program; what is not given has its default. OPTIONS_SHOW: the
 * help or the version was asked for and is printed. Texts in *options point into the argument vector.
 */
enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure);

/*
 * Arguments with a form of their own: lists, pairs, ranges (option_forms.c). Each reads `text` into its fields of
 * `values`, which begins with a struct options; false when it has another form than the row says. Pure; texts are
 * borrowed.
 */
bool form_value_size_read(void *values, const char *text); /* 32, 16k, 100-1000, 32:60,1k:30,16k:10 */
bool form_ratio_read(void *values, const char *text);      /* 90:10 */
bool form_popularity_read(void *values, const char *text); /* uniform, zipf, zipf:0.8 */
bool form_sweep_read(void *values, const char *text);      /* 10k,20k,50k:400k:50k */
bool form_cpus_read(void *values, const char *text);       /* 1, 2,4-7 */
bool form_key_prefix_read(void *values, const char *text); /* anything without spaces, also nothing */
bool form_meta_flags_read(void *values, const char *text); /* v, neither q nor O */
bool form_arrival_read(void *values, const char *text);    /* poisson, fixed */

#endif
