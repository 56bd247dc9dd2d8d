/* SPDX-License-Identifier: MIT
 *
 * tag: the user_data of a request to the kernel: what it is and whose.
 *
 *      63       56 55                    32 31                             0
 *      | operation | generation (24 bits)  | index of the connection        |
 *
 * The generation grows when a connection's slot is used again, so that a late completion never meets a new
 * connection.
 */
#ifndef LOAD_TAG_H
#define LOAD_TAG_H

#include <stdbool.h>
#include <stdint.h>

enum tag_operation { TAG_CONNECT, TAG_SEND, TAG_RECEIVE };

enum { TAG_GENERATION_MASK = 0xffffff };

static inline uint64_t tag_pack(enum tag_operation operation, uint32_t generation, uint32_t index) {
    return (uint64_t)operation << 56 | (uint64_t)(generation & TAG_GENERATION_MASK) << 32 | index;
}

static inline enum tag_operation tag_operation(uint64_t tag) {
    return (enum tag_operation)(tag >> 56);
}

static inline uint32_t tag_generation(uint64_t tag) {
    return (uint32_t)(tag >> 32) & TAG_GENERATION_MASK;
}

static inline uint32_t tag_index(uint64_t tag) {
    return (uint32_t)tag;
}

#endif
