/* SPDX-License-Identifier: MIT
 *
 * events: what is told of single requests, evictions and connections while somebody asks for it: counts by
 * prefix (`stats detail`) and log lines (`watch`). Off the usual path: requests come here only when
 * call->observed is not 0.
 *
 * A look-up that a storage command makes on its own account is not told of; memcached does.
 */
#ifndef MEMCACHED_EVENTS_H
#define MEMCACHED_EVENTS_H

#include "cmd_store.h"

/*
 * A look-up for the client; `view` is what was found, NULL for a miss. events_get counts it by prefix as a
 * get, too.
 */
void events_looked(const struct mc_call *call, struct bytes key, const struct item_view *view);
void events_get(const struct mc_call *call, struct bytes key, const struct item_view *view);

/*
 * Before a command that changes an item without looking at it (touch, incr, delete, ...): looks it up to tell
 * of it. Returns its value's size.
 */
size_t events_change(const struct mc_call *call, struct bytes key);

/* A storage command begins. */
void events_set(const struct mc_call *call, struct bytes key);

/* What became of it. */
void events_stored(const struct mc_call *call, const struct store_block *block, enum store_status status,
                   const struct put_result *result);

/* ma has created an item. */
void events_created(const struct mc_call *call, struct bytes key, const struct number_result *result);

/* delete, found or not. */
void events_delete(const struct mc_call *call, struct bytes key);

/* An item of value_size bytes was taken out by `command` ("delete", "md"). */
void events_deleted(const struct mc_call *call, struct bytes key, const char *command, size_t value_size);

/* For store_worker_on_evict; `user` is the struct memcached_worker. */
void events_evicted(void *user, const struct item_view *view);

/* While WATCH_CONNEVENTS are observed. */
void events_open(struct memcached_worker *worker, struct mc_session *session,
                 const struct protocol_peer *with);
void events_close(struct memcached_worker *worker, struct mc_session *session,
                  const struct protocol_peer *with, enum protocol_close reason);

#endif
