/* SPDX-License-Identifier: MIT
 *
 * filter: the engine's side of include/riposte/filter.h: a connection's bytes on their way through a filter.
 *
 *      serve_on_recv --> wire_take (wire.h) --> filter_receive --> plain bytes in worker.plain --> as if they had been received
 *      arm_turn      --> filter_send    --> reply of the protocol --> conn_filter.output --> transport
 *
 * Plain bytes lie in a buffer of the worker until the end of the turn, as received bytes do; where it is full
 * they are copied. What is on its way to the wire is bounded by FILTER_OUTPUT_SIZE_MAX a connection; the rest
 * waits in the protocol's reply, where it counts as unsent. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_FILTER_H
#define RIPOSTE_ENGINE_FILTER_H

#include "worker.h"

/* The connection has just been accepted on a listen with a filter. Returns what the filter says of it. */
struct filter_progress filter_open(struct worker *worker, struct conn *conn);

/* Who is told of what a filter makes of received bytes. */
struct filter_sink {
    void (*opened)(struct worker *worker,
                   struct conn *conn); /* OPENING is over; before the first plain bytes */
    void (*take)(struct worker *worker, struct conn *conn, struct bytes plain);
};

/*
 * Received bytes become plain bytes: tells the sink of each piece, until all are used up, their work is enough for one call, or the
 * connection is no longer open; takes those that are done with away from *wire. Returns what is to follow: after AGAIN, which it
 * remembers, the rest is for a later call. The reply is broken where memory has ended.
 */
enum filter_next filter_receive(struct worker *worker, struct conn *conn, struct bytes *wire,
                                const struct filter_sink *sink);

/* The worker was woken: those that waited and are ready have something to serve. */
void filter_wake(struct worker *worker);

/*
 * As much of the protocol's reply as may be on its way is turned into output. 0; -ENOMEM when memory has ended, -EIO
 * where a file has ended before what was to be sent of it (counted).
 */
int filter_send(struct worker *worker, struct conn *conn);

/* The other side sends no more and is answered. False: it was cut off. */
bool filter_ended(struct worker *worker, struct conn *conn);

/* Whom a connection is with, as its protocol may ask; as long as `conn` stays where it is. */
struct filter_peer {
    struct protocol_peer peer;
    const struct worker *worker;
    const struct conn *conn;
};
struct filter_peer filter_peer(const struct worker *worker, const struct conn *conn);

/* Who the other side has proved to be; false: nobody in particular, also where there is no filter. */
bool filter_identity(const struct worker *worker, const struct conn *conn,
                     char text[FILTER_IDENTITY_SIZE_MAX]);

/* Everything was sent. True when the filter had a last word, which is to be sent now. */
bool filter_finish(struct worker *worker, struct conn *conn);

/* The connection is gone. */
void filter_close(struct worker *worker, struct conn *conn);

#endif
