/* SPDX-License-Identifier: MIT
 *
 * protocol: what a request/reply protocol gives the engine. A protocol is these functions and nothing else.
 *
 * The engine owns sockets, buffers, time-outs and threads; a protocol sees the unread bytes of one connection
 * and answers through a reply. All functions are called by the worker that owns the connection, never by two
 * threads at once, and must not block.
 *
 *      on_open -> { prefetch?, on_input }* -> on_close
 */
#ifndef RIPOSTE_PROTOCOL_H
#define RIPOSTE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "riposte/bytes.h"

struct reply;

/* Largest session_size a protocol may ask for, in bytes. */
enum { PROTOCOL_SESSION_SIZE_MAX = 1024 };

/* How long `later` waits, in milliseconds; also the resolution of what such a connection is told. */
enum { PROTOCOL_LATER_MS = 10 };

/* What on_input did. */
struct progress {
    size_t consumed;   /* bytes of the input that are done with, 0 to input.size */
    unsigned requests; /* requests completed in this call, 0 to requests_max */

    /*
     * True when there is more to do without new input: requests_max was reached, reply_full said stop, or an
     * answer is produced in pieces. The engine calls on_input again (with what is left of the input, maybe
     * none) after others have had their turn and the connection's unsent output is below its bound. False:
     * call again when more bytes have come.
     */
    bool again;

    /*
     * True when on_input wants to be called once more in about PROTOCOL_LATER_MS although nothing has come
     * (with whatever is unread then): for an answer that waits for something outside the connection. `again`
     * goes before it. Such a connection is not idle.
     */
    bool later;

    /*
     * With `later`: what is waited for has no end (a subscription), so nothing is owed to a client that sends
     * no more: the end of its input ends the connection. Without: the answer is waited for first.
     */
    bool endless;
};

/* Why a connection is gone. */
enum protocol_close {
    PROTOCOL_CLOSE_NORMAL, /* the client or the protocol has ended it */
    PROTOCOL_CLOSE_ERROR,  /* a socket error, a bound was passed, memory has ended */
    PROTOCOL_CLOSE_IDLE_TIMEOUT,
    PROTOCOL_CLOSE_SHUTDOWN, /* the engine stops */
};

struct protocol {
    const char *name; /* for log lines and statistics; static storage */

    /*
     * Bytes of per-connection state, 0 to PROTOCOL_SESSION_SIZE_MAX. They live in the connection's slot,
     * aligned to 8, zeroed before on_open.
     */
    size_t session_size;

    /*
     * A connection was accepted. May answer (a greeting) or close. `fd` is for questions (getpeername), not
     * for reading or writing. Optional.
     */
    void (*on_open)(void *session, int fd, struct reply *reply, void *context);

    /*
     * A first look at input that on_input will soon get, so that the memory it needs can be fetched while
     * others are looked at. Must not change the session. Optional.
     */
    void (*prefetch)(const void *session, struct bytes input, void *context);

    /*
     * Reads requests from `input`, answers into `reply`, stops after requests_max (>= 1) requests or when
     * reply_full.
     *
     * input       the connection's unread bytes, oldest first; borrowed until the function returns. What is
     *             not consumed comes again, with more behind it. Empty only after `again` or `later`.
     * input_max   see engine_config: when this many bytes wait unconsumed and the protocol still asks for
     *             more, the engine closes the connection; a protocol with a smaller limit answers and closes
     *             by itself.
     */
    struct progress (*on_input)(void *session, struct bytes input, unsigned requests_max, struct reply *reply,
                                void *context);

    /*
     * The connection is gone, its descriptor about to be closed; release what the session holds. No reply is
     * possible any more. Optional.
     */
    void (*on_close)(void *session, int fd, enum protocol_close reason, void *context);
};

#endif
