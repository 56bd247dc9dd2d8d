/* SPDX-License-Identifier: MIT
 *
 * metrics: what TLS tells of itself (riposte/metrics.h). Any thread.
 */
#include "riposte/clock.h"
#include "service.h"

static void write_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    const struct tls *tls = user;
    struct tls_status status = tls_status(tls);
    struct tls_counters sum;
    tls_counters_sum(tls, &sum);
#define ROW(name_, help_)                                                                                    \
    row(target, &(struct metrics_row){.name = "riposte_tls_" #name_ "_total",                                \
                                      .help = help_,                                                         \
                                      .kind = METRICS_COUNTER,                                               \
                                      .value = (double)counter_read(&sum.name_)});
    TLS_COUNTERS(ROW)
#undef ROW
    const struct metrics_row rows[] = {
        {.name = "riposte_tls_certificate_end_seconds",
         .help = "Unix time at which the first of the server's certificates ends",
         .kind = METRICS_GAUGE,
         .value = (double)status.certificate_ends_s},
        {.name = "riposte_tls_signature_seconds",
         .help = "CPU time of a signature with the slowest private key, most of a full handshake's",
         .kind = METRICS_GAUGE,
         .value = (double)status.signature_ns / (double)CLOCK_NS_PER_S},
        {.name = "riposte_tls_refresh_age_seconds",
         .help = "seconds since certificates were last read",
         .kind = METRICS_GAUGE,
         .value = (double)(clock_monotonic_ns() - status.refreshed_ns) / (double)CLOCK_NS_PER_S},
        {.name = "riposte_tls_refreshes_total",
         .help = "times certificates were read again",
         .kind = METRICS_COUNTER,
         .value = (double)status.refreshes},
        {.name = "riposte_tls_refresh_errors_total",
         .help = "times they could not be, so that the old ones stayed",
         .kind = METRICS_COUNTER,
         .value = (double)status.refresh_errors},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        row(target, &rows[i]);
    }
}

struct metrics_source tls_metrics(struct tls *tls) {
    return (struct metrics_source){.write = write_rows, .user = tls};
}
