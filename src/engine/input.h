/* SPDX-License-Identifier: MIT
 *
 * input: the unread bytes of one connection.
 *
 * Bytes are borrowed from the shared receive buffers while a turn lasts; what is still unread when it ends
 * is copied out (input_detach), so that no client can hold a shared buffer. A connection without unread
 * bytes owns no memory.
 *
 *      unread bytes = owned, or borrowed (shared buffer): never both after input_append
 *
 * Only the worker that owns the connection calls.
 */
#ifndef RIPOSTE_ENGINE_INPUT_H
#define RIPOSTE_ENGINE_INPUT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "riposte/bytes.h"
#include "riposte/check.h"

/*
 * All zero is an empty input. Invariant: owned_size == 0 or borrowed_size == 0; owned_start + owned_size <=
 * owned_capacity.
 */
struct input {
    char *owned;             /* owned; NULL exactly while owned_capacity is 0 */
    const char *borrowed;    /* in a shared receive buffer, until input_detach */
    uint32_t owned_start;    /* index of the first unread byte of `owned` */
    uint32_t owned_size;     /* unread bytes of `owned` */
    uint32_t owned_capacity; /* bytes allocated */
    uint32_t borrowed_size;
};

/*
 * True when `data` can be added without a copy: nothing is there, or it follows the borrowed bytes in memory.
 */
static inline bool input_can_borrow(const struct input *input, const char *data) {
    return input->owned_size == 0 &&
           (input->borrowed_size == 0 || input->borrowed + input->borrowed_size == data);
}

/* The unread bytes, oldest first; valid until the next call on this input. */
static inline struct bytes input_bytes(const struct input *input) {
    if (input->owned_size > 0) {
        return bytes_of(input->owned + input->owned_start, input->owned_size);
    }
    return bytes_of(input->borrowed, input->borrowed_size);
}

static inline size_t input_size(const struct input *input) {
    return (size_t)input->owned_size + input->borrowed_size;
}

/* So much more memory it owns when `size` more bytes, and those that are borrowed, have been copied into it. */
size_t input_growth(const struct input *input, size_t size);

/* input_append where the bytes must be copied. */
int input_append_copied(struct input *input, struct bytes bytes);

/*
 * Adds bytes of a shared buffer. 0, or -ENOMEM when they had to be copied and memory ended (input unchanged).
 */
static inline int input_append(struct input *input, struct bytes bytes) {
    if (unlikely(!input_can_borrow(input, bytes.data))) {
        return input_append_copied(input, bytes);
    }
    if (input->borrowed_size == 0) {
        input->borrowed = bytes.data;
    }
    input->borrowed_size += (uint32_t)bytes.size;
    return 0;
}

/* Drops everything. */
static inline void input_discard(struct input *input) {
    free(input->owned);
    *input = (struct input){0};
}

/* The oldest `size` bytes are read. Memory is given back when nothing is left. */
static inline void input_consume(struct input *input, size_t size) {
    assert(size <= input_size(input));
    if (likely(input->owned_size == 0)) {
        input->borrowed += size;
        input->borrowed_size -= (uint32_t)size;
        return;
    }
    input->owned_start += (uint32_t)size;
    input->owned_size -= (uint32_t)size;
    if (input->owned_size == 0) {
        input_discard(input);
    }
}

/*
 * Copies borrowed bytes out of the shared buffer. 0, or -ENOMEM (the bytes are lost; the connection must
 * end).
 */
int input_detach(struct input *input);

#endif
