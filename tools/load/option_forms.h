/* SPDX-License-Identifier: MIT
 *
 * option_forms: arguments with a form of their own: lists, pairs, ranges.
 *
 * Each reads `text` into its fields of `values`, which begins with a struct options (scenario.h); false when it
 * has another form than the row of options_table.c says. Pure; texts are borrowed.
 */
#ifndef LOAD_OPTION_FORMS_H
#define LOAD_OPTION_FORMS_H

#include <stdbool.h>

bool form_value_size_read(void *values, const char *text); /* 32, 16k, 100-1000, 32:60,1k:30,16k:10 */
bool form_ratio_read(void *values, const char *text);      /* 90:10 */
bool form_popularity_read(void *values, const char *text); /* uniform, zipf, zipf:0.8 */
bool form_sweep_read(void *values, const char *text);      /* 10k,20k,50k:400k:50k */
bool form_cpus_read(void *values, const char *text);       /* 1, 2,4-7 */
bool form_key_prefix_read(void *values, const char *text); /* anything without spaces, also nothing */
bool form_meta_flags_read(void *values, const char *text); /* v, neither q nor O */
bool form_arrival_read(void *values, const char *text);    /* poisson, fixed */

#endif
