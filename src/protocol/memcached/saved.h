/* SPDX-License-Identifier: MIT
 *
 * saved: a session as a record, and back: what of a connection goes on in another process (riposte/engine_move.h).
 *
 *      version | state | who the client is | what the state needs
 *
 * Listings and `refresh_certs` are served to their end first: they wait for what this process alone has.
 */
#ifndef MEMCACHED_SAVED_H
#define MEMCACHED_SAVED_H

#include "riposte/protocol.h"
#include "riposte/record.h"

/* The functions of struct protocol; `context` is the struct memcached_worker. */
bool saved_is_ready(const void *session);
void saved_write(void *session, struct record_writer *writer, void *context);
bool saved_check(struct bytes saved);
bool saved_load(void *session, const struct protocol_peer *peer, struct bytes saved,
                struct protocol_loaded *loaded, void *context);

#endif
