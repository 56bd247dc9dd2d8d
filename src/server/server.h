/* SPDX-License-Identifier: MIT
 *
 * server: everything a process owns, in the order in which it is made.
 *
 * main.c lists the steps. Each makes one part or says in one sentence why it cannot, and is undone by its
 * counterpart, in reverse order. The parts themselves know nothing of this struct. Main thread only.
 */
#ifndef RIPOSTE_SERVER_SERVER_H
#define RIPOSTE_SERVER_SERVER_H

#include "listen.h"
#include "daemon.h"
#include "failure.h"
#include "options_table.h"
#include "riposte/engine.h"
#include "worker.h"

struct server {
    struct options
        options; /* threads and port are filled in by server_open_engine; constant while workers run */
    struct listen_list listens; /* free ports are filled in by server_open_engine */
    uint64_t descriptors_limit; /* the soft limit of descriptors */
    struct daemon daemon;
    struct engine *engine;       /* owned; NULL before server_open_engine */
    size_t store_size;           /* bytes of -m that are the store's */
    uint64_t start_ns;           /* monotonic time of the start */
    struct worker_common shared; /* the store and the services, all owned */
};

/* --- the process: process.c -------------------------------------------------------------------------------
 */

/* Standard input, output and error exist. */
bool process_open_standard_files(struct server *server, struct failure *failure);

/* Descriptors for -c connections, and core files with -r. */
bool process_raise_limits(struct server *server, struct failure *failure);

/* -d: returns in the background process only. */
bool process_become_daemon(struct server *server, struct failure *failure);

/* -P: after the process has its final id, while it may still write where root may. */
bool process_write_pidfile(struct server *server, struct failure *failure);
void process_remove_pidfile(struct server *server);

/* -k and -L: a lock is not inherited by the background process, and needs the rights that -u gives away. */
bool process_set_memory(struct server *server, struct failure *failure);

/* -u: after everything that may need the rights of root. */
bool process_drop_privileges(struct server *server, struct failure *failure);

/* Signals are held back from here on; threads inherit that. */
bool process_block_signals(struct server *server, struct failure *failure);

/* Lets the parent of a daemon go. */
bool process_release_parent(struct server *server, struct failure *failure);

/* --- the service: server.c --------------------------------------------------------------------------------
 */

/* -l, -p, -s */
bool server_find_addresses(struct server *server, struct failure *failure);

/* The listeners; nobody is answered yet. */
bool server_open_engine(struct server *server, struct failure *failure);
void server_close_engine(struct server *server);

/* The file of MEMCACHED_PORT_FILENAME: as soon as the ports are known, while root may still write it. */
bool server_write_port_file(struct server *server, struct failure *failure);

/* The store, in the memory that the engine leaves of -m. */
bool server_create_store(struct server *server, struct failure *failure);
void server_destroy_store(struct server *server);

/* The memcached protocol on that store. */
bool server_create_service(struct server *server, struct failure *failure);
void server_destroy_service(struct server *server);

/* -Y; called again for SIGHUP. */
bool server_load_passwords(struct server *server, struct failure *failure);

/* From here on clients are answered. */
bool server_start_workers(struct server *server, struct failure *failure);
void server_stop_workers(struct server *server);

/* The start line, and warnings where the machine gives less than was asked for. */
bool server_announce(struct server *server, struct failure *failure);

/* Returns after a stop signal; what it asks for is done by server_stop_workers. */
void server_wait(struct server *server);

#endif
