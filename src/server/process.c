/* SPDX-License-Identifier: MIT
 *
 * process: each step asks the part that knows how, with what the flags say. See process.h.
 */
#include "process.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "allocator.h"
#include "hand_over.h"
#include "janitor.h"
#include "pidfile.h"
#include "privileges.h"
#include "protocols.h"
#include "resources.h"
#include "riposte/http.h"
#include "riposte/log.h"
#include "signals.h"
#include "sysinfo.h"

bool process_open_standard_files(struct server *server, struct failure *failure) {
    (void)server;
    return resources_open_standard_files(failure);
}

static void process_warn(void *user, const char *text) {
    (void)user;
    log_line(LOG_LEVEL_WARNING, "%s", text);
}

bool process_open_log(struct server *server, struct failure *failure) {
    const struct options *options = &server->options;
    enum log_level levels[] = {LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE};
    log_level_set(levels[options->verbose < 2 ? options->verbose : 2]);
    log_begin((enum log_format)options->log_format);
    int error = options->log_file == NULL ? 0 : log_open(options->log_file);
    if (error < 0) {
        return failure_set(failure, EX_OSERR, "--log-file=%s cannot be opened: %s", options->log_file,
                           strerror(-error));
    }
    /* A file without room would keep everything that follows to itself. A pipe that is full is its reader's affair. */
    error = options->log_file == NULL ? 0 : log_try_line("version " RIPOSTE_VERSION " starts");
    if (error < 0 && error != -EAGAIN) {
        return failure_set(failure, EX_OSERR,
                           "--log-file=%s cannot be written: %s; make room there, or name another file",
                           options->log_file, strerror(-error));
    }
    options_table_warn(options, process_warn, NULL);
    return true;
}

/* Descriptors of files: those that --http-root keeps open, and one that each connection of HTTP sends from. */
static uint64_t process_files_descriptors(const struct options *options, bool has_http) {
    bool serves_files = has_http && options->http_root != NULL;
    return serves_files
               ? (uint64_t)HTTP_FILE_DESCRIPTORS_MAX + options->http_conn_limit + HTTP_ADMIN_CONNECTIONS_MAX
               : 0;
}

bool process_raise_limits(struct server *server, struct failure *failure) {
    struct options *options = &server->options;
    bool may_lower = !options->given[OPTION_INDEX_conn_limit];
    uint32_t workers_count = options->threads > 0 ? options->threads : sysinfo_cpus(NULL, 0);
    bool has_http = listen_list_speaks(&server->listens, &http_protocol);
    uint32_t connections =
        options->conn_limit + (has_http ? options->http_conn_limit + HTTP_ADMIN_CONNECTIONS_MAX : 0);
    /* Those that are taken over are all there for a moment, however few are allowed from now on. */
    uint64_t moved = server->taker.settings.connections_count;
    connections = moved > connections ? (uint32_t)moved : connections;
    uint64_t needed = resources_descriptors_needed(connections, workers_count, server->listens.count);
    if (!resources_raise_descriptors(needed, &options->conn_limit, may_lower, &server->descriptors_limit,
                                     failure)) {
        return false;
    }
    /*
     * Files must not take the descriptors of connections. Each connection that is taken over may come with a file that is
     * being sent, too. Where there is no room for all of them, that is no reason not to start: files are answered 503 then.
     */
    uint64_t files = process_files_descriptors(options, has_http);
    if (moved + files > 0) {
        resources_raise_descriptors_further(needed + moved + files, &server->descriptors_limit);
    }
    return !options->enable_coredumps || resources_allow_core_files(failure);
}

bool process_become_daemon(struct server *server, struct failure *failure) {
    server->daemon.ends_in_order = server->options.take_over > 0;
    return !server->options.daemon ||
           daemon_begin(&server->daemon, server->options.enable_coredumps, failure);
}

bool process_write_pidfile(struct server *server, struct failure *failure) {
    const char *path = server->options.pidfile;
    pid_t before = server->taker.pid;
    return path == NULL || (before != 0 && pidfile_open_taken(path, before, &server->pidfile_fd)) ||
           pidfile_write(path, failure);
}

void process_remove_pidfile(struct server *server) {
    /* Not that of the other one: it has the other one's number. */
    if (server->options.pidfile != NULL) {
        pidfile_remove(server->options.pidfile, getpid());
    }
}

bool process_set_memory(struct server *server, struct failure *failure) {
    (void)failure; /* the system may refuse both; that is a warning */
    if (server->options.lock_memory) {
        resources_lock_memory(geteuid() == 0 && server->options.user == NULL);
    }
    if (server->options.enable_largepages) {
        allocator_use_large_pages();
    }
    return true;
}

bool process_drop_privileges(struct server *server, struct failure *failure) {
    const struct options *options = &server->options;
    /* That of the process before stays where there can be no other one. */
    bool has_none = server->former_janitor.fd < 0 || server->former_janitor.knows_words;
    struct socket_files dropped;
    hand_over_dropped(server, &dropped);
    bool begins = options->user != NULL && has_none && geteuid() == 0;
    if (begins && !janitor_begin(&server->janitor, options->pidfile, &server->listens, &dropped,
                                 &server->victim, failure)) {
        return false;
    }
    if (!begins) {
        server->janitor = server->former_janitor;
        server->former_janitor = (struct janitor){.fd = -1};
    }
    return privileges_drop(server->options.user, &server->listens, server->options.enable_coredumps, failure);
}

void process_end_janitor(struct server *server) {
    janitor_leave(&server->former_janitor);
    if (server->giver.state == GIVER_GIVEN) {
        janitor_leave(&server->janitor);
    } else {
        janitor_end(&server->janitor);
    }
}

bool process_block_signals(struct server *server, struct failure *failure) {
    (void)server;
    (void)failure; /* cannot fail */
    signals_block();
    return true;
}

bool process_begin_log_writer(struct server *server, struct failure *failure) {
    (void)server;
    int error = log_begin_writing();
    return error == 0 ||
           failure_set(failure, EX_OSERR, "the log's thread cannot be started: %s; %s", strerror(-error),
                       error == -ENOMEM ? FAILURE_MEMORY_CURE : FAILURE_THREAD_CURE);
}

void process_end_log_writer(struct server *server) {
    (void)server;
    log_end_writing();
}

bool process_release_parent(struct server *server, struct failure *failure) {
    (void)failure; /* whoever waited and is gone needs no answer */
    const struct options *options = &server->options;
    if (options->daemon && options->log_file != NULL) {
        log_take_standard_error();
    }
    log_flush();
    /* A service manager keeps what is said there. */
    bool is_managed = server->supervision.notify.fd >= 0;
    daemon_ready(&server->daemon, options->verbose > 0 || options->log_file != NULL || is_managed);
    return true;
}
