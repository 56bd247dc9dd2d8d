/* SPDX-License-Identifier: MIT
 *
 * metrics: what a part of the server tells of itself, for whoever writes it down.
 *
 * A source is a function that calls `row` once per number. Rows of one name stand together. Any thread may
 * ask a source at any time; the texts of a row are valid during the call.
 */
#ifndef RIPOSTE_METRICS_H
#define RIPOSTE_METRICS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum metrics_kind {
    METRICS_COUNTER,   /* only grows, from 0 at start */
    METRICS_GAUGE,     /* a level */
    METRICS_HISTOGRAM, /* one number of a histogram: `suffix` tells which */
};

enum { METRICS_LABELS_MAX = 2 };

struct metrics_row {
    const char *name;   /* letters, digits and '_'; of a counter ends in _total (OpenMetrics) */
    const char *help;   /* a sentence without line ends, backslashes */
    const char *suffix; /* of a histogram: _bucket (labels: ..., le), _sum, _count; NULL: none */
    struct {
        const char *name;  /* NULL: no more labels */
        const char *value; /* without quotes, backslashes, line ends */
    } labels[METRICS_LABELS_MAX];
    double value;
    enum metrics_kind kind;
};

struct metrics_source {
    void (*write)(void *user, void (*row)(void *target, const struct metrics_row *row), void *target);
    void *user; /* borrowed */
};

#ifdef __cplusplus
}
#endif

#endif
