/* SPDX-License-Identifier: MIT
 *
 * moved: the record of a frozen connection: written by one engine, read by another one, which may be another program's. Pure.
 *
 *      magic | state, reason, next, flags | quiet time | output limit | listen | session | input | output
 *
 *      listen   its address and the name of its protocol, not an index: the other engine may be configured differently
 *      output   bytes | offset and size in the file that goes with the record, size 0 where none does | bytes behind it
 *
 * MOVED_MAGIC names the form: whoever changes a field changes it, so that another version's record is refused and not misread.
 */
#ifndef RIPOSTE_ENGINE_MOVED_H
#define RIPOSTE_ENGINE_MOVED_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"
#include "riposte/record.h"

#define MOVED_MAGIC UINT64_C(0x32306e6e6f637072) /* "rpconn02" */

/* Bytes of input, and of each part of the output; a connection that holds more does not fit into a record. */
enum { MOVED_PART_SIZE_MAX = 1 << 30 };

/* What a record says; the bytes are borrowed from it, or from what is to be written. */
struct moved {
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
};

/* Writes the record of it. False: a part, or all of it, is more than a reader takes; nothing is written then. */
bool moved_write(struct record_writer *writer, const struct moved *moved);

/* Its client has nothing to come, and has not spoken lately: others go before it. */
bool moved_is_quiet(const struct moved *moved);

/* False: damaged, of another version, or a state that cannot be. *moved is undefined then. */
bool moved_read(struct bytes record, struct moved *moved);

#endif
