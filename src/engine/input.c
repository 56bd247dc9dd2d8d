/* SPDX-License-Identifier: MIT
 *
 * input: copies bytes together where they cannot be borrowed, or no longer.
 */
#include "input.h"

#include <errno.h>

enum {
    OWNED_CAPACITY_MIN = 256,
    OWNED_CAPACITY_DOUBLED_MAX = 64 * 1024, /* what is larger grows by a quarter */
};

static void input_check(const struct input *input) {
    assert(input->owned_size == 0 || input->borrowed_size == 0);
    assert((size_t)input->owned_start + input->owned_size <= input->owned_capacity);
}

/*
 * Growing by a share keeps many small pieces linear. So much comes only where a receive could not be stopped in time: all of a worker's buffers
 * may be of one connection, and what is kept beyond what has come takes memory from others.
 */
static size_t input_capacity_for(const struct input *input, size_t needed) {
    size_t capacity = input->owned_capacity > OWNED_CAPACITY_MIN ? input->owned_capacity : OWNED_CAPACITY_MIN;
    while (capacity < needed) {
        capacity += capacity < OWNED_CAPACITY_DOUBLED_MAX ? capacity : capacity / 4;
    }
    return capacity;
}

size_t input_growth(const struct input *input, size_t size) {
    size_t needed = input_size(input) + size;
    return needed <= input->owned_capacity ? 0 : input_capacity_for(input, needed) - input->owned_capacity;
}

/* Moves the unread bytes to the front of room for `needed` bytes. */
static int input_grow(struct input *input, size_t needed) {
    size_t capacity = input_capacity_for(input, needed);
    if (capacity > UINT32_MAX) {
        return -ENOMEM;
    }
    char *owned = malloc(capacity);
    if (owned == NULL) {
        return -ENOMEM;
    }
    if (input->owned_size > 0) {
        memcpy(owned, input->owned + input->owned_start, input->owned_size);
    }
    free(input->owned);
    input->owned = owned;
    input->owned_start = 0;
    input->owned_capacity = (uint32_t)capacity;
    return 0;
}

static int input_own(struct input *input, struct bytes bytes) {
    size_t needed = (size_t)input->owned_size + bytes.size;
    if (needed > input->owned_capacity) {
        int error = input_grow(input, needed);
        if (error < 0) {
            return error;
        }
    } else if ((size_t)input->owned_start + needed > input->owned_capacity) {
        memmove(input->owned, input->owned + input->owned_start, input->owned_size);
        input->owned_start = 0;
    }
    memcpy(input->owned + input->owned_start + input->owned_size, bytes.data, bytes.size);
    input->owned_size += (uint32_t)bytes.size;
    return 0;
}

int input_append_copied(struct input *input, struct bytes bytes) {
    if (bytes.size == 0) {
        return 0;
    }
    int error = input_detach(input);
    if (error == 0) {
        error = input_own(input, bytes);
    }
    input_check(input);
    return error;
}

int input_detach(struct input *input) {
    if (input->borrowed_size == 0) {
        return 0;
    }
    struct bytes borrowed = bytes_of(input->borrowed, input->borrowed_size);
    input->borrowed = NULL;
    input->borrowed_size = 0;
    return input_own(input, borrowed);
}
