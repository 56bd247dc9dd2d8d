/* SPDX-License-Identifier: MIT
 *
 * call: one on_input of one connection, from its first byte to where it stops; and the session, which is what
 * the connection is in the middle of between two calls.
 *
 *      LINE --storage line, value not all there--> VALUE --last byte--> LINE
 *        |  --refused storage line--------------> SWALLOW --last byte--> LINE
 *        |  --get line-------------------------> KEYS --line end--> LINE
 *        |  --listing--------------------------> DUMP --last item--> LINE
 *        |  --stats conns-----------------------> CONNS --last line--> LINE
 *        |  --stats detail dump-----------------> PREFIXES --last line--> LINE
 *        \--watch------------------------------> WATCH, for the rest of its life
 *
 * Commands take their line's arguments from a request and everything else from here: the bytes behind the
 * line, where answers go, who executes. `at` only moves forward; what is below it is consumed.
 */
#ifndef MEMCACHED_CALL_H
#define MEMCACHED_CALL_H

#include "answer.h"
#include "log/peer.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/reply.h"
#include "service.h"

struct conns;
struct dump;
struct prefixes_dump;
struct store_upload;
struct watcher;

enum mc_session_state {
    MC_SESSION_LINE,     /* the next byte begins, or continues, a command line */
    MC_SESSION_VALUE,    /* the next byte belongs to a data block whose line was executed */
    MC_SESSION_SWALLOW,  /* the next byte belongs to a data block that nobody wants */
    MC_SESSION_KEYS,     /* the next byte belongs to the keys, or is the end, of a get line */
    MC_SESSION_DUMP,     /* a listing is under way; input waits */
    MC_SESSION_CONNS,    /* a list of connections is under way; input waits */
    MC_SESSION_PREFIXES, /* a list of prefixes is under way; input waits */
    MC_SESSION_REFRESH,  /* waits for files that are read again; input waits */
    MC_SESSION_WATCH,    /* gets log lines; input is dropped */
};

/*
 * Lives in the engine's slot, zeroed at accept; all zero is the beginning of LINE. Small, because most
 * connections are idle.
 */
struct mc_session {
    union {                             /* owned; which one says the state, NULL in all states but these */
        struct store_upload *upload;    /* VALUE */
        struct dump *dump;              /* DUMP */
        struct conns *conns;            /* CONNS */
        struct watcher *watcher;        /* WATCH */
        uint64_t refresh;               /* REFRESH: which one; 0 in all other states */
        struct prefixes_dump *prefixes; /* PREFIXES */
        struct auth_wait auth_wait; /* LINE, SWALLOW before authentication: not owned, all zero behind it */
    };
    int fd;                 /* the connection's descriptor, its number in lists and logs; -1: it has none */
    uint32_t swallow_size;  /* SWALLOW: bytes still to be skipped, > 0 */
    uint32_t searched_size; /* LINE: bytes of the unfinished line that hold no line feed */
    uint32_t touch_expires_tick; /* KEYS with keys_touch */
    enum mc_session_state state : 8;
    bool keys_with_cas;    /* KEYS: gets, gats */
    bool keys_touch;       /* KEYS: gat, gats */
    bool keys_open;        /* KEYS: a long line: its keys were not checked, its end may not have come */
    bool keys_seen;        /* KEYS with keys_open: there was one */
    bool keys_skipped;     /* KEYS with keys_open: one was bad, the rest of the line is nobody's */
    bool authenticated;    /* looked at only where that is asked for */
    uint8_t auth_failures; /* requests refused for want of it */
    uint8_t latency;       /* enum latency_command of the line that was executed last */
    bool spoken; /* a first byte was seen: what the binary protocol begins with is only looked for there */
    struct peer peer; /* of the client; local where watching is not allowed: nobody asks */
};

_Static_assert(sizeof(struct mc_session) <= 64, "an idle connection stays below 400 bytes");

struct mc_call {
    struct memcached_worker *worker;
    struct mc_session *session;
    struct reply *reply;
    const char *at;  /* the first unread byte */
    const char *end; /* behind the last one */
    const char
        *line; /* where the request begins that is being executed; NULL: in an earlier call, or unknown */
    const char *ahead;     /* requests below it were looked at ahead of their turn */
    unsigned requests;     /* completed in this call */
    unsigned counted;      /* of these, as the latency of their command */
    unsigned requests_max; /* of this call; requests <= requests_max */
    unsigned observed;     /* what requests are looked at one by one for: see service_observed */
    unsigned work;         /* as progress.work: when a step has made it costly, the call ends */
    bool auth_required;    /* a connection must authenticate first */
    bool yielded;          /* a step stopped for the sake of others, not for want of input */
    bool later;            /* a step waits for something outside the connection */
    uint64_t now_ns;       /* as the input's, all three */
    uint64_t received_ns;
    size_t memory_size_max;    /* what the session may hold behind this call */
    size_t memory_wanted_size; /* what was refused for it, or waits; 0: nothing */
    bool memory_may_wait;      /* as the input's, both */
    bool input_ended;
};

/* So much was done that others are to be served before more. */
static inline bool call_is_costly(const struct mc_call *call) {
    return call->work >= PROTOCOL_WORK_COSTLY;
}

static inline struct bytes call_unread(const struct mc_call *call) {
    return bytes_of(call->at, (size_t)(call->end - call->at));
}

/* What was completed since the last time has been of the command that session->latency says. */
static inline void call_count(struct mc_call *call) {
    if (likely(call->requests > call->counted) && likely(call->worker->latency != NULL)) {
        latency_count(call->worker->latency, call->session->latency, call->requests - call->counted);
    }
    call->counted = call->requests;
}

/* Answers a command that may have asked for silence. */
static inline void call_answer(const struct mc_call *call, bool noreply, struct bytes line) {
    if (!noreply) {
        reply_copy(call->reply, line);
    }
}

static inline void call_fail(const struct mc_call *call, bool noreply, enum mc_error error) {
    call_answer(call, noreply, answer_error(error));
}

/* So long a request waits for memory that is on its way, before it is refused. */
enum { CALL_ROOM_WAIT_MS = 5000 };

/* Whether a request that waits since then may wait for another turn: it has found no memory, but some is on its way. */
static inline bool call_may_wait(const struct mc_call *call, uint64_t since_ns) {
    return call->now_ns - since_ns < CALL_ROOM_WAIT_MS * CLOCK_NS_PER_MS &&
           store_deferred(call->worker->store);
}

/* What began at `from` is executed anew in the next turn: nothing of it was done, nothing answered, nothing counted. */
static inline void call_again(struct mc_call *call, const char *from) {
    call->at = from;
    call->yielded = true;
    call->work += PROTOCOL_WORK_COSTLY;
}

/*
 * The request that is being executed has met STORE_NO_MEMORY: true when it waits for room, without holding its worker's
 * others; false when it is to be refused.
 */
static inline bool call_defer(struct mc_call *call) {
    if (call->line == NULL || !call_may_wait(call, call->received_ns)) {
        return false;
    }
    call_again(call, call->line);
    return true;
}

/* Bytes of a value whose copy, where a small request has made the store copy it, is as much work as another one: 32 KiB are costly. */
enum { CALL_COPY_SIZE_PER_WORK = 128 };

/* The request has made a new value out of an old one, whose size nobody had to send. */
static inline void call_copied(struct mc_call *call, size_t value_size) {
    call->work += (unsigned)(value_size / CALL_COPY_SIZE_PER_WORK);
}

/* Skips `size` bytes of input (> 0), now or as they come. */
static inline void call_swallow(struct mc_call *call, uint32_t size) {
    call->session->state = MC_SESSION_SWALLOW;
    call->session->swallow_size = size;
}

/* True while nothing but a name and a password is taken. */
static inline bool call_needs_auth(const struct mc_call *call) {
    return call->auth_required && !call->session->authenticated;
}

/* For the literals of the answers. */
#define CALL_LINE(text) bytes_of(text "\r\n", sizeof(text "\r\n") - 1)

#endif
