/* SPDX-License-Identifier: MIT
 *
 * numbers: what a process has counted, by name, for the one that goes on with it.
 *
 *      | size 4, name | count 4 | count values of 8 bytes | size 4, name | ...      (riposte/record.h)
 *
 * Names are made of what counts and of the counter's own, "engine.0.bytes_read": another build may have more or fewer of them, in
 * another order. What one does not know is passed over, what it does not find begins anew. Any thread, one at a time for each record.
 */
#ifndef RIPOSTE_NUMBERS_H
#define RIPOSTE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NUMBERS_NAME_SIZE_MAX = 96,         /* bytes, terminator included */
    NUMBERS_COUNT_MAX = 1024,           /* values of one name */
    NUMBERS_SIZE_MAX = 8 * 1024 * 1024, /* bytes of all */
};

/* One counter of a structure: a struct counter, or a uint64_t. */
struct numbers_field {
    const char *name; /* static storage */
    size_t offset;    /* bytes, from the structure's first */
};

/*
 * Appends `count` values, 1 to NUMBERS_COUNT_MAX. prefix and name together are shorter than NUMBERS_NAME_SIZE_MAX. When memory ends the
 * record is broken, here and in the next two.
 */
void numbers_put(struct record_writer *writer, const char *prefix, const char *name, const uint64_t *values,
                 uint32_t count);
void numbers_put_one(struct record_writer *writer, const char *prefix, const char *name, uint64_t value);

/* Appends each field of `counters`. */
void numbers_put_fields(struct record_writer *writer, const char *prefix, const struct numbers_field *fields,
                        unsigned fields_count, const void *counters);

/* True when all of it can be read: within the bounds above, nothing cut. Anybody may have written it. */
bool numbers_check(struct bytes bytes);

/* Of bytes that numbers_check has found good; borrowed. */
struct numbers {
    struct bytes all;
    struct bytes left; /* behind what was found last: in the order of writing each search looks at one name */
};

struct numbers numbers_read(struct bytes bytes);

/* The next name behind the one found before, from the start again at the end: false when there is none with so many values. */
bool numbers_get(struct numbers *numbers, const char *prefix, const char *name, uint64_t *values,
                 uint32_t count);
/* 0 where there is none. */
uint64_t numbers_get_one(struct numbers *numbers, const char *prefix, const char *name);

/* Adds to each field of `counters` what was put for it. Nobody else writes them meanwhile. */
void numbers_add_fields(struct numbers *numbers, const char *prefix, const struct numbers_field *fields,
                        unsigned fields_count, void *counters);

#ifdef __cplusplus
}
#endif

#endif
