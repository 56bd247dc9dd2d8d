/* SPDX-License-Identifier: MIT
 *
 * cmd_meta: what all meta commands begin and end with.
 */
#ifndef MEMCACHED_CMD_META_H
#define MEMCACHED_CMD_META_H

#include "call.h"

struct store_block;

/* Reads the arguments. False when they cannot be served; that was answered then. */
bool cmd_meta_read(struct mc_call *call, const struct mc_request *request, struct meta *meta);

/* The expiry tick of a TTL flag. */
static inline uint32_t cmd_meta_expiry(const struct mc_call *call, int32_t ttl) {
    return store_expiry(call->worker->store, ttl);
}

/* "<code> <flags>\r\n" with the opaque and the key as they were asked: misses, and the answers of md. */
void cmd_meta_answer(const struct mc_call *call, const struct meta *meta, const char code[2]);

/* What became of the block of an ms; an `answer` of struct store_block. */
void cmd_meta_set_answer(const struct mc_call *call, const struct store_block *block,
                         enum store_status status, const struct put_result *result);

#endif
