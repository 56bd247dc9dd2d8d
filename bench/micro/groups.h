/* SPDX-License-Identifier: MIT
 *
 * groups: what there is to measure; one function a file.
 */
#ifndef BENCH_GROUPS_H
#define BENCH_GROUPS_H

#include "stopwatch.h"

void bench_parse(const struct stopwatch *stopwatch);  /* the parsers of command lines */
void bench_head(const struct stopwatch *stopwatch);   /* reading heads of HTTP requests */
void bench_lookup(const struct stopwatch *stopwatch); /* store_get, hit and miss, by items and threads */
void bench_put(const struct stopwatch *stopwatch);    /* store_put */
void bench_writers(
    const struct stopwatch *stopwatch);              /* store_put, two threads in one store and in one each */
void bench_reply(const struct stopwatch *stopwatch); /* building the answer to a hit */
void bench_hotkeys(const struct stopwatch *stopwatch);  /* counting the busiest keys */
void bench_on_input(const struct stopwatch *stopwatch); /* a request from its bytes to its answer's */

#endif
