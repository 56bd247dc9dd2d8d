/* SPDX-License-Identifier: MIT
 *
 * upload: gathers what comes in blocks and compares what comes behind it.
 */
#include "upload.h"

#include <assert.h>
#include <stdlib.h>

struct upload_block {
    struct upload_block *next;
    size_t size_max;   /* of data */
    size_t size;       /* bytes of data that came */
    size_t moved_size; /* bytes of those that were moved out */
    char data[];
};

void upload_init(struct upload *upload, size_t value_size, struct bytes end) {
    *upload = (struct upload){.value_size = value_size, .end = end};
}

/*
 * For what is here, and for as much again as has come: the number of blocks grows with the value's logarithm. With its head a block takes a
 * power of two, which is a size class of the allocator: a little more would take a quarter more, which nobody counts.
 */
static size_t block_size_next(const struct upload *upload, size_t here_size) {
    size_t head_size = sizeof(struct upload_block);
    size_t size = upload->last != NULL ? (upload->last->size_max + head_size) * 2 : UPLOAD_BLOCK_SIZE_MIN;
    size_t missing_size = upload->value_size - upload->received_size;
    while (size < here_size + head_size && size < UPLOAD_BLOCK_SIZE_MAX) {
        size *= 2;
    }
    size = (size < UPLOAD_BLOCK_SIZE_MAX ? size : UPLOAD_BLOCK_SIZE_MAX) - head_size;
    return size < missing_size ? size : missing_size;
}

static bool block_add(struct upload *upload, size_t here_size, size_t memory_size_max) {
    size_t size_max = block_size_next(upload, here_size);
    size_t memory_size = sizeof(struct upload_block) + size_max;
    if (upload->memory_size > memory_size_max || memory_size > memory_size_max - upload->memory_size) {
        return false;
    }
    struct upload_block *block = malloc(memory_size);
    if (block == NULL) {
        return false;
    }
    *block = (struct upload_block){.size_max = size_max};
    if (upload->last != NULL) {
        upload->last->next = block;
    } else {
        upload->first = block;
    }
    upload->last = block;
    upload->memory_size += memory_size;
    return true;
}

/* Adds the front of `input`, which is the value's, to the last block; returns how many bytes it had room for. */
static size_t block_fill(struct upload_block *block, struct bytes input) {
    size_t room_size = block->size_max - block->size;
    size_t size = input.size < room_size ? input.size : room_size;
    bytes_copy_large(block->data + block->size, input.data, size);
    block->size += size;
    return size;
}

/* `input` is the value's. */
static bool take_value(struct upload *upload, struct bytes input, size_t memory_size_max) {
    while (input.size > 0) {
        struct upload_block *last = upload->last;
        if ((last == NULL || last->size == last->size_max) &&
            !block_add(upload, input.size, memory_size_max)) {
            return false;
        }
        size_t size = block_fill(upload->last, input);
        upload->received_size += size;
        input = bytes_of(input.data + size, input.size - size);
    }
    return true;
}

/*
 * A wrong byte in the end's place is remembered, not refused: what is sent has its size whatever it ends
 * with.
 */
static void take_end(struct upload *upload, struct bytes input) {
    for (size_t i = 0; i < input.size && !upload_complete(upload); i++) {
        char expected = upload->end.data[upload->received_size - upload->value_size];
        upload->end_is_wrong |= input.data[i] != expected;
        upload->received_size++;
    }
}

bool upload_take(struct upload *upload, struct bytes input, size_t memory_size_max, size_t *taken_size) {
    size_t before_size = upload->received_size;
    size_t value_size = before_size < upload->value_size ? upload->value_size - before_size : 0;
    value_size = input.size < value_size ? input.size : value_size;
    bool has_room = take_value(upload, bytes_of(input.data, value_size), memory_size_max);
    if (has_room && upload->received_size >= upload->value_size) {
        take_end(upload, bytes_of(input.data + value_size, input.size - value_size));
    }
    *taken_size = upload->received_size - before_size;
    assert(upload->received_size <= upload->value_size + upload->end.size);
    return has_room;
}

/* The oldest block is empty. */
static void block_remove(struct upload *upload) {
    struct upload_block *block = upload->first;
    upload->first = block->next;
    upload->last = upload->first != NULL ? upload->last : NULL;
    upload->memory_size -= sizeof(*block) + block->size_max;
    free(block);
}

size_t upload_move(struct upload *upload, char *to, size_t size_max) {
    size_t done_size = 0;
    while (upload->first != NULL && done_size < size_max) {
        struct upload_block *block = upload->first;
        size_t left_size = block->size - block->moved_size;
        size_t size = left_size < size_max - done_size ? left_size : size_max - done_size;
        bytes_copy_large(to + done_size, block->data + block->moved_size, size);
        block->moved_size += size;
        done_size += size;
        if (block->moved_size == block->size) {
            block_remove(upload);
        }
    }
    upload->moved_size += done_size;
    return done_size;
}

void upload_discard(struct upload *upload) {
    while (upload->first != NULL) {
        block_remove(upload);
    }
}

/* --- in a record ------------------------------------------------------------------------------------------ */

void upload_save(const struct upload *upload, struct bytes moved, struct record_writer *writer) {
    size_t received_size = upload->received_size;
    size_t data_size = received_size < upload->value_size ? received_size : upload->value_size;
    assert(moved.size == upload->moved_size);
    record_put_u64(writer, upload->value_size);
    record_put_u64(writer, received_size);
    record_put_u8(writer, upload->end_is_wrong);
    record_put_u32(writer, (uint32_t)data_size);
    char *room = data_size > 0 ? record_reserve(writer, data_size) : NULL;
    if (room == NULL) {
        return;
    }
    room = bytes_copy(room, moved);
    for (const struct upload_block *block = upload->first; block != NULL; block = block->next) {
        room = bytes_copy(room, bytes_of(block->data + block->moved_size, block->size - block->moved_size));
    }
}

struct upload_saved upload_read(struct record_reader *reader, size_t end_size) {
    struct upload_saved saved = {.value_size = record_get_u64(reader),
                                 .received_size = record_get_u64(reader)};
    saved.end_is_wrong = record_get_bool(reader);
    saved.data = record_get_bytes(reader, UINT32_MAX);
    bool has_end = saved.received_size > saved.value_size;
    size_t data_size = has_end ? saved.value_size : saved.received_size;
    reader->bad |= saved.value_size > UINT32_MAX || saved.data.size != data_size ||
                   (has_end && saved.received_size - saved.value_size > end_size) ||
                   (saved.end_is_wrong && !has_end);
    return saved;
}

bool upload_load(struct upload *upload, const struct upload_saved *saved, struct bytes end) {
    upload_init(upload, saved->value_size, end);
    bool has_room = take_value(upload, saved->data, SIZE_MAX);
    upload->received_size = saved->received_size;
    upload->end_is_wrong = saved->end_is_wrong;
    return has_room;
}
