/* SPDX-License-Identifier: MIT
 *
 * protocol: what a request/reply protocol gives the engine. A protocol is these functions and nothing else.
 *
 * The engine owns sockets, buffers, time-outs and threads; a protocol sees the unread bytes of one connection
 * and answers through a reply. All functions are called by the worker that owns the connection, never by two
 * threads at once, and must not block.
 *
 *      on_open -> { prefetch?, on_input }* -> on_close
 *                                        \-> session_save -> session_load, of another worker or process -> { on_input }* ...
 */
#ifndef RIPOSTE_PROTOCOL_H
#define RIPOSTE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

struct record_writer;
struct reply;

/* Largest session_size a protocol may ask for, in bytes. */
enum { PROTOCOL_SESSION_SIZE_MAX = 1024 };

/* Most bytes that a session may be saved as: the largest value under way, and some. */
enum { PROTOCOL_SAVED_SIZE_MAX = 1 << 30 };

/*
 * How long LATER and EVENT wait, in milliseconds; also the resolution of what such a connection is told. Who has not waited yet waits
 * SOON: mostly the answer is there by then (what a thread asks of a disk that has it in memory takes microseconds).
 */
enum { PROTOCOL_SOON_MS = 1, PROTOCOL_LATER_MS = 10 };

/* How often REST looks, in milliseconds. */
enum { PROTOCOL_REST_MS = 1000 };

/* Work of one call, in small requests, from which on others should not have to wait for it. */
enum { PROTOCOL_WORK_COSTLY = 256 };

/* What on_input gets. */
struct protocol_input {
    /*
     * The connection's unread bytes, oldest first; borrowed until on_input returns. What is not consumed comes
     * again, with more behind it. Empty only after AGAIN, REST, LATER or EVENT.
     */
    struct bytes bytes;
    bool ended; /* the client sends no more: nothing will come behind `bytes`. No call comes only to
                              say so: an unfinished request whose client has ended goes without an answer */
    unsigned requests_max; /* complete at most so many requests in this call, >= 1 */
    uint64_t now_ns;       /* CLOCK_MONOTONIC, read once per turn */

    /*
     * now_ns, or an earlier turn's: when the oldest of `bytes` came, where requests had to wait for a later turn. The
     * rest of a request that had begun makes it new.
     */
    uint64_t received_ns;

    /*
     * Bytes of its own memory (an upload under way) that the session may hold after this call, including what it holds
     * now. All sessions together may hold three quarters of the bound of all connections' memory; this is what is left of that.
     * A session never has to give back what it holds. A request that needs more waits, if memory_may_wait is true, or is refused.
     */
    size_t memory_size_max;

    /*
     * A request that needs more memory may wait for it, and the session keeps what it holds meanwhile. The protocol returns LATER and
     * memory_wanted_size, is called again with the bytes it did not consume, and bounds the time itself. A connection that waits so
     * does not count as idle. False once sessions that wait hold a thirty-second of the bound together.
     */
    bool memory_may_wait;
};

/* What has to happen before on_input is called again. */
enum protocol_next {
    PROTOCOL_NEXT_INPUT, /* more bytes have come */

    /*
     * The same, for the rest of a request that has begun: the call also comes when PROTOCOL_REST_MS have passed
     * without, so that a protocol can bound the time a request takes.
     */
    PROTOCOL_NEXT_REST,

    /*
     * Nothing: there is more to do without new input, since requests_max was reached, reply_full said stop, or
     * an answer is produced in pieces. The call comes after others have had their turn and when the
     * connection's unsent output is below its bound.
     */
    PROTOCOL_NEXT_AGAIN,

    /*
     * PROTOCOL_SOON_MS have passed at first, PROTOCOL_LATER_MS from then on, or more bytes have come: an answer waits for something outside the
     * connection. It is owed: the client's end does not end the connection, and the connection is not idle.
     */
    PROTOCOL_NEXT_LATER,

    /*
     * The same for what has no end (a subscription): nothing is owed to a client that sends no more, so the
     * end of its input ends the connection.
     */
    PROTOCOL_NEXT_EVENT,
};

/* What on_input did. */
struct progress {
    size_t consumed;         /* bytes of the input that are done with, 0 to bytes.size */
    unsigned requests;       /* requests completed in this call, 0 to requests_max */
    enum protocol_next next; /* when to call again */
    size_t memory_size; /* bytes that the session holds now in memory of its own; at most memory_size_max */

    /*
     * Bytes that a request would have needed which was refused, or waits (memory_may_wait), because memory_size_max was too
     * small; 0: none. To make room, connections that hold memory and have moved nothing for two seconds are closed.
     */
    size_t memory_wanted_size;

    /*
     * Work of the call that its number of requests does not tell, counted in small requests of some 100 ns each: 300 for one request
     * with 300 look-ups, 0 for most calls. The turn looks at the clock whenever enough work was done. A call of PROTOCOL_WORK_COSTLY
     * or more (a listing, a copy of a large value, a figure that the kernel was asked for) should end after that request; its
     * connection is served behind all others for a while.
     */
    unsigned work;
};

/* Why a connection is gone. */
enum protocol_close {
    PROTOCOL_CLOSE_NORMAL, /* the client or the protocol has ended it */
    PROTOCOL_CLOSE_ERROR,  /* a socket error, a bound was passed, memory has ended */
    PROTOCOL_CLOSE_IDLE_TIMEOUT,
    PROTOCOL_CLOSE_SHUTDOWN, /* the engine stops */
};

/* Bytes of the text of an identity, terminator included. */
enum { PROTOCOL_IDENTITY_SIZE_MAX = 128 };

/* Whom a connection is with. Valid in the call that gets it, and no longer. */
struct protocol_peer {
    int fd; /* for questions (getpeername), not for reading or writing */

    /*
     * Who the client has proved to be to the listen's filter (filter.h): writes it to `text`, cut where it is longer, and ends it with
     * '\0'. False: nobody in particular. NULL: without a filter, nobody ever.
     */
    bool (*identity)(const struct protocol_peer *peer, char text[PROTOCOL_IDENTITY_SIZE_MAX]);
};

/* What a session that was moved holds, and waits for. */
struct protocol_loaded {
    size_t memory_size; /* in memory of its own, as progress.memory_size; 0 unless it is changed */
    enum protocol_next
        next; /* as when it was saved; what has become of it here may need another call (PROTOCOL_NEXT_REST) */
};

struct protocol {
    const char *name; /* for log lines and statistics; static storage */

    /*
     * Bytes of per-connection state, 0 to PROTOCOL_SESSION_SIZE_MAX. They live in the connection's slot,
     * aligned to 8, zeroed before on_open.
     */
    size_t session_size;

    /* What a connection over the limit reads before its end, line end included; NULL: nothing. Static storage. */
    const char *reject_text;

    /*
     * A connection was accepted, and is open to its filter. May answer (a greeting) or close. Returns what has to
     * happen before the first on_input: INPUT, or REST where a client that says nothing at all is to be judged.
     * Optional: INPUT.
     */
    enum protocol_next (*on_open)(void *session, const struct protocol_peer *peer, struct reply *reply,
                                  void *context);

    /*
     * A first look at input that on_input will soon get, so that the memory it needs can be fetched while
     * others are looked at. Must not change the session. Optional.
     */
    void (*prefetch)(const void *session, struct bytes input, void *context);

    /*
     * Reads requests from `input`, answers into `reply`, stops after requests_max requests or when reply_full.
     * A protocol with bounds smaller than the connection's input bound (engine_limits) answers and closes by
     * itself; the engine closes a connection that asks for more with that much unread.
     */
    struct progress (*on_input)(void *session, const struct protocol_input *input, struct reply *reply,
                                void *context);

    /*
     * The connection has ended: all that could be sent is, and what still comes is dropped. Its descriptor is open for
     * at most the engine's linger_timeout_ms more. Release what the session holds; no other call follows. Optional.
     */
    void (*on_close)(void *session, const struct protocol_peer *peer, enum protocol_close reason,
                     void *context);

    /*
     * True while what comes is the rest of a request that was refused, and is dropped: told in lists of connections
     * (engine_conn). Optional: never.
     */
    bool (*discards)(const void *session);

    /*
     * --- A connection goes to another engine (engine_move.h), with its unread input and unsent output. All optional:
     * connections of a protocol without session_save are closed in order instead. What is saved is a record (record.h); its form and
     * its version are the protocol's own.
     */

    /* True when the session can be saved as it is; asked between two calls of on_input. Optional: always. */
    bool (*session_ready)(const void *session);

    /*
     * Writes what the session is in the middle of, at most PROTOCOL_SAVED_SIZE_MAX bytes, and releases what it holds, as on_close does: no
     * other call follows on it, though the connection goes on. When memory ends the record is broken, and the connection is closed.
     */
    void (*session_save)(void *session, struct record_writer *writer, void *context);

    /*
     * True when `saved` is something that session_load takes; reads it to its end, changes nothing. Called before anybody is served, by
     * a thread that is no worker. With session_save.
     */
    bool (*session_check)(struct bytes saved);

    /*
     * Instead of on_open: `session`, zeroed, becomes what was saved; `saved` was checked and is borrowed. *loaded is what the engine
     * assumes; the function may change it. False when memory ends, or when the session may not go on here: the connection is closed
     * (closed_handed_over), and no other call follows. With session_save.
     */
    bool (*session_load)(void *session, const struct protocol_peer *peer, struct bytes saved,
                         struct protocol_loaded *loaded, void *context);
};

#ifdef __cplusplus
}
#endif

#endif
