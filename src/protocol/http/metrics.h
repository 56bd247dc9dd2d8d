/* SPDX-License-Identifier: MIT
 *
 * metrics: /metrics in the text format of Prometheus (version 0.0.4), and /stats.json.
 */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "call.h"

/* Answers GET and HEAD: the text format, or JSON. */
void http_metrics(struct http_call *call, const struct http_request *request, bool is_text);

#endif
