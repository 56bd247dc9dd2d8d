/* SPDX-License-Identifier: MIT
 *
 * numbers: writes names with their values, and finds them again.
 */
#include "riposte/numbers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "riposte/counter.h"

static struct bytes name_of(char text[NUMBERS_NAME_SIZE_MAX], const char *prefix, const char *name) {
    int size = snprintf(text, NUMBERS_NAME_SIZE_MAX, "%s%s", prefix, name);
    assert(size > 0 && size < NUMBERS_NAME_SIZE_MAX);
    return bytes_of(text, (size_t)size);
}

/* --- writing ------------------------------------------------------------------------------------------------ */

void numbers_put(struct record_writer *writer, const char *prefix, const char *name, const uint64_t *values,
                 uint32_t count) {
    char text[NUMBERS_NAME_SIZE_MAX];
    assert(count > 0 && count <= NUMBERS_COUNT_MAX);
    record_put_bytes(writer, name_of(text, prefix, name));
    record_put_u32(writer, count);
    char *room = record_reserve(writer, count * sizeof(*values));
    if (room != NULL) {
        memcpy(room, values, count * sizeof(*values));
    }
}

void numbers_put_one(struct record_writer *writer, const char *prefix, const char *name, uint64_t value) {
    numbers_put(writer, prefix, name, &value, 1);
}

void numbers_put_fields(struct record_writer *writer, const char *prefix, const struct numbers_field *fields,
                        unsigned fields_count, const void *counters) {
    for (unsigned i = 0; i < fields_count; i++) {
        const char *field = (const char *)counters + fields[i].offset;
        numbers_put_one(writer, prefix, fields[i].name,
                        counter_read((const struct counter *)(const void *)field));
    }
}

/* --- reading ------------------------------------------------------------------------------------------------ */

struct entry {
    struct bytes name;
    const char *values; /* not aligned */
    uint32_t count;
};

/* The next of a record that is not at its end; makes it bad where there is none. */
static struct entry entry_read(struct record_reader *reader) {
    struct entry entry = {.name = record_get_bytes(reader, NUMBERS_NAME_SIZE_MAX - 1)};
    entry.count = record_get_u32(reader);
    size_t size = entry.count * sizeof(uint64_t);
    if (reader->bad || entry.count == 0 || entry.count > NUMBERS_COUNT_MAX || size > reader->left.size) {
        reader->bad = true;
        return entry;
    }
    entry.values = reader->left.data;
    reader->left = bytes_of(reader->left.data + size, reader->left.size - size);
    return entry;
}

bool numbers_check(struct bytes bytes) {
    struct record_reader reader = record_read(bytes);
    while (!reader.bad && reader.left.size > 0) {
        (void)entry_read(&reader);
    }
    return bytes.size <= NUMBERS_SIZE_MAX && record_ended(&reader);
}

struct numbers numbers_read(struct bytes bytes) {
    return (struct numbers){bytes, bytes};
}

/* In `from`, up to size_left bytes before its end. */
static bool numbers_find(struct numbers *numbers, struct bytes from, size_t size_left, struct bytes name,
                         uint64_t *values, uint32_t count) {
    struct record_reader reader = record_read(from);
    while (reader.left.size > size_left) {
        struct entry entry = entry_read(&reader);
        assert(!reader.bad); /* it was checked */
        if (entry.count == count && bytes_equal(entry.name, name)) {
            memcpy(values, entry.values, count * sizeof(*values));
            numbers->left = reader.left;
            return true;
        }
    }
    return false;
}

bool numbers_get(struct numbers *numbers, const char *prefix, const char *name, uint64_t *values,
                 uint32_t count) {
    char text[NUMBERS_NAME_SIZE_MAX];
    struct bytes wanted = name_of(text, prefix, name);
    return numbers_find(numbers, numbers->left, 0, wanted, values, count) ||
           numbers_find(numbers, numbers->all, numbers->left.size, wanted, values, count);
}

uint64_t numbers_get_one(struct numbers *numbers, const char *prefix, const char *name) {
    uint64_t value = 0;
    return numbers_get(numbers, prefix, name, &value, 1) ? value : 0;
}

void numbers_add_fields(struct numbers *numbers, const char *prefix, const struct numbers_field *fields,
                        unsigned fields_count, void *counters) {
    for (unsigned i = 0; i < fields_count; i++) {
        char *field = (char *)counters + fields[i].offset;
        counter_add((struct counter *)(void *)field, numbers_get_one(numbers, prefix, fields[i].name));
    }
}
