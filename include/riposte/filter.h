/* SPDX-License-Identifier: MIT
 *
 * filter: what may stand between the wire and a protocol: encryption, compression. A filter is these functions
 * and nothing else.
 *
 *      wire --received--> receive --plain bytes--> protocol (on_input)
 *      wire <----sent---- output  <------send----- reply of the protocol
 *
 * Neither the protocol nor the transport learns of it. A filter may speak by itself at any time: whatever it
 * writes to `output` is sent. All functions are called by the worker that owns the connection, and must not
 * block.
 *
 *      open -> { receive, send }* -> ended? -> finish? -> close
 */
#ifndef RIPOSTE_FILTER_H
#define RIPOSTE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct reply;

/* Largest state_size a filter may ask for, in bytes. */
enum { FILTER_STATE_SIZE_MAX = 1024 };

/* Bytes of the text of an identity, terminator included. */
enum { FILTER_IDENTITY_SIZE_MAX = 128 };

/*
 * What a receive costs is told in units of work: one for a small record, some 2 us. After so much of it a receive returns, with
 * FILTER_NEXT_AGAIN where something is left: other connections have their turn before the rest is given again.
 */
enum { FILTER_WORK_MAX = 32 };

enum filter_next {
    FILTER_NEXT_INPUT, /* everything that was given is used up; call again when more has come */
    FILTER_NEXT_AGAIN, /* there was no room for all plain bytes, or it was much work: call again with what is left */
    FILTER_NEXT_ENDED,  /* the other side has said its last word: its input ends here */
    FILTER_NEXT_BROKEN, /* what came cannot be: `output` is sent, then the connection is closed */
    FILTER_NEXT_LATER, /* while `opening`: what another thread does for it is not done (`ready`); call again with what is left when it is */
};

/* What open or receive did. */
struct filter_progress {
    size_t consumed;       /* bytes of `wire` that are done with; 0 of open */
    size_t plain_size;     /* bytes written to `plain`; 0 of open */
    unsigned work;         /* what it cost; a filter to which nothing costs much leaves it 0 */
    enum filter_next next; /* INPUT or BROKEN of open */

    /*
     * The two sides still get to know each other (a handshake), and what comes next takes long: it is received behind the
     * requests of others. Such connections are bounded in number and time (openings_max, opening_timeout_ms of the engine's
     * configuration). The protocol hears of the connection, by on_open, when it is over. Not again once it was over.
     */
    bool opening;

    /* Bytes that the filter holds for the connection beside its state: they count as the connection's. */
    size_t memory_size;
};

struct filter {
    const char *name; /* for log lines and statistics; static storage */

    /*
     * Bytes of per-connection state, 0 to FILTER_STATE_SIZE_MAX. They live in the connection's slot, aligned to
     * 16, zeroed before open.
     */
    size_t state_size;

    /*
     * What a connection over the limit reads before its end, in bytes of the wire; empty: nothing. Static storage. No filter
     * is opened for it.
     */
    struct bytes reject;

    /*
     * A connection was accepted, on_open of the protocol has not been called. May speak. Optional: nothing to do, and not
     * opening.
     */
    struct filter_progress (*open)(void *state, struct reply *output, void *context);

    /*
     * Bytes came. Writes what they mean for the protocol to `plain`, at most plain_size_max (>= 4096) bytes,
     * and answers the other side in `output` if need be. `wire` is borrowed until the function returns; what
     * is not consumed with FILTER_NEXT_AGAIN is given again, maybe with more behind it, even if that is nothing: at once, or in
     * a later turn where its work was FILTER_WORK_MAX or more. Other functions may be called in between.
     */
    struct filter_progress (*receive)(void *state, struct bytes wire, char *plain, size_t plain_size_max,
                                      struct reply *output, void *context);

    /*
     * receive has said FILTER_NEXT_LATER, and somebody has called engine_wake_worker for this one: whether it is to be called again. Until then
     * it is not, whatever comes. Must be there where receive says so.
     */
    bool (*ready)(const void *state);

    /*
     * Turns plain bytes of the protocol, in plain_count (>= 1) pieces, into bytes of the wire, in `output`.
     * Returns how many bytes it has taken, from the first on: 0 while it cannot (a handshake under way). Called
     * again while there is more and `output` is below its bound. What it has not taken when the other side has ended, or
     * the connection is to be closed, is dropped. Until then the listen's idle_timeout_ms bounds a handshake.
     */
    size_t (*send)(void *state, const struct iovec *plain, unsigned plain_count, struct reply *output,
                   void *context);

    /*
     * The other side sends no more, everything that came was received, and what it asked for is answered. True: it had said
     * its last word (FILTER_NEXT_ENDED), so that nothing can be missing. False: it was cut off; the protocol is told of an
     * error. Once; optional: true.
     */
    bool (*ended)(void *state, void *context);

    /* Everything was sent, our side is about to be shut down: the last word. Once, optional. */
    void (*finish)(void *state, struct reply *output, void *context);

    /*
     * Who the other side has proved to be: writes it to `text`, cut where it is longer. False: nobody in particular. Between open
     * and close; optional: false.
     */
    bool (*identity)(const void *state, char text[FILTER_IDENTITY_SIZE_MAX], void *context);

    /* The connection is gone; release what the state holds. Optional. */
    void (*close)(void *state, void *context);
};

#ifdef __cplusplus
}
#endif

#endif
