/* SPDX-License-Identifier: MIT
 *
 * report: what people are told of a run, as text.
 */
#include "report.h"

#include "units.h"
#include "riposte/clock.h"

const struct report_percentile report_percentiles[REPORT_PERCENTILES_COUNT] = {
    {"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p99.9", 999000}, {"p99.99", 999900},
};

/* A generator that had work for so much of the time may have been what limited the load. */
#define BUSY_SHARE_MAX 0.95

/* A thread that spins and got less than this of a CPU was kept from it by others. */
#define SPIN_CPU_PERCENT_MIN 90.0

double report_per_second(const struct counts *counts, uint64_t count) {
    return counts->window_ns == 0 ? 0 : (double)count * 1e9 / (double)counts->window_ns;
}

double report_cpu_percent(const struct counts *counts) {
    double cpu_ns = (double)(counts->usage.user_ns + counts->usage.system_ns);
    return counts->window_ns == 0 ? 0 : 100 * cpu_ns / (double)counts->window_ns;
}

/* Whether the generator itself was late by more than a tenth of what it measured: then it measured itself. */
static bool was_late(const struct counts *counts) {
    uint64_t lateness_ns = histogram_percentile(&counts->lateness, 990000);
    uint64_t latency_ns = histogram_percentile(&counts->latency, 990000);
    return lateness_ns > 50 * CLOCK_NS_PER_US && lateness_ns > latency_ns / 10;
}

const char *report_warning(const struct scenario *scenario, const struct step_result *step) {
    if (step->counts.busy_share_max >= BUSY_SHARE_MAX) {
        return "the generator was the bottleneck: these figures describe it, not the server (more threads, "
               "or less to do)";
    }
    if (scenario->spin &&
        report_cpu_percent(&step->counts) < SPIN_CPU_PERCENT_MIN * (double)scenario->options->threads_count) {
        return "the generator's CPU was taken from it part of the time: other programs run there (--cpu)";
    }
    if (step->rate_per_s > 0 && was_late(&step->counts)) {
        return scenario->spin ? "the generator was late by more than a tenth of the latency"
                              : "the generator was late: it slept between requests (--wait spin)";
    }
    return NULL;
}

static void head_workload(FILE *out, const struct scenario *scenario) {
    const struct options *options = scenario->options;
    if (scenario->protocol->is_bare) {
        fprintf(out, "  workload    mn, without keys or values\n");
        return;
    }
    if (!scenario->is_keyed) {
        fprintf(out, "  workload    GET %s\n", options->target.path[0] != '\0' ? options->target.path : "/");
        return;
    }
    struct units_text least_size = units_show_size(options->value_sizes.size_min);
    struct units_text largest_size = units_show_size(options->value_sizes.size_max);
    bool one_size = options->value_sizes.size_min == options->value_sizes.size_max;
    fprintf(out, "  workload    get:set %llu:%llu, %s keys ", (unsigned long long)options->ratio_gets,
            (unsigned long long)options->ratio_sets, units_show_count(options->keys_count).text);
    if (options->zipf_exponent == 0) {
        fprintf(out, "uniform");
    } else {
        fprintf(out, "Zipf %g", options->zipf_exponent);
    }
    fprintf(out, ", values of %s%s%s, seed %llu\n", least_size.text, one_size ? "" : " to ",
            one_size ? "" : largest_size.text, (unsigned long long)options->seed);
}

static void head_connections(FILE *out, const struct scenario *scenario) {
    const struct options *options = scenario->options;
    fprintf(out, "  connections %s, %llu in flight on each",
            units_show_count(options->connections_count).text, (unsigned long long)options->depth);
    if (options->idle_count > 0) {
        fprintf(out, ", beside %s idle ones", units_show_count(options->idle_count).text);
    }
    if (options->churn_count > 0) {
        fprintf(out, ", closed after %llu requests (latency includes connecting)",
                (unsigned long long)options->churn_count);
    }
    fprintf(out, "; %llu thread%s, %s\n", (unsigned long long)options->threads_count,
            options->threads_count == 1 ? "" : "s", scenario->spin ? "spinning" : "sleeping");
}

static void head_loop(FILE *out, const struct options *options) {
    bool is_open_loop = options->rate_per_s > 0 || options->sweep_count > 0;
    if (is_open_loop) {
        fprintf(out, "  open loop   %s arrivals; latency counts from the intended time, stalls show\n",
                options->arrival == PLAN_FIXED ? "fixed" : "Poisson");
    } else {
        fprintf(out, "  CLOSED LOOP the load waits for the server: stalls do NOT show in the percentiles\n"
                     "              (coordinated omission); use --rate to see them\n");
    }
}

void report_head(FILE *out, const struct scenario *scenario) {
    fprintf(out, "riposte-load %s: %s at %s%s\n", RIPOSTE_VERSION, scenario->protocol->title,
            scenario->target.name, scenario->tls != NULL ? " over TLS" : "");
    head_connections(out, scenario);
    head_workload(out, scenario);
    if (scenario->options->preload != PRELOAD_ONLY) {
        head_loop(out, scenario->options);
    }
}

static void step_throughput(FILE *out, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    double replies_per_s = report_per_second(counts, counts->replies_in_window);
    fprintf(out, "\n  requests/s  %s", units_show_count((uint64_t)(replies_per_s + 0.5)).text);
    if (step->rate_per_s > 0) {
        fprintf(out, " of %s offered", units_show_count(step->rate_per_s).text);
    }
    fprintf(out, "   (%s in %s%s)\n", units_show_count(counts->replies_in_window).text,
            units_show_duration(counts->window_ns).text, step->interrupted ? ", interrupted" : "");
    fprintf(out, "  bytes/s     %s received, ",
            units_show_size((uint64_t)report_per_second(counts, counts->bytes_received)).text);
    fprintf(out, "%s sent\n", units_show_size((uint64_t)report_per_second(counts, counts->bytes_sent)).text);
    if (counts->connects > 0) {
        uint64_t connects_per_s = (uint64_t)report_per_second(counts, counts->connects);
        fprintf(out, "  connects/s  %s", units_show_count(connects_per_s).text);
        if (counts->tls_suite[0] != '\0') {
            fprintf(out, ": %s full handshakes", units_show_count(counts->connects - counts->resumed).text);
            fprintf(out, ", %s resumed", units_show_count(counts->resumed).text);
        }
        fprintf(out, "\n");
    }
    if (counts->tls_suite[0] != '\0') {
        fprintf(out, "  TLS         %s\n", counts->tls_suite);
    }
}

static void step_outcomes(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    fprintf(out, "  replies     %s hits, ", units_show_count(counts->outcomes[OUTCOME_HIT]).text);
    fprintf(out, "%s misses, ", units_show_count(counts->outcomes[OUTCOME_MISS]).text);
    fprintf(out, "%s stored, ", units_show_count(counts->outcomes[OUTCOME_STORED]).text);
    fprintf(out, "%s errors, ", units_show_count(counts->outcomes[OUTCOME_ERROR]).text);
    fprintf(out, "%s wrong\n", units_show_count(counts_wrong(counts)).text);
    if (scenario->preload && counts->outcomes[OUTCOME_MISS] > 0) {
        fprintf(out, "              every key was stored: the server has dropped some (no room for all?)\n");
    }
    if (counts->error_line[0] != '\0') {
        fprintf(out, "              first error: %s\n", counts->error_line);
    }
    if (counts->wrong_sample[0] != '\0') {
        fprintf(out, "              first wrong: %s\n", counts->wrong_sample);
    }
    if (counts->unsent > 0) {
        fprintf(out,
                "  unsent      %s were due and got no connection in time: in the latency with the time they "
                "waited\n",
                units_show_count(counts->unsent).text);
    }
}

static void step_latency(FILE *out, const struct step_result *step) {
    const struct histogram *latency = &step->counts.latency;
    fprintf(out, "  latency    ");
    for (unsigned i = 0; i < REPORT_PERCENTILES_COUNT; i++) {
        uint64_t value_ns = histogram_percentile(latency, report_percentiles[i].share_ppm);
        fprintf(out, " %s %s  ", report_percentiles[i].name, units_show_duration(value_ns).text);
    }
    fprintf(out, " max %s%s\n", units_show_duration(latency->maximum).text,
            step->rate_per_s > 0 ? "" : "  [closed loop]");
}

static void step_generator(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    fprintf(out, "  generator   busy %.0f %%, CPU %.0f %%, %s preemptions; ", 100 * counts->busy_share_max,
            report_cpu_percent(counts), units_show_count(counts->usage.preemptions).text);
    fprintf(out, "lateness p50 %s ",
            units_show_duration(histogram_percentile(&counts->lateness, 500000)).text);
    fprintf(out, "p99 %s ", units_show_duration(histogram_percentile(&counts->lateness, 990000)).text);
    fprintf(out, "max %s\n", units_show_duration(counts->lateness.maximum).text);
    const char *warning = report_warning(scenario, step);
    if (warning != NULL) {
        fprintf(out, "  WARNING     %s\n", warning);
    }
}

void report_step(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    step_throughput(out, step);
    step_outcomes(out, scenario, step);
    step_latency(out, step);
    step_generator(out, scenario, step);
}

void report_sweep_head(FILE *out) {
    fprintf(out, "\n%12s %12s", "offered/s", "answered/s");
    for (unsigned i = 0; i < REPORT_PERCENTILES_COUNT; i++) {
        fprintf(out, " %11s", report_percentiles[i].name);
    }
    fprintf(out, " %11s %11s %6s\n", "max", "late p99", "busy");
}

void report_sweep_line(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    double replies_per_s = report_per_second(counts, counts->replies_in_window);
    fprintf(out, "%12s ", units_show_count(step->rate_per_s).text);
    fprintf(out, "%12s", units_show_count((uint64_t)(replies_per_s + 0.5)).text);
    for (unsigned i = 0; i < REPORT_PERCENTILES_COUNT; i++) {
        uint64_t value_ns = histogram_percentile(&counts->latency, report_percentiles[i].share_ppm);
        fprintf(out, " %11s", units_show_duration(value_ns).text);
    }
    fprintf(out, " %11s", units_show_duration(counts->latency.maximum).text);
    fprintf(out, " %11s", units_show_duration(histogram_percentile(&counts->lateness, 990000)).text);
    fprintf(out, " %4.0f %%%s\n", 100 * counts->busy_share_max,
            step_kept_up(step) ? "" : "  not kept up: end");
    if (counts_faults(counts) > 0) {
        fprintf(out, "%12s %s faults%s%s\n", "", units_show_count(counts_faults(counts)).text,
                counts->error_line[0] != '\0' ? ", first error: " : "", counts->error_line);
    }
    const char *warning = report_warning(scenario, step);
    if (warning != NULL) {
        fprintf(out, "%12s WARNING: %s\n", "", warning);
    }
}

void report_progress(FILE *terminal, const char *phase, uint64_t elapsed_ns, uint64_t replies,
                     uint64_t faults) {
    double seconds = (double)elapsed_ns / 1e9;
    uint64_t per_second = seconds > 0 ? (uint64_t)((double)replies / seconds) : 0;
    fprintf(terminal, "\r\033[K%s %.1f s: %s replies, ", phase, seconds, units_show_count(replies).text);
    fprintf(terminal, "%s/s", units_show_count(per_second).text);
    if (faults > 0) {
        fprintf(terminal, ", %s FAULTS", units_show_count(faults).text);
    }
    fflush(terminal);
}

void report_progress_clear(FILE *terminal) {
    fprintf(terminal, "\r\033[K");
    fflush(terminal);
}
