/* SPDX-License-Identifier: MIT
 *
 * send_file: output that has bytes of a file in it, sent by this thread, on either transport.
 *
 *      reply   [ head ][ bytes of a file ........................ ][ next head ] ...
 *      1st     send, MORE --> sendfile, at most SEND_FILE_SIZE_MAX
 *      next    .............. sendfile --> ... until the socket is full: the transport says when it is writable again
 *
 * Bytes that a disk would have to be asked for are not sent: whose file it is fetches them (reply_file), and the connection
 * tries again a moment later.
 *
 * io_uring has no sendfile. Its splice goes through a pipe, twice, and is always punted to a thread of the kernel
 * (io_splice, up to 6.x, has no attempt without waiting): two requests and two thread switches where sendfile(2) is one
 * call that hands over pages of the cache. So the ring's worker calls it, too, while no send of the connection
 * is in flight, on a socket that does not block; the ring only waits until it is writable (POLL_ADD).
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_SEND_FILE_H
#define RIPOSTE_ENGINE_SEND_FILE_H

#include "worker.h"

/* Bytes of one call: after it, others have their turn. On loopback some 50 us, or 300 where the card needs copies. */
enum { SEND_FILE_SIZE_MAX = 512 * 1024 };

enum send_file_outcome {
    SEND_FILE_SENT,  /* reported (serve_on_sent) */
    SEND_FILE_FULL,  /* the socket is: to be called again when it is writable */
    SEND_FILE_WAITS, /* the connection is watched until the next attempt (timeouts_watch_file) */
};

/*
 * For output that has bytes of a file in it (conn_output_has_file): sends what the socket takes, up to a bound. The socket
 * does not block, no send is in flight.
 */
enum send_file_outcome send_file(struct worker *worker, struct conn *conn);

#endif
