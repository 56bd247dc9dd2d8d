/* SPDX-License-Identifier: MIT
 *
 * conn: one connection, and the table of a worker's connections.
 *
 *      FREE --accept--> OPENING --handshake done--> OPEN --quit, limit, last reply--> FLUSHING --all sent--> LINGERING
 *       ^    \              |                       ^  |                                 |                      |
 *       |     \--no filter--|-----------------------/  |                                 |                      |
 *       |                   +------ peer gone, error, idle, stop -------------------------+    client's end, time-out
 *       |                                              v                                 v                      v
 *       +--- in_flight == 0 (generation + 1) ------- CLOSING <--------------------------------------------------+
 *
 * A handshake that breaks goes from OPENING to FLUSHING. One that is frozen leaves its slot FREE at once, since descriptor and record go on
 * elsewhere (freeze.h); one that is adopted begins as what it was: OPEN, FLUSHING or LINGERING (adopt.h).
 *
 * A slot is reused exactly when in_flight, the number of its requests that the kernel has not completed, is
 * 0. Slots never move and the table is reserved address space: a slot costs memory once it has been used.
 * Only the owning worker touches a conn.
 */
#ifndef RIPOSTE_ENGINE_CONN_H
#define RIPOSTE_ENGINE_CONN_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "input.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/protocol.h"
#include "riposte/reply.h"
#include "tag.h"

enum conn_state {
    CONN_FREE,
    CONN_OPENING, /* its filter is not open; the protocol does not know it yet (opening.h) */
    CONN_OPEN,
    CONN_FLUSHING,  /* the last reply is being sent; further input is dropped */
    CONN_LINGERING, /* our side is shut down; input is drained so that closing does not reset what the client
                       has not read */
    CONN_CLOSING,   /* waiting for the kernel to give up its last request */
};

/* Why a connection ended; each has its counter. */
enum close_reason {
    CLOSE_BY_CLIENT,
    CLOSE_BY_PROTOCOL,
    CLOSE_PROTOCOL_ERROR, /* by the protocol too, for what the client did; one counter for both */
    CLOSE_ERROR,
    CLOSE_IDLE,
    CLOSE_SLOW_READER,
    CLOSE_INPUT_TOO_LARGE,
    CLOSE_NO_MEMORY,
    CLOSE_CONN_MEMORY,
    CLOSE_OPENING,
    CLOSE_SHUTDOWN,
    CLOSE_HANDED_OVER,
    CLOSE_REASON_LAST = CLOSE_HANDED_OVER,
};

/*
 * conn.costly after a costly call: so many more are served behind others. It cannot go to the front by asking for something cheap in
 * between.
 */
enum { CONN_COSTLY_CALLS = 64 };

/* What the worker wants the transport to do for a connection; bits of conn.wanted. */
enum {
    WANT_RECV = 1 << 0,
    WANT_RECV_STOP = 1 << 1,
    WANT_SEND = 1 << 2,
};

/* Why a connection is not received from, until it is below half of the bound; bits of conn.throttled. */
enum {
    THROTTLED_INPUT = 1 << 0,  /* unread requests have passed the input bound */
    THROTTLED_OUTPUT = 1 << 1, /* unsent output has passed its bound: not parsed either */
};

/* Which list of time-outs a connection is in. */
enum timeout_kind {
    TIMEOUT_NONE,
    TIMEOUT_IDLE,
    TIMEOUT_WRITE,
    TIMEOUT_FILE,
    TIMEOUT_SENT,
    TIMEOUT_LINGER,
    TIMEOUT_SOON,
    TIMEOUT_LATER,
    TIMEOUT_REST,
    TIMEOUT_OPENING,
    TIMEOUT_KIND_COUNT
};

/* The queues of a worker that a connection may be in, once in each. */
enum conn_queue_kind {
    CONN_QUEUE_RUN, /* it has something to serve */
    CONN_QUEUE_ARM, /* its wants or its state are to be looked at */
    CONN_QUEUE_KIND_COUNT
};

#define CONN_NONE UINT32_MAX

/* Bytes of one send: no more fit into its result, and the kernel takes no more (MAX_RW_COUNT of Linux). */
enum { CONN_SEND_SIZE_MAX = 1 << 30 };

struct conn {
    int fd;              /* -1 while FREE */
    uint32_t index;      /* of this slot; constant */
    uint32_t generation; /* times the slot was released; 24 bits travel in tags */
    uint16_t in_flight;  /* requests the kernel has not completed */
    uint8_t state;       /* enum conn_state */
    uint8_t reason;      /* enum close_reason; valid from FLUSHING on */
    uint8_t listen;      /* index into the engine's listens: which protocol is spoken */
    uint8_t wanted;      /* WANT_ bits, for the transport's next arm */
    uint8_t timeout;     /* enum timeout_kind */
    bool recv_armed;     /* from arm to the completion without F_MORE (epoll: while EPOLLIN is asked for) */
    bool recv_stopping;  /* a cancel of the receive is under way */
    bool recv_heavy;     /* the last receive brought much, or an earlier one did of which much waits */
    uint8_t
        recv_behind; /* how often arm_turn still passes it by before its receive is armed: see serve_on_recv_idle */
    bool send_armed;   /* from arm to the last completion of the send (epoll: while EPOLLOUT is asked for) */
    bool input_ended;  /* the client has shut down its sending side */
    uint8_t next;      /* enum protocol_next; AGAIN too when the time of REST, LATER or EVENT has come */
    uint8_t throttled; /* THROTTLED_ bits */
    uint8_t costly;    /* calls of on_input that are still served behind those of others */
    bool queued[CONN_QUEUE_KIND_COUNT]; /* linked through queue_next of the same kind */
    bool is_unix;
    bool has_asked;         /* a request of it was completed */
    bool introduced;        /* the protocol knows of it */
    bool told;              /* and that it has ended */
    bool counted;           /* is part of connections_current; false for one that is being turned away */
    bool send_copies;       /* the next send copies: memory to be locked for a zero-copy one was refused */
    uint16_t filter_offset; /* of the conn_filter in this slot, from its begin; 0: the bytes are plain */
    union {                 /* private to the transport */
        struct {
            uint8_t send_way; /* enum send_way */
            bool
                nonblocking : 1; /* the socket is O_NONBLOCK: a file was sent, or an engine on epoll had it */
            bool full : 1;       /* the last send has found no room, and did not wait for it */
            uint16_t send_group; /* of a bundle */
        } uring;
        struct {
            bool known;     /* epoll has the descriptor */
            uint8_t events; /* it is watched for */
        } epoll;
    };
    bool
        slow : 1; /* the client does not take all at once, or its send waits for others': it may have little more until it has all */
    bool waited : 1;       /* on_input was called SOON, and what it waits for is not there */
    bool awaits_room : 1;  /* its session needs more memory than there is, and waits (memory.h) */
    uint8_t stalled_count; /* looks at the kernel's queue in a row that found it as it was (overdue.c) */
    uint32_t queued_size;  /* what the client had not taken out of it at the last look */
    uint32_t held_size;    /* bytes of input and session that are charged to the bound of all connections */
    uint32_t session_memory_size; /* what the session holds of these */
    uint32_t active_ms;           /* worker time when a request completed or a value moved last */
    uint32_t deadline_ms;         /* worker time at which its list of time-outs looks at it */
    uint32_t queue_next[CONN_QUEUE_KIND_COUNT]; /* CONN_NONE at the end */
    uint32_t timeout_previous;
    uint32_t timeout_next;
    uint32_t sending_size;  /* bytes handed to the send in flight */
    int32_t sending_result; /* what its completions said so far: bytes taken, or a negative errno */
    uint32_t
        received_us; /* worker time, modulo 2^32, of the turn in which requests came that wait for a later
                               one; 0: none do */
    uint32_t received_size; /* bytes of these */
    struct input input;
    struct reply reply;
    alignas(8) char session[];
};

static_assert(sizeof(struct conn) <= 192, "an idle connection must stay small");

/* What a connection has besides where a filter stands between it and the wire; behind the session in its slot. */
struct conn_filter {
    struct reply output; /* bytes for the wire */
    struct input
        wire; /* bytes that have come and wait for the filter; then the connection is in a run queue */
    uint32_t held_size; /* bytes that the filter holds elsewhere */
    uint8_t behind;     /* receives that are still filtered behind the requests of others */
    bool again;    /* it has not given all that can be made of what it was given: it is in a run queue, too */
    bool finished; /* the filter has said its last word */
    bool waits;    /* for another thread (FILTER_NEXT_LATER): linked, and not called before it is ready */
    uint32_t waits_previous; /* in worker.filter_waits; CONN_NONE: none */
    uint32_t waits_next;
    alignas(16) char state[];
};

struct conn_table {
    char *slots;            /* reserved address space of `capacity` slots; owned */
    size_t slot_size;       /* bytes, a multiple of the cache line */
    size_t zeroed_size;     /* of a slot, behind the struct conn: session and filter */
    uint16_t filter_offset; /* 0 where no connection has one */
    uint32_t capacity;
    uint32_t used_count; /* slots that were ever used: those below this index */
    uint32_t free_first; /* released slots, most recent first, through timeout_next; CONN_NONE when there is
                            none */
    uint32_t open_count; /* slots not FREE */
};

/*
 * Room for `capacity` connections with sessions of up to session_size and, unless it is 0, filter states of up to
 * filter_state_size bytes. 0 or -ENOMEM.
 */
int conn_table_init(struct conn_table *table, uint32_t capacity, size_t session_size,
                    size_t filter_state_size);
void conn_table_deinit(struct conn_table *table);

static inline struct conn *conn_at(const struct conn_table *table, uint32_t index) {
    return (struct conn *)(void *)(table->slots + (size_t)index * table->slot_size);
}

/* The connection a tag was packed for; NULL when it is gone. */
static inline struct conn *conn_find(const struct conn_table *table, uint64_t tag) {
    struct conn *conn = conn_at(table, tag_index(tag));
    bool is_owner = ((conn->generation ^ tag_generation(tag)) & TAG_GENERATION_MASK) == 0;
    return conn->state != CONN_FREE && is_owner ? conn : NULL;
}

/* It has not begun to end. */
static inline bool conn_is_live(const struct conn *conn) {
    return conn->state == CONN_OPEN || conn->state == CONN_OPENING;
}

/* Unsent output has passed its bound: nothing is parsed before the client has taken half of it. */
static inline bool conn_output_throttled(const struct conn *conn) {
    return (conn->throttled & THROTTLED_OUTPUT) != 0;
}

static inline bool conn_input_throttled(const struct conn *conn) {
    return (conn->throttled & THROTTLED_INPUT) != 0;
}

/* What is to be sent next are bytes of a file that are being fetched. */
static inline bool conn_waits_for_file(const struct conn *conn) {
    return conn->timeout == TIMEOUT_FILE;
}

/* The oldest sending_size bytes of its output are in the kernel's queue, where another engine has put them without a copy (lent.h). */
static inline bool conn_waits_for_sent(const struct conn *conn) {
    return conn->timeout == TIMEOUT_SENT;
}

/* There is a time for its next send. */
static inline bool conn_send_waits(const struct conn *conn) {
    return conn_waits_for_file(conn) || conn_waits_for_sent(conn);
}

/* An answer is owed although nothing is unread: the end of the input does not end the connection. */
static inline bool conn_reply_pending(const struct conn *conn) {
    return conn->next == PROTOCOL_NEXT_AGAIN || conn->next == PROTOCOL_NEXT_LATER;
}

/* Since when the requests wait that are served now, in the turn of now_ns: see received_us. */
static inline uint64_t conn_received_ns(const struct conn *conn, uint64_t now_ns) {
    if (likely(conn->received_us == 0)) {
        return now_ns;
    }
    uint32_t waited_us = (uint32_t)(now_ns / CLOCK_NS_PER_US) - conn->received_us;
    /* In the turn that they came in; the last bit is no time. */
    return waited_us + 1 <= 1 ? now_ns : now_ns - (uint64_t)waited_us * CLOCK_NS_PER_US;
}

/* The requests that are still unread are served in a later turn: keeps in mind since when the oldest of them waits. */
static inline void conn_note_received(struct conn *conn, uint64_t now_ns, size_t consumed) {
    if (conn->received_us != 0 && consumed < conn->received_size) {
        conn->received_size -= (uint32_t)consumed;
        return;
    }
    conn->received_us = (uint32_t)(now_ns / CLOCK_NS_PER_US) | 1;
    conn->received_size = (uint32_t)input_size(&conn->input);
}

/* Takes a slot for `fd`: OPEN, session and filter zeroed. NULL when all are taken. */
struct conn *conn_open(struct conn_table *table, int fd);

/* Only where filter_offset is not 0. */
static inline struct conn_filter *conn_filter(struct conn *conn) {
    return (struct conn_filter *)(void *)((char *)conn + conn->filter_offset);
}

/* Bytes that wait for its filter. */
static inline size_t conn_wire_size(const struct conn *conn) {
    return likely(conn->filter_offset == 0) ? 0
                                            : input_size(&conn_filter((struct conn *)(uintptr_t)conn)->wire);
}

/* It waits for its turn to be filtered. */
static inline bool conn_wire_waits(const struct conn *conn) {
    return unlikely(conn->filter_offset != 0) &&
           (conn_wire_size(conn) > 0 || conn_filter((struct conn *)(uintptr_t)conn)->again);
}

/* What waits for its filter is not looked at before that is ready. */
static inline bool conn_filter_waits(const struct conn *conn) {
    return unlikely(conn->filter_offset != 0) && conn_filter((struct conn *)(uintptr_t)conn)->waits;
}

/* Nothing that was received is looked at any more. */
static inline void conn_discard_input(struct conn *conn) {
    input_discard(&conn->input);
    if (unlikely(conn->filter_offset != 0)) {
        input_discard(&conn_filter(conn)->wire);
        conn_filter(conn)->again = false;
    }
}

/* What the transport sends from. */
static inline const struct reply *conn_output(const struct conn *conn) {
    bool filtered = conn->filter_offset != 0;
    return filtered ? &((const struct conn_filter *)(const void *)((const char *)conn + conn->filter_offset))
                           ->output
                    : &conn->reply;
}

/* There are bytes for the wire. */
static inline bool conn_has_output(const struct conn *conn) {
    return conn_output(conn)->unsent_size > 0;
}

/* Bytes of a file are, or were, among them: send_file sends all, not the transport. */
static inline bool conn_output_has_file(const struct conn *conn) {
    return conn_output(conn)->has_file;
}

/* Points up to iov_count_max (>= 1) entries at the oldest of them; returns how many, and their bytes in *size. */
static inline unsigned conn_output_iov(const struct conn *conn, struct iovec *iov, unsigned iov_count_max,
                                       uint32_t *size) {
    size_t total;
    unsigned count = reply_iov(conn_output(conn), iov, iov_count_max, &total);
    while (unlikely(total > CONN_SEND_SIZE_MAX && count > 1)) {
        total -= iov[--count].iov_len;
    }
    if (unlikely(total > CONN_SEND_SIZE_MAX)) {
        iov[0].iov_len = total = CONN_SEND_SIZE_MAX;
    }
    *size = (uint32_t)total;
    return count;
}

/* The kernel has taken the oldest `size` of them. */
static inline void conn_output_sent(struct conn *conn, size_t size) {
    reply_sent((struct reply *)(uintptr_t)conn_output(conn), size);
}

/* Something is still to be sent, or is being sent. */
static inline bool conn_is_sending(const struct conn *conn) {
    return conn->send_armed || conn->reply.unsent_size > 0 || conn_has_output(conn);
}

/*
 * Gives the slot back; in_flight is 0, nothing is linked to the conn but, maybe, the run and arm queues,
 * which skip FREE slots.
 */
void conn_release(struct conn_table *table, struct conn *conn);

#endif
