/* SPDX-License-Identifier: MIT
 *
 * listener: one listening socket of one worker.
 *
 * Each worker has its own TCP socket per address (SO_REUSEPORT); a Unix socket has one, shared by all
 * workers; inherited sockets are dealt out, or shared where there are fewer than workers. Sockets are opened by the thread that creates the engine, so that every failure is known before
 * the start; afterwards only the worker uses them.
 */
#ifndef RIPOSTE_ENGINE_LISTENER_H
#define RIPOSTE_ENGINE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/engine.h"

struct listener {
    int fd;              /* the engine's */
    int parked_fd;       /* a connection accepted above the limit that waits for a place; -1: none */
    uint32_t generation; /* of its accept requests; travels in tags */
    uint8_t listen;      /* index into the engine's listens */
    bool is_unix;
    bool is_shared;         /* other workers accept from the same socket */
    bool is_new;            /* inherited, and not adopted yet */
    bool is_inherited;      /* whoever gave it may give it to others, who find it as it was */
    bool wanted;            /* to be armed by the transport's next arm_accept */
    bool armed;             /* from arm to the completion without F_MORE (epoll: while registered) */
    bool single_shot;       /* the kernel refused, or kept ending, the multishot accept */
    uint32_t errors_in_row; /* accepts that failed since the last one that did not */
};

/*
 * Opens one socket per entry of fds (fds_count >= 1) on the same TCP address; a port of 0 in *address becomes
 * the port that was taken. The first bind goes without SO_REUSEPORT, so that a second server on the same port
 * fails instead of taking half of the clients; what a killed server has not yet let go of is waited for (a
 * quarter of a second). A client that connects as soon as it can is not reset. 0, or a negative errno and *error, with nothing left open.
 */
int listener_open_tcp(struct sockaddr_storage *address, socklen_t address_size, uint32_t backlog, int *fds,
                      unsigned fds_count, struct engine_error *error);

/*
 * Opens a Unix socket; a file left behind by a dead server is removed first. 0 and *fd, or a negative errno
 * and *error.
 */
int listener_open_unix(struct sockaddr_storage *address, socklen_t address_size, unsigned mode,
                       uint32_t backlog, int *fd, struct engine_error *error);

/*
 * Takes over a socket that listens already (systemd.socket(5), a hand-over): checks that it does, fills in its address, and changes
 * nothing, as another process may still serve with it. 0, or a negative errno and *error.
 */
int listener_inherit(int fd, struct sockaddr_storage *address, socklen_t *address_size,
                     struct engine_error *error);

/* That process does not any more: sets of such a socket what listener_open_tcp, or listener_open_unix, would. */
void listener_adopt(int fd, bool is_unix, uint32_t backlog);

/*
 * From now on an accept(2) does not wait. The mode is the socket's: it holds for every worker that shares it.
 */
void listener_set_nonblocking(int fd);

/* The same the other way: a ring's accept would not wait on a non-blocking socket. */
void listener_set_blocking(int fd);

/*
 * Accepts if somebody waits: a descriptor (close-on-exec; non-blocking when asked for), or a negative errno
 * (-EAGAIN: nobody waits). The socket must be non-blocking, or this worker's alone: a connection stays in the
 * queue, even a reset one, until it is accepted.
 */
int listener_accept_now(int fd, bool nonblocking);

#endif
