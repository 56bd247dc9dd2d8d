/* SPDX-License-Identifier: MIT
 *
 * saved: a session as a record, and back: what of a connection goes on in another process (riposte/engine_move.h).
 *
 *      version | who the client is | since when it sends, or waits | note for the access log | the body under way
 *
 * What the session needs of an unfinished head is in the input, and an answer is in the output.
 */
#ifndef HTTP_SAVED_H
#define HTTP_SAVED_H

#include "riposte/protocol.h"
#include "riposte/record.h"

/* The functions of struct protocol; `context` is the struct http_endpoint. */
void http_saved_write(void *session, struct record_writer *writer, void *context);
bool http_saved_check(struct bytes saved);
bool http_saved_load(void *session, const struct protocol_peer *peer, struct bytes saved,
                     struct protocol_loaded *loaded, void *context);

#endif
