/* SPDX-License-Identifier: MIT
 *
 * call: one on_input of one connection, from its first byte to where it stops.
 *
 * Commands take their line's arguments from a request and everything else from here: the bytes behind the
 * line, where answers go, who executes. `at` only moves forward; what is below it is consumed.
 */
#ifndef MEMCACHED_CALL_H
#define MEMCACHED_CALL_H

#include "error.h"
#include "request.h"
#include "riposte/reply.h"
#include "service.h"
#include "session.h"

struct mc_call {
    struct memcached_worker *worker;
    struct mc_session *session;
    struct reply *reply;
    const char *at;        /* the first unread byte */
    const char *end;       /* behind the last one */
    const char *ahead;     /* requests below it were looked at ahead of their turn */
    unsigned requests;     /* completed in this call */
    unsigned requests_max; /* of this call; requests <= requests_max */
    unsigned observed;     /* what requests are looked at one by one for: see service_observed */
    bool auth_required;    /* a connection must introduce itself first */
    bool yielded;          /* a step stopped for the sake of others, not for want of input */
    bool later;            /* a step waits for something outside the connection */
    unsigned keys_left;    /* look-ups that get lines may still do in this call */
};

static inline struct bytes call_unread(const struct mc_call *call) {
    return bytes_of(call->at, (size_t)(call->end - call->at));
}

/* Answers a command that may have asked for silence. */
static inline void call_answer(const struct mc_call *call, bool noreply, struct bytes line) {
    if (!noreply) {
        reply_copy(call->reply, line);
    }
}

static inline void call_fail(const struct mc_call *call, bool noreply, enum mc_error error) {
    call_answer(call, noreply, error_line(error));
}

/* For the literals of the answers. */
#define CALL_LINE(text) bytes_of(text "\r\n", sizeof(text "\r\n") - 1)

#endif
