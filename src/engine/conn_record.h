/* SPDX-License-Identifier: MIT
 *
 * conn_record: the record of a frozen connection: written by one engine, read by another one, which may be another program's. Pure.
 *
 *      magic | state, reason, next, flags | quiet time | output limit | listen | session | input | output | values | sent
 *
 *      listen   its address and the name of its protocol, not an index: the other engine may be configured differently
 *      output   bytes | offset and size in the file that goes with the record, size 0 where none does | bytes behind it
 *      values   bytes that both engines have (riposte/engine_move.h), each: how much output goes before it, offset, size
 *
 * What is sent is bytes, file and bytes, with the values between them:
 *
 *      | "VALUE a 0 8192\r\n" | value at 15 | "END\r\nVALUE b ..." | value at 8230 | file ...
 *
 * The oldest `sent` bytes of it are in the kernel's queue, which sends them from where they are (lent.h).
 *
 * The magic names the form: whoever changes a field changes it, so that another version's record is refused and not misread. One
 * without values, or of which nothing is being sent, is written in the form that has none, which builds from before read as well.
 */
#ifndef RIPOSTE_ENGINE_CONN_RECORD_H
#define RIPOSTE_ENGINE_CONN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/record.h"

#define CONN_RECORD_MAGIC        UINT64_C(0x32306e6e6f637072) /* "rpconn02" */
#define CONN_RECORD_MAGIC_VALUES UINT64_C(0x33306e6e6f637072) /* "rpconn03": the same, and values */
#define CONN_RECORD_MAGIC_SENT                                                                               \
    UINT64_C(0x34306e6e6f637072) /* "rpconn04": values, which may be none, and what is being sent */

/* Bytes of input, and of each part of the output; a connection that holds more does not fit into a record. */
enum { CONN_RECORD_PART_SIZE_MAX = 1 << 30 };

/* What a record says; the bytes are borrowed from it, or from what is to be written. */
struct conn_record {
    uint8_t state;  /* enum conn_state: OPEN, FLUSHING or LINGERING */
    uint8_t reason; /* enum close_reason; meaningful from FLUSHING on */
    uint8_t next;   /* enum protocol_next; meaningful while OPEN */
    bool is_unix;
    bool nonblocking; /* the socket is O_NONBLOCK */
    bool counted;
    bool told;
    bool input_ended;
    uint32_t quiet_ms;     /* since a request completed or a value moved last */
    uint32_t output_lower; /* reply_limit's */
    uint64_t file_offset;
    uint64_t file_size;    /* 0: no file */
    struct bytes listen;   /* its address as address_text says it */
    struct bytes protocol; /* its name */
    struct bytes
        session; /* session_save's; empty where the protocol knows no longer of the connection: not OPEN */
    struct bytes input;
    struct bytes output;      /* before the file */
    struct bytes output_rest; /* behind it */
    struct bytes values;      /* as conn_record_put_value writes them, in their order; empty: none */
    uint64_t sent_size;       /* bytes of the output, of whatever kind, from its begin on */
};

/* Adds a value to those of a connection: `position` bytes of output go before it, of whatever kind. */
void conn_record_put_value(struct record_writer *values, uint64_t position, uint64_t offset, uint64_t size);

/* Writes the record of it. False: a part, or all of it, is more than a reader takes; nothing is written then. */
bool conn_record_write(struct record_writer *writer, const struct conn_record *record);

/* How many there are of those. */
uint32_t conn_record_values_count(const struct conn_record *record);

/* The output of a connection, piece by piece. */
enum conn_record_kind {
    CONN_RECORD_END,
    CONN_RECORD_BYTES, /* bytes */
    CONN_RECORD_FILE,  /* offset and size in the file that goes with the record */
    CONN_RECORD_VALUE, /* offset and size of what both engines have */
};

struct conn_record_piece {
    enum conn_record_kind kind;
    struct bytes bytes;
    uint64_t offset, size;
};

/* Made with conn_record_walk. Fields are for the functions below only. */
struct conn_record_walk {
    struct bytes output, output_rest; /* what is left of them */
    uint64_t file_offset, file_size;
    struct record_reader values;    /* behind the next one */
    struct conn_record_piece value; /* the next one; kind CONN_RECORD_END: none is left */
    uint64_t value_position;
    uint64_t position; /* bytes that went before */
    bool bad;          /* a value stands where none can be */
};

struct conn_record_walk conn_record_walk(const struct conn_record *record);
struct conn_record_piece conn_record_next(struct conn_record_walk *walk);

/* Its client has nothing to come, and has not spoken lately: others go before it. */
bool conn_record_is_quiet(const struct conn_record *record);

/* False: damaged, of another version, or a state that cannot be. *record is undefined then. */
bool conn_record_read(struct bytes bytes, struct conn_record *record);

#endif
