/* SPDX-License-Identifier: MIT
 *
 * counters: what a worker counts, and sums of it. X(name, help).
 */
#ifndef HTTP_COUNTERS_H
#define HTTP_COUNTERS_H

#include "riposte/counter.h"

#define HTTP_COUNTERS(X)                                                                                     \
    X(requests, "requests with a complete head")                                                             \
    X(answers_2xx, "answers of success")                                                                     \
    X(answers_3xx, "answers not modified, or moved")                                                         \
    X(answers_4xx, "answers that say what the client did wrong")                                             \
    X(answers_5xx, "answers that say what the server cannot do")                                             \
    X(refused, "connections closed because a request was malformed or too large")                            \
    X(timeouts, "requests that came too slowly (408)")                                                       \
    X(cache_hits, "values found")                                                                            \
    X(cache_misses, "values asked for that were not there")                                                  \
    X(cache_stores, "values stored, appended to or counted up or down")                                      \
    X(cache_deletes, "values deleted")                                                                       \
    X(bodies_in_pieces, "bodies that did not come with their head")

struct http_counters {
#define HTTP_COUNTER_FIELD(name, help) struct counter name;
    HTTP_COUNTERS(HTTP_COUNTER_FIELD)
#undef HTTP_COUNTER_FIELD
};

/* The same as plain numbers. */
struct http_counts {
#define HTTP_COUNT_FIELD(name, help) uint64_t name;
    HTTP_COUNTERS(HTTP_COUNT_FIELD)
#undef HTTP_COUNT_FIELD
};

static inline void http_counts_add(struct http_counts *counts, const struct http_counters *counters) {
#define HTTP_COUNT_ADD(name, help) counts->name += counter_read(&counters->name);
    HTTP_COUNTERS(HTTP_COUNT_ADD)
#undef HTTP_COUNT_ADD
}

#endif
