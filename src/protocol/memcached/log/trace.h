/* SPDX-License-Identifier: MIT
 *
 * trace: with -vv every command and what it is answered, as lines of the log that look as memcached's:
 *
 *      <28 get a b             a command of connection 28
 *      >28 sending key a       a value that is sent: its key, never the value
 *      >28 END                 any other line of the answer
 *
 * Bytes that are not printable are written as \xHH, long lines are cut, and so are long answers. What has not
 * authenticated is not written out: it may be a password. Off the path of requests otherwise: only where OBSERVE_LINES is
 * asked for.
 */
#ifndef MEMCACHED_TRACE_H
#define MEMCACHED_TRACE_H

#include "call.h"

/* A call of on_input for at most one request. */
struct trace {
    const struct mc_session *session;
    const struct reply *reply;
    struct bytes line;  /* input from where the next command line begins; empty where none does */
    size_t unsent_size; /* of the reply, before */
    bool is_secret;
};

/* Before it; all arguments live until its end. */
void trace_begin(struct trace *trace, const struct mc_session *session, struct memcached_service *service,
                 struct bytes input, const struct reply *reply);

/* It is over, and the input below consumed_end consumed: tells the command that it began, and what it answered. */
void trace_end(const struct trace *trace, const char *consumed_end);

#endif
