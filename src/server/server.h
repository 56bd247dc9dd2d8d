/* SPDX-License-Identifier: MIT
 *
 * server: everything a process owns, in the order in which it is made.
 *
 * main.c lists the steps. Each makes one part or says in one sentence why it cannot, and is undone by its
 * counterpart, in reverse order. The steps that concern the process rather than the service stand in process.h.
 * The parts themselves know nothing of this struct. Main thread only.
 */
#ifndef RIPOSTE_SERVER_SERVER_H
#define RIPOSTE_SERVER_SERVER_H

#include "daemon.h"
#include "encryption.h"
#include "failure.h"
#include "inherited.h"
#include "janitor.h"
#include "listen.h"
#include "memory_lock.h"
#include "options_table.h"
#include "protocols.h"
#include "riposte/engine.h"
#include "supervision/supervision.h"
#include "take_over/giver.h"
#include "take_over/successor.h"
#include "take_over/taker.h"
#include "take_over/victim.h"

struct server {
    struct options
        options; /* threads and port are filled in by server_open_engine; constant while workers run */
    struct inherited
        inherited; /* sockets that the process was started with; given up by server_open_engine */
    struct listen_list listens; /* free ports are filled in by server_open_engine */
    uint64_t descriptors_limit; /* the soft limit of descriptors */
    struct daemon daemon;
    struct janitor janitor;        /* with -u */
    struct janitor former_janitor; /* of the process that is taken over from, until then */
    uint64_t start_ns;             /* monotonic time of the start */
    struct engine *engine;         /* owned; NULL before server_open_engine */
    struct encryption encryption;
    size_t store_size;   /* bytes of -m that are for the store */
    uint64_t items_room; /* bytes of memory for a store beside that of the process that is taken over from */
    int memory_fd;       /* of -e, until the store has it; -1 */
    int pidfile_fd;      /* of -P, to be written once the process that it names has ended; -1 */
    struct store *store; /* owned */
    bool store_is_taken; /* it is that of the process that is taken over from */
    struct protocols protocols; /* the services on that store */
    struct supervision supervision;
    struct memory_lock memory_lock; /* -k */
    struct victim victim;           /* this one, until it has taken over */
    struct taker taker;             /* the process that this one takes over from */
    bool is_stop_passed_on;         /* that one was asked to stop, and has said so */
    struct giver giver;             /* and the one that takes over from it */
    struct successor successor;     /* that one, where SIGUSR2 has started it */
    const struct failure *failure;  /* borrowed, while the steps are undone; NULL: none of them has failed */
    char **arguments;               /* the command line */
};

/*
 * Of the process that begins with this command line. Its owner is main, on the heap: it is as large as a small stack. NULL and
 * *failure: there is no memory.
 */
struct server *server_make(char **arguments, struct failure *failure);
void server_free(struct server *server);

/* What the process was started with, then -l, -p, -s, --http. */
bool server_find_listens(struct server *server, struct failure *failure);

/* What the flags ask of the engine, but for what it listens on. */
void server_fill_config(struct server *server, struct engine_config *config);

/* The listeners; nobody is answered yet. */
bool server_open_engine(struct server *server, struct failure *failure);
void server_close_engine(struct server *server);

/* The file of MEMCACHED_PORT_FILENAME: as soon as the ports are known, while root may still write it. */
bool server_write_ports(struct server *server, struct failure *failure);

/* Certificates and keys, while root may still read them. */
bool server_open_encryption(struct server *server, struct failure *failure);
void server_close_encryption(struct server *server);

/* Bytes of -m that are for files. */
size_t server_files_size(const struct server *server);

/* What is left of -m for the store, and the file of -e. */
bool server_open_memory(struct server *server, struct failure *failure);
void server_close_memory(struct server *server);

/* The store, in the memory that the engine leaves of -m: that of -e, that of the process before, or new. */
bool server_create_store(struct server *server, struct failure *failure);
void server_destroy_store(struct server *server);

/* The protocols on that store. */
bool server_create_protocols(struct server *server, struct failure *failure);
void server_destroy_protocols(struct server *server);

/* -Y, --http-token-file */
bool server_load_passwords(struct server *server, struct failure *failure);
bool server_load_token(struct server *server, struct failure *failure);

/* --sandbox, in two steps: files before the workers start, system calls once they run. */
bool server_close_files(struct server *server, struct failure *failure);
bool server_close_calls(struct server *server, struct failure *failure);

/* Rings, buffers and threads, which wait for what they serve with. */
bool server_start_workers(struct server *server, struct failure *failure);
bool server_prepare_workers(struct server *server, struct failure *failure);
void server_end_workers(struct server *server);

/* From here on clients are answered. */
bool server_begin_serving(struct server *server, struct failure *failure);
void server_end_serving(struct server *server);

/* The start line, and warnings where the machine gives less than was asked for. */
bool server_announce(struct server *server, struct failure *failure);

/* The way to a service manager, where there is one; and the word that clients are answered. */
bool server_open_supervision(struct server *server, struct failure *failure);
void server_close_supervision(struct server *server);
bool server_report_ready(struct server *server, struct failure *failure);

/*
 * Returns after a stop signal, or when another process serves; what that asks for is done by server_end_serving. False: the workers
 * could not go on.
 */
bool server_wait(struct server *server);

#endif
