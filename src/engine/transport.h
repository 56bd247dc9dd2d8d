/* SPDX-License-Identifier: MIT
 *
 * transport: the inner seam. How bytes and connections come and go: by io_uring or by epoll.
 *
 * The worker says what it wants (conn.wanted, listener.wanted); the transport arms it with the kernel, waits,
 * and reports what happened through accept_on_... and serve_on_... (accept.h, serve.h). Every function is called by the worker's own
 * thread.
 */
#ifndef RIPOSTE_ENGINE_TRANSPORT_H
#define RIPOSTE_ENGINE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/engine.h"

struct conn;
struct engine;
struct listener;
struct worker;

#define TRANSPORT_WAIT_FOREVER UINT64_MAX

struct transport {
    const char *name;
    bool sockets_nonblocking; /* accepted sockets must not block: readiness may be gone when it is acted on */

    /* Makes the rings or descriptors of a worker. 0, or a negative errno and *error. */
    int (*open)(struct worker *worker, struct engine_error *error);

    /* No connection is left. */
    void (*close)(struct worker *worker);

    /*
     * The kernel no longer answers (transport_failed): gives up what `open` made, but for memory that the kernel may
     * still write to. NULL where that cannot happen.
     */
    void (*abandon)(struct worker *worker);

    /*
     * Hands what conn->wanted says to the kernel and clears those bits. False: no room now, ask again next
     * turn.
     */
    bool (*arm)(struct worker *worker, struct conn *conn);

    /* Begins to accept on a listener that is `wanted` and not `armed`. False: no room now. */
    bool (*arm_accept)(struct worker *worker, struct listener *listener);

    /* Ends accepting; connections that were accepted before may still be reported. */
    void (*stop_accept)(struct worker *worker, struct listener *listener);

    /*
     * The connection goes to another engine: asks the kernel to give up what it holds of it, so that in_flight becomes 0; the
     * socket is left as it is. False: no room now.
     */
    bool (*let_go)(struct worker *worker, struct conn *conn);

    /*
     * Bytes that the kernel has taken from the connection's output and goes on sending from where they are (zero copy), where it holds the
     * connection for nothing else; 0: it does not. NULL where in_flight is always 0.
     */
    uint32_t (*lent_size)(const struct conn *conn);

    /*
     * What it has let go of is another process's: nothing of that is reported any more. NULL where that is so anyway. Connections that
     * are still here are armed anew.
     */
    void (*forget)(struct worker *worker);

    /* Closes a descriptor that the kernel holds no request of. */
    void (*close_fd)(struct worker *worker, int fd);

    /*
     * True when `reap` would find something without sleeping, or the kernel wants to be entered. Cheap: it is
     * called in a spin.
     */
    bool (*ready)(struct worker *worker);

    /* Submits what was armed and waits up to timeout_ns (0: only submits and looks) for something to reap. */
    void (*wait)(struct worker *worker, uint64_t timeout_ns);

    /* Reports a bounded number of events. */
    void (*reap)(struct worker *worker);

    /* Nothing borrows from the receive buffers any more: they go back to the kernel. */
    void (*return_buffers)(struct worker *worker);
};

extern const struct transport transport_uring;
extern const struct transport transport_epoll;

#endif
