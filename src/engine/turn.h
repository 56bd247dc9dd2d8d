/* SPDX-License-Identifier: MIT
 *
 * turn: how long a turn of the loop lasts, and how much of it costly requests may have.
 *
 *      turn_begin --> served: turn_count ... --> turn_costly_begin --> turn_count ... --> turn_costly_end --> next turn_begin
 *      |<---------------- TURN_TIME_MAX_NS ----------------------------------------------->|  sends, receives  |
 *
 * What costly requests cost is only in part spent in serving them: a listing of 100 KB must be sent, and the kernel does
 * that between two turns, on this thread. So their time of a turn is what the last such turn's relation of serving to
 * everything allows: served + sent + received stay about TURN_COSTLY_TIME_MAX_NS. The CPU time of the thread says so, not the
 * wall clock, which also runs while others have the CPU.
 *
 * A costly request that takes long by itself (a signature with a key of 4096 bits, 4 ms, where no thread beside makes it) cannot be cut. After one so
 * long that others should not wait for it often, costly requests rest for three times as long, if others have asked lately: of
 * those, who asks without a pause waits for one such request in more than a hundred of its own.
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_TURN_H
#define RIPOSTE_ENGINE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/engine.h"

enum {
    /* How long a turn serves before the answers of all are sent. */
    TURN_TIME_MAX_NS = 1000 * 1000,
    /* The same where costly requests are served, with what sending their answers takes: as it is known only behind the turn, it is passed at times. */
    TURN_COSTLY_TIME_MAX_NS = TURN_TIME_MAX_NS / 2,
    /* What costly requests may have of it in any case. */
    TURN_COSTLY_NS_MIN = TURN_TIME_MAX_NS / 8,
    /* After one as long as this, costly requests rest so many times as long. */
    TURN_REST_NS_MIN = 3 * TURN_TIME_MAX_NS,
    TURN_RESTS = 3,
    /* So long ago others may have asked last, for them to be cared for. */
    TURN_OTHERS_RECENT_NS = 100 * 1000 * 1000,
    /* Small requests that cost what a small record does, which a filter calls one of its work. */
    TURN_WORK_REQUESTS = 16,
    /* Work of filters, as bytes come: half of a turn. Then what comes waits for its turn among requests. */
    TURN_FILTER_WORK_MAX = 256,
};

/* What a turn meets at its begin. All but the first kind are measured: their CPU time is asked for. */
enum turn_kind {
    TURN_LIGHT,
    TURN_BUSY,   /* requests, sends, receives or ends that the turn before has left for it */
    TURN_COSTLY, /* costly requests */
};

struct turn {
    uint64_t ends_ns;     /* no request is begun after it, but one of those that are served last */
    unsigned work;        /* done since the clock was last looked at, in small requests */
    bool over;            /* a look has found ends_ns passed */
    bool asked_again;     /* it has served a connection that had asked before */
    unsigned filter_work; /* of filters (include/riposte/filter.h) */
    size_t
        sends_size; /* bytes that were sent, more of those that went through a filter, but for small sends (arm.c) */
    unsigned heavy_recvs;   /* receives armed for connections that send much (arm.c) */
    unsigned filter_closes; /* filters that were closed (arm.c) */
    uint32_t
        costly_ns_max; /* what costly requests may have of the next turn that serves some; 0: nothing known */
    uint64_t costly_cpu_ns;  /* CPU time of costly requests in this turn; 0: none was served */
    uint64_t costly_rest_ns; /* monotonic time until which costly requests rest while others ask */
    uint64_t others_ns; /* monotonic time at which requests that are not costly were served last; 0: never */
    uint64_t began_cpu_ns; /* CPU time of the thread at the begin of this turn; 0: not asked for */
    enum turn_kind kind;
};

/* A turn of that kind begins at now_ns. Counts the turn before it, where that was measured. */
void turn_begin(struct turn *turn, struct engine_counters *counters, uint64_t now_ns, enum turn_kind kind);

/* One call did the work of so many small requests. Looks at the clock after a costly one, and after many that are not. */
void turn_count(struct turn *turn, unsigned work);

/* What comes for filters waits: requests have the rest of the turn, however slowly the clock says that this went. */
static inline bool turn_filter_is_over(const struct turn *turn) {
    return turn->filter_work >= TURN_FILTER_WORK_MAX;
}

/* The costly ones are served from here on: the turn is not over before one of them was. Returns a mark for the end. */
uint64_t turn_costly_begin(struct turn *turn);
void turn_costly_end(struct turn *turn, uint64_t mark);

/* Requests that are not costly were served in this turn. */
static inline void turn_note_others(struct turn *turn, uint64_t now_ns) {
    turn->others_ns = now_ns;
}

/* A connection was served that had asked before, or has not. Returns whether it has now. */
static inline bool turn_note_asker(struct turn *turn, bool has_asked, bool asks) {
    turn->asked_again = turn->asked_again || has_asked;
    return has_asked || asks;
}

/* How long costly requests still rest; 0: they may be served. */
static inline uint64_t turn_costly_rests_ns(const struct turn *turn, uint64_t now_ns) {
    bool others = turn->others_ns != 0 && now_ns - turn->others_ns < TURN_OTHERS_RECENT_NS;
    return others && turn->costly_rest_ns > now_ns ? turn->costly_rest_ns - now_ns : 0;
}

#endif
