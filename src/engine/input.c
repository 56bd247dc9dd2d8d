/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { HELD_CAPACITY_MIN = 256 };

static void input_check(const struct input *input) {
    assert(input->held_size == 0 || input->borrowed_size == 0);
    assert((size_t)input->held_start + input->held_size <= input->held_capacity);
}

/*
 * Moves the unread bytes to the front of room for `capacity` bytes. Doubling keeps many small pieces linear.
 */
static int input_grow(struct input *input, size_t needed) {
    size_t capacity = input->held_capacity > HELD_CAPACITY_MIN ? input->held_capacity : HELD_CAPACITY_MIN;
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity > UINT32_MAX) {
        return -ENOMEM;
    }
    char *held = malloc(capacity);
    if (held == NULL) {
        return -ENOMEM;
    }
    if (input->held_size > 0) {
        memcpy(held, input->held + input->held_start, input->held_size);
    }
    free(input->held);
    input->held = held;
    input->held_start = 0;
    input->held_capacity = (uint32_t)capacity;
    return 0;
}

static int input_hold(struct input *input, struct bytes bytes) {
    size_t needed = (size_t)input->held_size + bytes.size;
    if (needed > input->held_capacity) {
        int error = input_grow(input, needed);
        if (error < 0) {
            return error;
        }
    } else if ((size_t)input->held_start + needed > input->held_capacity) {
        memmove(input->held, input->held + input->held_start, input->held_size);
        input->held_start = 0;
    }
    memcpy(input->held + input->held_start + input->held_size, bytes.data, bytes.size);
    input->held_size += (uint32_t)bytes.size;
    return 0;
}

int input_append(struct input *input, struct bytes bytes) {
    if (input_can_borrow(input, bytes.data)) {
        if (input->borrowed_size == 0) {
            input->borrowed = bytes.data;
        }
        input->borrowed_size += (uint32_t)bytes.size;
        return 0;
    }
    int error = input_settle(input);
    if (error == 0) {
        error = input_hold(input, bytes);
    }
    input_check(input);
    return error;
}

void input_consume(struct input *input, size_t size) {
    assert(size <= input_size(input));
    if (input->held_size == 0) {
        input->borrowed += size;
        input->borrowed_size -= (uint32_t)size;
        return;
    }
    input->held_start += (uint32_t)size;
    input->held_size -= (uint32_t)size;
    if (input->held_size == 0) {
        input_discard(input);
    }
}

int input_settle(struct input *input) {
    if (input->borrowed_size == 0) {
        return 0;
    }
    struct bytes borrowed = bytes_of(input->borrowed, input->borrowed_size);
    input->borrowed = NULL;
    input->borrowed_size = 0;
    return input_hold(input, borrowed);
}

void input_discard(struct input *input) {
    free(input->held);
    *input = (struct input){0};
}
