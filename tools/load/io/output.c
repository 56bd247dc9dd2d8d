/* SPDX-License-Identifier: MIT
 *
 * output: gathers the requests of one connection into as few pieces as can be.
 */
#include "output.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool output_init(struct output *output, const struct encoder *encoder, unsigned requests_max,
                 uint64_t value_size_max) {
    bool copied = value_size_max <= OUTPUT_COPY_SIZE_MAX;
    size_t value_room = copied ? (size_t)value_size_max : OUTPUT_COPY_SIZE_MAX;
    /* Of each large value: the run before it and one piece for each period of the text it touches. */
    uint64_t pieces_per_request = copied ? 0 : 2 + value_size_max / VALUE_PERIOD + 1;
    *output = (struct output){
        .capacity = requests_max * (encoder_size_max(encoder) + value_room) + TEMPLATE_SLACK,
        .pieces_max = (unsigned)(requests_max * pieces_per_request + 1),
    };
    output->bytes = malloc(output->capacity);
    output->pieces = calloc(output->pieces_max, sizeof(*output->pieces));
    if (output->bytes == NULL || output->pieces == NULL) {
        output_deinit(output);
        return false;
    }
    return true;
}

void output_deinit(struct output *output) {
    free(output->bytes);
    free(output->pieces);
    *output = (struct output){0};
}

void output_reset(struct output *output) {
    output->size = 0;
    output->run_begin = 0;
    output->pieces_count = 0;
    output->pieces_sent = 0;
}

bool output_is_empty(const struct output *output) {
    return output->size == 0;
}

static void piece_add(struct output *output, const char *data, size_t size) {
    assert(output->pieces_count < output->pieces_max);
    /* The kernel only reads from an iovec that is sent. */
    output->pieces[output->pieces_count++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = size};
}

/* The bytes since the last piece become a piece. */
static void run_close(struct output *output) {
    if (output->size > output->run_begin) {
        piece_add(output, output->bytes + output->run_begin, output->size - output->run_begin);
        output->run_begin = output->size;
    }
}

void output_add_get(struct output *output, const struct encoder *encoder, uint32_t key) {
    assert(output->size + encoder->get.size + TEMPLATE_SLACK <= output->capacity);
    output->size += encoder_get(encoder, key, output->bytes + output->size);
}

/* The stamp is the key's own and is copied; the body is sent from the text of all values. */
static void value_add_by_reference(struct output *output, const struct value *value) {
    memcpy(output->bytes + output->size, value->stamp, VALUE_STAMP_SIZE);
    output->size += VALUE_STAMP_SIZE;
    run_close(output);
    for (size_t position = VALUE_STAMP_SIZE; position < value->size;) {
        struct bytes piece = value_piece(value, position, value->size);
        piece_add(output, piece.data, piece.size);
        position += piece.size;
    }
}

void output_add_set(struct output *output, const struct encoder *encoder, uint32_t key,
                    const struct value *value) {
    assert(output->size + encoder_size_max(encoder) <= output->capacity);
    output->size += encoder_set_head(encoder, key, value->size, output->bytes + output->size);
    if (value->size <= OUTPUT_COPY_SIZE_MAX) {
        value_copy(value, output->bytes + output->size);
        output->size += value->size;
    } else {
        value_add_by_reference(output, value);
    }
    memcpy(output->bytes + output->size, encoder->set_end.data, encoder->set_end.size);
    output->size += encoder->set_end.size;
    assert(output->size <= output->capacity);
}

unsigned output_finish(struct output *output, struct iovec *first) {
    run_close(output);
    assert(output->pieces_sent < output->pieces_count);
    *first = output->pieces[output->pieces_sent];
    return output->pieces_count - output->pieces_sent;
}

struct msghdr *output_message(struct output *output) {
    unsigned left = output->pieces_count - output->pieces_sent;
    output->message = (struct msghdr){
        .msg_iov = output->pieces + output->pieces_sent,
        .msg_iovlen = left < IOV_MAX ? left : IOV_MAX,
    };
    return &output->message;
}

size_t output_drop(struct output *output) {
    size_t size = 0;
    for (unsigned i = output->pieces_sent; i < output->pieces_count; i++) {
        size += output->pieces[i].iov_len;
    }
    output_reset(output);
    return size;
}

bool output_sent(struct output *output, size_t size) {
    while (size > 0) {
        assert(output->pieces_sent < output->pieces_count);
        struct iovec *piece = &output->pieces[output->pieces_sent];
        size_t taken = size < piece->iov_len ? size : piece->iov_len;
        piece->iov_base = (char *)piece->iov_base + taken;
        piece->iov_len -= taken;
        size -= taken;
        output->pieces_sent += piece->iov_len == 0;
    }
    if (output->pieces_sent < output->pieces_count) {
        return false;
    }
    output_reset(output);
    return true;
}
