/* SPDX-License-Identifier: MIT
 *
 * listing: answers that are written in pieces over many calls (keys, connections, prefixes): only a few at a time.
 *
 *      listing_begin --> a piece at every call --> listing_end
 *                              +--the connection ends--> listing_release
 *
 * Any worker.
 */
#ifndef MEMCACHED_LISTING_H
#define MEMCACHED_LISTING_H

#include "call.h"

/* May be under way at a time; a connection has one at most. */
enum { LISTINGS_MAX = 4 };

/*
 * `size` zeroed bytes for what the listing is in the middle of, the caller's to free; the session is in `state`. NULL: as many as
 * may be are under way, or there is no memory; that was answered.
 */
void *listing_begin(struct mc_call *call, enum mc_session_state state, size_t size);

/* Its last line is written: the session reads lines again, and the request is counted. */
void listing_end(struct mc_call *call);

/* It ends with its connection. */
void listing_release(struct memcached_service *service);

#endif
