/* SPDX-License-Identifier: MIT
 *
 * record: fields of fixed size and runs of bytes, one behind the other, written by one process and read by another on the
 * same machine. The reader takes nothing on trust.
 *
 *      | number, 1, 4 or 8 bytes | ... | size, 4 bytes | that many bytes | ...      numbers in the machine's own order
 *
 * What a record means, and its version, is its owner's. What is put takes memory, and where that ends the record is broken; what is read takes none. Any thread, one at a time
 * for each record.
 */
#ifndef RIPOSTE_RECORD_H
#define RIPOSTE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is an empty record. */
struct record_writer {
    char *
        data; /* owned; NULL while nothing is written. Ends with record_discard, or free(3) by whoever takes it */
    size_t size;     /* bytes written */
    size_t capacity; /* bytes allocated */
    bool broken;     /* memory has ended: nothing more is written, and what is there is good for nothing */
};

/* Room for `size` more bytes that the caller fills in, at once; NULL when memory ends, which breaks the record. */
char *record_reserve(struct record_writer *writer, size_t size);

void record_put_u8(struct record_writer *writer, uint8_t number);
void record_put_u32(struct record_writer *writer, uint32_t number);
void record_put_u64(struct record_writer *writer, uint64_t number);

/* Size and bytes; at most UINT32_MAX of them. */
void record_put_bytes(struct record_writer *writer, struct bytes bytes);

/* Frees it; it is empty and can be used again. */
void record_discard(struct record_writer *writer);

/* Made with record_read. Fields are for the functions below only. */
struct record_reader {
    struct bytes left; /* borrowed, until the last of what was read is done with */
    bool bad;          /* more was asked for than there is, or a value that may not be: stays so */
};

static inline struct record_reader record_read(struct bytes bytes) {
    struct record_reader reader = {bytes, false};
    return reader;
}

/* The next number; 0 from a bad record. */
uint8_t record_get_u8(struct record_reader *reader);
uint32_t record_get_u32(struct record_reader *reader);
uint64_t record_get_u64(struct record_reader *reader);

/* The same, where it is 0 or 1; anything else makes the record bad. */
bool record_get_bool(struct record_reader *reader);

/* The next run of bytes, borrowed from the record; empty from a bad one, or (which it is then) where it has more than size_max. */
struct bytes record_get_bytes(struct record_reader *reader, size_t size_max);

/* True when all of it was read, and was good. */
static inline bool record_ended(const struct record_reader *reader) {
    return !reader->bad && reader->left.size == 0;
}

#ifdef __cplusplus
}
#endif

#endif
