/* SPDX-License-Identifier: MIT
 *
 * reply: what waits to be sent to one connection.
 *
 * A protocol writes answers here in order; the engine sends everything at the end of the turn in one piece.
 * Small bytes are copied (reply_copy, or reply_reserve and reply_commit to write in place); large ones that
 * live elsewhere are pinned (reply_pin) and sent from where they are; bytes of a file (reply_send_file) never pass
 * through this process where the kernel can send them by itself.
 *
 *      chunk  +--------+-----------------------------+- - - - - - -+--------+--------+
 *             | header | copied bytes ->          at | free     end| piece1 | piece0 |   the pieces grow downwards
 *             +--------+-----------------------------+- - - - - - -+--------+--------+
 *      A piece is a run to be sent: of the chunk's own bytes, pinned ones, or bytes of a file. Chunks are chained; all but the last are closed.
 *
 * Only the worker that owns the connection calls. No function here can fail: when memory ends, the reply is
 * marked broken, further answers go nowhere, and the engine closes the connection (counted as
 * closed_no_memory).
 */
#ifndef RIPOSTE_REPLY_H
#define RIPOSTE_REPLY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most bytes one reply_reserve may ask for. */
enum { REPLY_RESERVE_SIZE_MAX = 2048 };

struct reply_chunk; /* private to src/engine */
struct reply_pool;  /* the same */

/*
 * All zero, with unsent_size_max set, is an empty reply; it owns no memory while empty. Fields are for the
 * functions below only.
 */
struct reply {
    char *at;  /* next free byte of the last chunk; NULL exactly while there is no chunk */
    char *end; /* first byte that may not be written: one piece below the chunk's lowest piece */
    struct reply_chunk *first; /* oldest chunk with bytes to send; owned */
    struct reply_chunk *last;  /* chunk being written; owned */
    size_t unsent_size;        /* bytes committed or pinned and not yet taken by the kernel */
    uint32_t unsent_size_max;  /* where reply_full begins: the connection's output bound, or less */
    uint32_t memory_size;      /* bytes of the chunks that it owns */
    struct reply_pool *pool;   /* of the worker, borrowed; NULL: each chunk is allocated and freed */
    bool closing : 1;          /* reply_close was called: later bytes are dropped */
    bool closing_error : 1;    /* reply_close_error was */
    bool has_file : 1;         /* reply_send_file was, since the reply was last empty */
    bool broken : 1;           /* memory ended: the connection is closed without sending the rest */
    bool open; /* the newest run is one of copied bytes and goes on to `at`, whatever it says */
    uint32_t unsent_size_lower; /* reply_limit's; 0: none */
};

/* The slow half of reply_reserve: opens a new chunk. */
char *reply_reserve_slow(struct reply *reply, size_t size);

/*
 * Room for `size` bytes (1 to REPLY_RESERVE_SIZE_MAX) to be written in place; valid until the next call on
 * this reply. Follow with reply_commit of what was really written. Never NULL.
 */
static inline char *reply_reserve(struct reply *reply, size_t size) {
    assert(size <= REPLY_RESERVE_SIZE_MAX);
    if (__builtin_expect(reply->at != NULL && (size_t)(reply->end - reply->at) >= size && !reply->closing,
                         1)) {
        return reply->at;
    }
    return reply_reserve_slow(reply, size);
}

/* The slow half of reply_commit: begins a run, or drops what nobody will get. */
void reply_commit_slow(struct reply *reply, size_t size);

/* Takes over the first `size` bytes of the last reserve (0 to the size reserved, or the room). */
static inline void reply_commit(struct reply *reply, size_t size) {
    if (__builtin_expect(!reply->open, 0)) {
        reply_commit_slow(reply, size);
        return;
    }
    assert(size <= (size_t)(reply->end - reply->at));
    reply->at += size;
    reply->unsent_size += size;
}

/*
 * Room in which several small answers are written one behind the other and committed together. All zero is none. It is
 * gone with the next call on the reply that is not one of these.
 */
struct reply_room {
    char *at;  /* where the next byte is written: the writer moves it; NULL: there is no room */
    char *end; /* behind the last byte */
};

/*
 * Room for at least `size` bytes (1 to REPLY_RESERVE_SIZE_MAX): as many as there are in one piece and below the bound at
 * which reply_full begins. None when nobody will get them. Call while the reply is not full.
 */
static inline struct reply_room reply_room_take(struct reply *reply, size_t size) {
    struct reply_room none = {NULL, NULL};
    size_t size_max = reply->unsent_size_max - reply->unsent_size;
    char *at = reply_reserve(reply, size);
    size_t room = (size_t)(reply->end - reply->at);
    room = room < size_max ? room : size_max;
    struct reply_room taken = {at, at + (room > size ? room : size)};
    return __builtin_expect(at != reply->at, 0) ? none : taken;
}

/* What was written is part of the reply. Returns no room. */
static inline struct reply_room reply_room_commit(struct reply_room room, struct reply *reply) {
    struct reply_room none = {NULL, NULL};
    if (__builtin_expect(room.at != NULL, 1)) {
        reply_commit(reply, (size_t)(room.at - reply->at));
    }
    return none;
}

/* Commits what was written, and takes more room. None, too, when the reply is full with that. */
struct reply_room reply_room_more(struct reply_room room, struct reply *reply, size_t size);

static inline bool reply_room_has(struct reply_room room, size_t size) {
    return (size_t)(room.end - room.at) >= size;
}

/* Copies `bytes`, any size, behind what is there. */
void reply_copy(struct reply *reply, struct bytes bytes);

/* As reply_copy for a string literal of the program. */
static inline void reply_copy_string(struct reply *reply, const char *string) {
    reply_copy(reply, bytes_from_string(string));
}

/*
 * Sends `bytes` from where they are. They must stay unchanged until release(owner) is called: exactly once,
 * by this worker, when the kernel has taken the bytes or the connection is gone (possibly before reply_pin
 * returns).
 */
void reply_pin(struct reply *reply, struct bytes bytes, void (*release)(void *owner), void *owner);

/*
 * A file that is sent from. Part of whatever owns the descriptor and counts those who use it: one file may be in many
 * replies, of many workers, at a time.
 */
struct reply_file {
    int fd; /* a plain file, open for reading; it is read at given offsets: its position is neither used nor changed */

    /*
     * True when these bytes can be read without waiting for a disk. False: somebody fetches them; it is asked again
     * PROTOCOL_LATER_MS later, and the connection ends when it has said so for as long as a client may take nothing. By
     * the worker that sends, before each part. NULL: they always can.
     */
    bool (*ready)(struct reply_file *file, uint64_t offset, size_t size);

    /* One reply_send_file is done with it: by the worker that called it, and maybe before it has returned. */
    void (*release)(struct reply_file *file);
};

/*
 * Sends `size` bytes of the file from `offset` on, where size may be 0. One at a time: behind it reply_full says stop until all is sent,
 * so that a connection that is moved (engine_move.h) has one descriptor beside its own. They count as unsent, but take no memory:
 * the kernel sends them from its page cache (sendfile(2)), a bounded part in each turn; where a filter stands
 * before the wire they are read into bounded memory. The kernel sends the cache's own pages: bytes that are written over
 * before the client has taken them are sent as they are by then, and what a truncation cuts off of a page that is on
 * its way is zero; whoever replaces a file renames a new one onto it. A file that has become shorter than offset + size, or cannot be read, ends the connection when all before the
 * missing bytes is sent (counted as files_cut).
 */
void reply_send_file(struct reply *reply, struct reply_file *file, uint64_t offset, size_t size);

/*
 * Nothing more will be said: what is there is sent, then the connection is closed; further input is not read,
 * further answers are dropped.
 */
void reply_close(struct reply *reply);

/* The same because of what the client did: the protocol is told of an error when the connection ends. */
void reply_close_error(struct reply *reply);

/* Memory has ended elsewhere, and with it what was to be said: as if it had ended here. */
static inline void reply_break(struct reply *reply) {
    reply->broken = true;
}

static inline bool reply_closing(const struct reply *reply) {
    return reply->closing;
}

/*
 * From now on the connection may have at most `size` (>= 1) unsent bytes before it is throttled: for one that may
 * not have as much as others (it has not said who it is). 0: as much as others again.
 */
void reply_limit(struct reply *reply, uint32_t size);

/*
 * True when on_input should stop, with PROTOCOL_NEXT_AGAIN where there is more to do: the unsent output has reached its
 * bound, or has bytes of a file in it, or the reply is closing or broken.
 */
static inline bool reply_full(const struct reply *reply) {
    return reply->unsent_size >= reply->unsent_size_max || reply->closing || reply->broken || reply->has_file;
}

/*
 * --- For the engine, and for tests that read what a protocol answered
 * -----------------------------------------------------
 */
struct iovec;

/* The unsent output has reached its bound. */
static inline bool reply_at_bound(const struct reply *reply) {
    return reply->unsent_size >= reply->unsent_size_max;
}

/* reply_send_file was called, and what was said then is not all sent. */
static inline bool reply_has_file(const struct reply *reply) {
    return reply->has_file;
}

/*
 * Points up to iov_count_max (>= 1) entries at the oldest unsent bytes, up to the first of a file; returns how many,
 * and their total in *size. 0: nothing is unsent, or bytes of a file are to be sent first.
 */
unsigned reply_iov(const struct reply *reply, struct iovec *iov, unsigned iov_count_max, size_t *size);

/*
 * The file whose bytes are to be sent first; *offset and *size (> 0) say which. NULL: none, or others go before. Borrowed
 * until they are sent.
 */
struct reply_file *reply_first_file(const struct reply *reply, uint64_t *offset, size_t *size);

/* The kernel has taken the oldest `size` bytes (0 to unsent_size): releases what they held. */
void reply_sent(struct reply *reply, size_t size);

/* Drops everything unsent, releases every pin, frees all memory. The reply is empty and can be used again. */
void reply_discard(struct reply *reply);

#ifdef __cplusplus
}
#endif

#endif
