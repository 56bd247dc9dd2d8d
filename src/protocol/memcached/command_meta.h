/* SPDX-License-Identifier: MIT
 *
 * command_meta: what the files of the meta commands share.
 */
#ifndef MEMCACHED_COMMAND_META_H
#define MEMCACHED_COMMAND_META_H

#include "command.h"
#include "meta_answer.h"

/* Each counts itself in call->requests, but ms, which is complete with its data block. */
void mc_meta_get(struct mc_call *call, const struct meta *meta);
void mc_meta_debug(struct mc_call *call, const struct meta *meta);
void mc_meta_set(struct mc_call *call, const struct meta *meta);
void mc_meta_delete(struct mc_call *call, const struct meta *meta);
void mc_meta_arithmetic(struct mc_call *call, const struct meta *meta);

/* The expiry tick of a TTL flag. */
static inline uint32_t meta_expiry(const struct mc_call *call, int32_t ttl) {
    return store_expiry(call->worker->store, ttl);
}

/* "<code> <flags>\r\n" with the opaque and the key as they were asked: misses, and the answers of md. */
void mc_meta_plain_answer(const struct mc_call *call, const struct meta *meta, const char code[2]);

#endif
