/* SPDX-License-Identifier: MIT
 *
 * riposte-load: a load generator for caches and web servers, on io_uring. `riposte-load --help` teaches its
 * use.
 *
 *      options -> scenario (what to send) -> run (threads: plan, client, connection, reader) -> report
 *
 * This file is the table of contents: it reads the options, runs, and reports.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options_table.h"
#include "report.h"
#include "run.h"
#include "scenario.h"

/* Where things are told. */
struct console {
    const struct scenario *scenario;
    FILE *text;     /* NULL: none, JSON has standard output */
    FILE *progress; /* NULL: none */
};

static void on_progress(void *user, const char *phase, uint64_t elapsed_ns, uint64_t replies,
                        uint64_t faults) {
    struct console *console = user;
    if (console->progress != NULL) {
        report_progress(console->progress, phase, elapsed_ns, replies, faults);
    }
}

static void on_step_done(void *user, const struct step_result *step) {
    struct console *console = user;
    if (console->progress != NULL) {
        report_progress_clear(console->progress);
    }
    if (console->text == NULL) {
        return;
    }
    if (console->scenario->options->sweep_count > 0) {
        report_sweep_line(console->text, console->scenario, step);
    } else {
        report_step(console->text, console->scenario, step);
    }
    fflush(console->text);
}

static bool writes_json_to_stdout(const struct options *options) {
    return options->json_path != NULL && strcmp(options->json_path, "-") == 0;
}

static int fail(const struct failure *failure) {
    fprintf(stderr, "riposte-load: %s\n", failure->text);
    return failure->exit_status;
}

/* False: the file could not be written. */
static bool json_save(const struct scenario *scenario, const struct run_result *result) {
    const struct options *options = scenario->options;
    if (options->json_path == NULL) {
        return true;
    }
    FILE *file = writes_json_to_stdout(options) ? stdout : fopen(options->json_path, "w");
    if (file != NULL) {
        report_json(file, scenario, result);
    }
    bool written = file != NULL && fflush(file) == 0 && ferror(file) == 0;
    if (!written) {
        fprintf(stderr, "riposte-load: %s cannot be written: %s\n", options->json_path, strerror(errno));
    }
    if (file != NULL && file != stdout) {
        fclose(file);
    }
    return written;
}

static void preload_only_report(FILE *out, const struct scenario *scenario, const struct run_result *result) {
    if (out != NULL && scenario->options->preload == PRELOAD_ONLY && !failure_happened(&result->failure)) {
        fprintf(out, "\n  stored      %llu keys in %.3f s\n",
                (unsigned long long)scenario->workload.keys.count, (double)result->prepare_ns / 1e9);
    }
}

static int run_and_report(const struct scenario *scenario) {
    const struct options *options = scenario->options;
    struct console console = {
        .scenario = scenario,
        .text = writes_json_to_stdout(options) ? NULL : stdout,
        .progress = isatty(STDERR_FILENO) == 1 && !options->quiet ? stderr : NULL,
    };
    struct run_observer observer = {.user = &console, .progress = on_progress, .step_done = on_step_done};
    struct run_result result;
    if (console.text != NULL) {
        report_head(console.text, scenario);
        if (options->sweep_count > 0) {
            report_sweep_head(console.text);
        }
        fflush(console.text);
    }
    run_execute(scenario, &observer, &result);
    if (console.progress != NULL) {
        report_progress_clear(console.progress);
    }
    preload_only_report(console.text, scenario, &result);
    int status = (int)run_exit_code(&result);
    if (failure_happened(&result.failure)) {
        status = fail(&result.failure);
    }
    if (!json_save(scenario, &result)) {
        status = EXIT_CODE_SYSTEM;
    }
    run_result_deinit(&result);
    return status;
}

int main(int argument_count, char **arguments) {
    struct options options;
    struct scenario scenario;
    struct failure failure = {0};
    switch (options_table_read(&options, argument_count, (const char *const *)arguments, &failure)) {
    case OPTIONS_SHOW:
        return EXIT_CODE_CLEAN;
    case OPTIONS_REFUSED:
        return fail(&failure);
    case OPTIONS_COMPLETE:
        break;
    }
    if (!scenario_init(&scenario, &options, &failure)) {
        return fail(&failure);
    }
    int status = run_and_report(&scenario);
    scenario_deinit(&scenario);
    return status;
}
