/* SPDX-License-Identifier: MIT
 *
 * metrics: what engine, store and process tell of themselves, as a source for whoever asks (riposte/metrics.h).
 *
 * The names that the Prometheus exporter of memcached has (github.com/prometheus/memcached_exporter) are kept, so
 * that its dashboards show a riposte; everything else begins with riposte_.
 */
#ifndef RIPOSTE_SERVER_METRICS_H
#define RIPOSTE_SERVER_METRICS_H

#include "riposte/metrics.h"

struct server;

/* `server` has its engine and store, and keeps them as long as anybody may ask. Any thread may. */
struct metrics_source metrics_of_server(const struct server *server);

#endif
