/* SPDX-License-Identifier: MIT
 *
 * report_json: the whole run as one JSON object (RFC 8259). Times are nanoseconds, sizes bytes; names say so.
 */
#include "report.h"
#include "riposte/clock.h"

/* A string with its quotes. Bytes above 126 are taken for UTF-8, which the command line is. */
static void string_write(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char character = (unsigned char)*text;
        if (character == '"' || character == '\\') {
            fprintf(out, "\\%c", character);
        } else if (character < ' ') {
            fprintf(out, "\\u%04x", character);
        } else {
            fputc(character, out);
        }
    }
    fputc('"', out);
}

/* Members; each writes what stands before it, so that a first one can go without a comma. */
static void member_text(FILE *out, const char *before, const char *name, const char *text) {
    fprintf(out, "%s\"%s\": ", before, name);
    string_write(out, text);
}

static void member_count(FILE *out, const char *before, const char *name, uint64_t number) {
    fprintf(out, "%s\"%s\": %llu", before, name, (unsigned long long)number);
}

static void member_decimal(FILE *out, const char *before, const char *name, double number) {
    fprintf(out, "%s\"%s\": %.6g", before, name, number);
}

static void member_truth(FILE *out, const char *before, const char *name, bool truth) {
    fprintf(out, "%s\"%s\": %s", before, name, truth ? "true" : "false");
}

static void settings_write(FILE *out, const struct scenario *scenario) {
    static const char *const check_names[] = {"full", "length", "none"};
    const struct options *options = scenario->options;
    const char *next = ",\n    ";
    bool is_open_loop = options->rate_per_s > 0 || options->sweep_count > 0;
    fprintf(out, "  \"settings\": {");
    member_text(out, "\n    ", "protocol", scenario->protocol->name);
    member_text(out, next, "target", scenario->target.name);
    member_text(out, next, "path", options->target.path);
    member_truth(out, next, "tls", scenario->tls != NULL);
    member_truth(out, next, "tls_resume", options->tls.resume);
    member_count(out, next, "connections", options->connections_count);
    member_count(out, next, "threads", options->threads_count);
    member_count(out, next, "depth", options->depth);
    member_text(out, next, "refill", options->refill == REFILL_ALL ? "all" : "any");
    member_count(out, next, "idle_connections", options->idle_count);
    member_count(out, next, "churn_requests", options->churn_count);
    member_text(out, next, "loop", is_open_loop ? "open" : "closed");
    member_truth(out, next, "latency_shows_stalls", is_open_loop);
    member_text(out, next, "arrival",
                !is_open_loop                    ? "closed"
                : options->arrival == PLAN_FIXED ? "fixed"
                                                 : "poisson");
    member_count(out, next, "duration_ns", options->duration_ns);
    member_count(out, next, "requests", options->requests_count);
    member_count(out, next, "warmup_ns", options->warmup_ns);
    member_count(out, next, "timeout_ns", options->timeout_ns);
    member_count(out, next, "keys", options->keys_count);
    member_count(out, next, "key_size", options->key_size);
    member_count(out, next, "value_size_min", options->value_sizes.size_min);
    member_count(out, next, "value_size_mean", options->value_sizes.size_mean);
    member_count(out, next, "value_size_max", options->value_sizes.size_max);
    member_count(out, next, "ratio_gets", options->ratio_gets);
    member_count(out, next, "ratio_sets", options->ratio_sets);
    member_decimal(out, next, "zipf_exponent", options->zipf_exponent);
    member_count(out, next, "seed", options->seed);
    member_truth(out, next, "preload", scenario->preload);
    member_text(out, next, "check", check_names[options->check]);
    member_truth(out, next, "spin", scenario->spin);
    fprintf(out, "\n  }");
}

/* {"p50": ns, ..., "max": ns, "mean": ns, "count": n} */
static void histogram_write(FILE *out, const char *name, const struct histogram *histogram) {
    fprintf(out, ",\n      \"%s\": {", name);
    for (unsigned i = 0; i < REPORT_PERCENTILES_COUNT; i++) {
        uint64_t value_ns = histogram_percentile(histogram, report_percentiles[i].share_ppm);
        member_count(out, i == 0 ? "" : ", ", report_percentiles[i].name, value_ns);
    }
    member_count(out, ", ", "max", histogram->maximum);
    member_count(out, ", ", "mean", histogram->count == 0 ? 0 : histogram->sum / histogram->count);
    member_count(out, ", ", "count", histogram->count);
    fprintf(out, "}");
}

static void outcomes_write(FILE *out, const struct counts *counts) {
    const char *next = ",\n      ";
    member_count(out, next, "hits", counts->outcomes[OUTCOME_HIT]);
    member_count(out, next, "misses", counts->outcomes[OUTCOME_MISS]);
    member_count(out, next, "stored", counts->outcomes[OUTCOME_STORED]);
    member_count(out, next, "errors", counts->outcomes[OUTCOME_ERROR]);
    member_count(out, next, "wrong", counts_wrong(counts));
    member_count(out, next, "wrong_kind", counts->outcomes[OUTCOME_WRONG_KIND]);
    member_count(out, next, "wrong_key", counts->outcomes[OUTCOME_WRONG_KEY]);
    member_count(out, next, "wrong_length", counts->outcomes[OUTCOME_WRONG_LENGTH]);
    member_count(out, next, "wrong_value", counts->outcomes[OUTCOME_WRONG_VALUE]);
    member_text(out, next, "first_error", counts->error_line);
    member_text(out, next, "first_wrong", counts->wrong_sample);
    member_count(out, next, "unsent", counts->unsent);
}

static void generator_write(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    const char *warning = report_warning(scenario, step);
    const char *next = ",\n      ";
    member_decimal(out, next, "generator_busy_share", counts->busy_share_max);
    member_decimal(out, next, "generator_cpu_percent", report_cpu_percent(counts));
    member_count(out, next, "generator_user_ns", counts->usage.user_ns);
    member_count(out, next, "generator_system_ns", counts->usage.system_ns);
    member_count(out, next, "generator_preemptions", counts->usage.preemptions);
    member_count(out, next, "generator_wait_ns", counts->usage.wait_ns);
    member_count(out, next, "receive_buffers_empty", counts->buffers_empty);
    member_text(out, next, "warning", warning != NULL ? warning : "");
}

static void step_write(FILE *out, const struct scenario *scenario, const struct step_result *step) {
    const struct counts *counts = &step->counts;
    const char *next = ",\n      ";
    member_count(out, "\n    {\n      ", "offered_per_s", step->rate_per_s);
    member_decimal(out, next, "requests_per_s", report_per_second(counts, counts->replies_in_window));
    member_count(out, next, "replies", counts->replies_in_window);
    member_count(out, next, "window_ns", counts->window_ns);
    member_decimal(out, next, "bytes_received_per_s", report_per_second(counts, counts->bytes_received));
    member_decimal(out, next, "bytes_sent_per_s", report_per_second(counts, counts->bytes_sent));
    member_decimal(out, next, "connects_per_s", report_per_second(counts, counts->connects));
    member_count(out, next, "connects", counts->connects);
    member_count(out, next, "handshakes_resumed", counts->resumed);
    member_text(out, next, "tls_suite", counts->tls_suite);
    member_truth(out, next, "complete", step->complete);
    member_truth(out, next, "interrupted", step->interrupted);
    member_truth(out, next, "kept_up", step_kept_up(step));
    outcomes_write(out, counts);
    histogram_write(out, "latency_ns", &counts->latency);
    histogram_write(out, "lateness_ns", &counts->lateness);
    generator_write(out, scenario, step);
    fprintf(out, "\n    }");
}

void report_json(FILE *out, const struct scenario *scenario, const struct run_result *result) {
    fprintf(out, "{\n  \"program\": \"riposte-load\",\n");
    member_text(out, "  ", "version", RIPOSTE_VERSION);
    member_count(out, ",\n  ", "finished_unix_s", clock_real_ns() / CLOCK_NS_PER_S);
    fprintf(out, ",\n");
    settings_write(out, scenario);
    member_count(out, ",\n  ", "prepare_ns", result->prepare_ns);
    fprintf(out, ",\n  \"steps\": [");
    for (unsigned i = 0; i < result->steps_count; i++) {
        fputs(i == 0 ? "" : ",", out);
        step_write(out, scenario, &result->steps[i]);
    }
    fprintf(out, "\n  ]");
    member_count(out, ",\n  ", "exit_status", run_exit_code(result));
    member_text(out, ",\n  ", "failure", result->failure.text);
    fprintf(out, "\n}\n");
}
