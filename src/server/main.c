/* SPDX-License-Identifier: MIT
 *
 * main: the table of contents of a riposte process.
 *
 * The steps below are begun from the top; what was begun is ended from the bottom, at the end of the process
 * as after a step that failed. Exit status: 0 after a stop, else 64 usage, 67 no such user, 69 unavailable,
 * 71 system; of --check 0, 1 or 2, of --probe 0 or 1. What is asked for and cannot be printed: 71.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/doctor.h"
#include "hand_over.h"
#include "probe.h"
#include "process.h"
#include "resources.h"
#include "riposte/log.h"
#include "server.h"
#include "signals.h"

static const struct step {
    bool (*begin)(struct server *server, struct failure *failure);
    void (*end)(struct server *server); /* NULL: nothing to undo */
} steps[] = {
    {process_open_standard_files, NULL},
    {process_open_log, NULL},
    {hand_over_ask, hand_over_end},
    {server_find_listens, NULL},
    {process_raise_limits, NULL},
    {process_become_daemon, NULL},
    {process_block_signals, NULL},
    {hand_over_hold_victim, NULL},
    {process_write_pidfile, process_remove_pidfile},
    {process_set_memory, NULL},
    {server_open_supervision, server_close_supervision},
    {server_open_engine, server_close_engine},
    {server_write_ports, NULL},
    {server_open_encryption, server_close_encryption},
    {process_drop_privileges, process_end_janitor},
    {hand_over_open_control, hand_over_close_control},
    {server_open_memory, server_close_memory},
    {server_close_files, NULL},
    {server_start_workers, server_end_workers},
    /* Where another process is taken over from, clients wait from here on. */
    {hand_over_await, NULL},
    {server_create_store, server_destroy_store},
    {hand_over_take_values, hand_over_drop_values},
    {server_create_protocols, server_destroy_protocols},
    {server_load_passwords, NULL},
    {server_load_token, NULL},
    {process_begin_log_writer, process_end_log_writer},
    {hand_over_take_numbers, NULL},
    {server_prepare_workers, server_end_workers},
    /* Nothing that may fail stands between the verdict and serving. */
    {hand_over_take, NULL},
    {server_begin_serving, server_end_serving},
    {hand_over_release, NULL},
    {server_close_calls, NULL},
    {server_announce, NULL},
    {hand_over_await_word, NULL},
    {process_release_parent, NULL},
    {server_report_ready, NULL},
};

enum {
    STEPS_COUNT = sizeof(steps) / sizeof(steps[0]),
    PROBE_TIMEOUT_MS = 2000, /* less than a health check waits */
};

static int fail(const struct failure *failure) {
    log_line(LOG_LEVEL_ERROR, "%s", failure->text);
    return failure->exit_status;
}

/* Undoes the first `count` steps. */
static void steps_end(struct server *server, unsigned count) {
    while (count > 0) {
        count--;
        if (steps[count].end != NULL) {
            steps[count].end(server);
        }
    }
}

static int serve(struct server *server) {
    struct failure failure = {0};
    for (unsigned i = 0; i < STEPS_COUNT; i++) {
        if (!steps[i].begin(server, &failure)) {
            hand_over_explain(server, &failure);
            server->failure = &failure;
            steps_end(server, i);
            server->failure = NULL;
            fail(&failure);
            daemon_fail(&server->daemon, failure.exit_status);
            return failure.exit_status;
        }
    }
    bool in_order = server_wait(server);
    steps_end(server, STEPS_COUNT);
    log_line(LOG_LEVEL_INFO, "stopped");
    hand_over_leave(server);
    return in_order ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* exit_status, if all of what was asked for stands on standard output. */
static int printed(int exit_status) {
    struct failure failure = {0};
    bool is_whole = ferror(stdout) == 0;
    if (fclose(stdout) == 0 && is_whole) {
        return exit_status;
    }
    failure_write(&failure, EX_OSERR, "standard output cannot be written: %s", strerror(errno));
    return fail(&failure);
}

/* What the command line asks for; its exit status. */
static int run(struct server *server, int arguments_count) {
    struct failure failure = {0};
    const struct options *options = &server->options;
    switch (options_table_read(&server->options, arguments_count, (const char *const *)server->arguments,
                               &failure)) {
    case OPTIONS_SHOW:
        options_table_show(options, stdout);
        return printed(EXIT_SUCCESS);
    case OPTIONS_REFUSED:
        return fail(&failure);
    case OPTIONS_COMPLETE:
        break;
    }
    if (options->probe != NULL) {
        return probe_run(options->probe, PROBE_TIMEOUT_MS, stdout);
    }
    if (options->check != SHOW_NOT) {
        return printed(options->take_over > 0 ? hand_over_check(server, stdout) : doctor_run(server, stdout));
    }
    return serve(server);
}

int main(int arguments_count, char **arguments) {
    struct failure failure = {0};
    signals_reset();
    struct server *server =
        resources_raise_stack(__builtin_frame_address(0), &failure) ? server_make(arguments, &failure) : NULL;
    if (server == NULL) {
        return fail(&failure);
    }
    int exit_status = run(server, arguments_count);
    server_free(server);
    return exit_status;
}
