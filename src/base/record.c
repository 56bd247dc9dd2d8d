/* SPDX-License-Identifier: MIT
 *
 * record: writes fields into memory that grows, and reads them back within their bounds.
 */
#include "riposte/record.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

static bool record_grow(struct record_writer *writer, size_t needed) {
    size_t capacity = writer->capacity > 0 ? writer->capacity : CAPACITY_MIN;
    while (capacity < needed) {
        capacity *= 2; /* many small fields stay linear */
    }
    char *data = realloc(writer->data, capacity);
    if (data == NULL) {
        writer->broken = true;
        return false;
    }
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

char *record_reserve(struct record_writer *writer, size_t size) {
    size_t needed = writer->size + size;
    if (writer->broken || (needed > writer->capacity && !record_grow(writer, needed))) {
        return NULL;
    }
    char *room = writer->data + writer->size;
    writer->size += size;
    return room;
}

static void record_put(struct record_writer *writer, const void *data, size_t size) {
    char *room = size > 0 ? record_reserve(writer, size) : NULL;
    if (room != NULL) {
        memcpy(room, data, size);
    }
}

void record_put_u8(struct record_writer *writer, uint8_t number) {
    record_put(writer, &number, sizeof(number));
}

void record_put_u32(struct record_writer *writer, uint32_t number) {
    record_put(writer, &number, sizeof(number));
}

void record_put_u64(struct record_writer *writer, uint64_t number) {
    record_put(writer, &number, sizeof(number));
}

void record_put_bytes(struct record_writer *writer, struct bytes bytes) {
    record_put_u32(writer, (uint32_t)bytes.size);
    record_put(writer, bytes.data, bytes.size);
}

void record_discard(struct record_writer *writer) {
    free(writer->data);
    *writer = (struct record_writer){0};
}

/* Copies the next `size` bytes to `to`, which is zero; leaves it so where there are fewer. */
static void record_get(struct record_reader *reader, void *to, size_t size) {
    if (reader->bad || reader->left.size < size) {
        reader->bad = true;
        return;
    }
    memcpy(to, reader->left.data, size);
    reader->left = bytes_after(reader->left, size);
}

uint8_t record_get_u8(struct record_reader *reader) {
    uint8_t number = 0;
    record_get(reader, &number, sizeof(number));
    return number;
}

uint32_t record_get_u32(struct record_reader *reader) {
    uint32_t number = 0;
    record_get(reader, &number, sizeof(number));
    return number;
}

uint64_t record_get_u64(struct record_reader *reader) {
    uint64_t number = 0;
    record_get(reader, &number, sizeof(number));
    return number;
}

bool record_get_bool(struct record_reader *reader) {
    uint8_t number = record_get_u8(reader);
    reader->bad |= number > 1;
    return number == 1 && !reader->bad;
}

struct bytes record_get_bytes(struct record_reader *reader, size_t size_max) {
    size_t size = record_get_u32(reader);
    if (reader->bad || size > size_max || size > reader->left.size) {
        reader->bad = true;
        return bytes_of(NULL, 0);
    }
    struct bytes bytes = bytes_of(reader->left.data, size);
    reader->left = bytes_after(reader->left, size);
    return bytes;
}
