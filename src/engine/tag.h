/* SPDX-License-Identifier: MIT
 *
 * tag: the 64 bits that travel with every request to the kernel and come back with its completion.
 *
 *      63      56 55                     32 31                               0
 *      +---------+-------------------------+---------------------------------+
 *      |   op    |  generation of the slot | index of connection or listener |
 *      +---------+-------------------------+---------------------------------+
 *
 * The generation changes whenever a slot is reused, so that a late completion of an old connection never
 * meets the slot's new owner (https://github.com/axboe/liburing/issues/363).
 */
#ifndef RIPOSTE_ENGINE_TAG_H
#define RIPOSTE_ENGINE_TAG_H

#include <stdint.h>

enum op {
    OP_ACCEPT, /* index: the listener */
    OP_RECV,
    OP_SEND,
    OP_CANCEL, /* of a receive; index: the connection */
    OP_CLOSE,
    OP_WAKE, /* another thread wants this worker's attention */
};

enum { TAG_GENERATION_MASK = (1 << 24) - 1 };

static inline uint64_t tag_pack(enum op op, uint32_t generation, uint32_t index) {
    return (uint64_t)op << 56 | (uint64_t)(generation & TAG_GENERATION_MASK) << 32 | index;
}

static inline enum op tag_op(uint64_t tag) {
    return (enum op)(tag >> 56);
}

static inline uint32_t tag_generation(uint64_t tag) {
    return (uint32_t)(tag >> 32) & TAG_GENERATION_MASK;
}

static inline uint32_t tag_index(uint64_t tag) {
    return (uint32_t)tag;
}

#endif
