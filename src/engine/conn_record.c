/* SPDX-License-Identifier: MIT
 *
 * conn_record: writes the record of a frozen connection, and reads one that may be anything.
 */
#include "conn_record.h"

#include "address.h"
#include "conn.h"

enum {
    CONN_RECORD_NAME_SIZE_MAX = 255,  /* of a protocol */
    CONN_RECORD_REST_SIZE_MAX = 4096, /* of all that is neither session, input nor output */
    CONN_RECORD_QUIET_MS = 100,
    CONN_RECORD_VALUE_SIZE = 3 * sizeof(uint64_t),
};

/* The limits of conn_record_read_fields; and the whole record goes behind a size of 32 bits when it is handed over. */
static bool conn_record_fits(const struct conn_record *record) {
    size_t output_size = record->output.size + record->output_rest.size + record->values.size;
    return record->session.size <= PROTOCOL_SAVED_SIZE_MAX &&
           record->input.size <= CONN_RECORD_PART_SIZE_MAX &&
           record->output.size <= CONN_RECORD_PART_SIZE_MAX &&
           record->output_rest.size <= CONN_RECORD_PART_SIZE_MAX &&
           record->values.size <= CONN_RECORD_PART_SIZE_MAX &&
           record->session.size + record->input.size + output_size <= UINT32_MAX - CONN_RECORD_REST_SIZE_MAX;
}

bool conn_record_write(struct record_writer *writer, const struct conn_record *record) {
    if (!conn_record_fits(record)) {
        return false;
    }
    bool has_sent = record->sent_size > 0, has_values = has_sent || record->values.size > 0;
    record_put_u64(writer, has_sent     ? CONN_RECORD_MAGIC_SENT
                           : has_values ? CONN_RECORD_MAGIC_VALUES
                                        : CONN_RECORD_MAGIC);
    record_put_u8(writer, record->state);
    record_put_u8(writer, record->reason);
    record_put_u8(writer, record->next);
    record_put_u8(writer, record->is_unix);
    record_put_u8(writer, record->nonblocking);
    record_put_u8(writer, record->counted);
    record_put_u8(writer, record->told);
    record_put_u8(writer, record->input_ended);
    record_put_u32(writer, record->quiet_ms);
    record_put_u32(writer, record->output_lower);
    record_put_bytes(writer, record->listen);
    record_put_bytes(writer, record->protocol);
    record_put_bytes(writer, record->session);
    record_put_bytes(writer, record->input);
    record_put_bytes(writer, record->output);
    record_put_u64(writer, record->file_offset);
    record_put_u64(writer, record->file_size);
    record_put_bytes(writer, record->output_rest);
    if (has_values) {
        record_put_bytes(writer, record->values);
    }
    if (has_sent) {
        record_put_u64(writer, record->sent_size);
    }
    return true;
}

static void conn_record_read_fields(struct record_reader *reader, uint64_t magic,
                                    struct conn_record *record) {
    record->state = record_get_u8(reader);
    record->reason = record_get_u8(reader);
    record->next = record_get_u8(reader);
    record->is_unix = record_get_bool(reader);
    record->nonblocking = record_get_bool(reader);
    record->counted = record_get_bool(reader);
    record->told = record_get_bool(reader);
    record->input_ended = record_get_bool(reader);
    record->quiet_ms = record_get_u32(reader);
    record->output_lower = record_get_u32(reader);
    record->listen = record_get_bytes(reader, ADDRESS_TEXT_SIZE_MAX);
    record->protocol = record_get_bytes(reader, CONN_RECORD_NAME_SIZE_MAX);
    record->session = record_get_bytes(reader, PROTOCOL_SAVED_SIZE_MAX);
    record->input = record_get_bytes(reader, CONN_RECORD_PART_SIZE_MAX);
    record->output = record_get_bytes(reader, CONN_RECORD_PART_SIZE_MAX);
    record->file_offset = record_get_u64(reader);
    record->file_size = record_get_u64(reader);
    record->output_rest = record_get_bytes(reader, CONN_RECORD_PART_SIZE_MAX);
    record->values =
        magic == CONN_RECORD_MAGIC ? bytes_of(NULL, 0) : record_get_bytes(reader, CONN_RECORD_PART_SIZE_MAX);
    record->sent_size = magic == CONN_RECORD_MAGIC_SENT ? record_get_u64(reader) : 0;
    reader->bad |= magic == CONN_RECORD_MAGIC_VALUES && record->values.size == 0;
    reader->bad |= magic == CONN_RECORD_MAGIC_SENT && record->sent_size == 0;
}

/* --- output ----------------------------------------------------------------------------------------------- */

void conn_record_put_value(struct record_writer *values, uint64_t position, uint64_t offset, uint64_t size) {
    record_put_u64(values, position);
    record_put_u64(values, offset);
    record_put_u64(values, size);
}

uint32_t conn_record_values_count(const struct conn_record *record) {
    return (uint32_t)(record->values.size / CONN_RECORD_VALUE_SIZE);
}

static void walk_read_value(struct conn_record_walk *walk) {
    walk->value.kind = walk->values.left.size > 0 ? CONN_RECORD_VALUE : CONN_RECORD_END;
    if (walk->value.kind == CONN_RECORD_VALUE) {
        walk->value_position = record_get_u64(&walk->values);
        walk->value.offset = record_get_u64(&walk->values);
        walk->value.size = record_get_u64(&walk->values);
        walk->bad |= walk->values.bad || walk->value.size == 0 ||
                     walk->value.size > CONN_RECORD_PART_SIZE_MAX || walk->value_position < walk->position;
    }
}

struct conn_record_walk conn_record_walk(const struct conn_record *record) {
    struct conn_record_walk walk = {.output = record->output,
                                    .output_rest = record->output_rest,
                                    .file_offset = record->file_offset,
                                    .file_size = record->file_size,
                                    .values = record_read(record->values)};
    walk_read_value(&walk);
    return walk;
}

/* As many of them as go before the next value, or all. */
static struct conn_record_piece walk_take_bytes(struct bytes *from, uint64_t size_max) {
    size_t size = from->size < size_max ? from->size : (size_t)size_max;
    struct conn_record_piece piece = {
        .kind = CONN_RECORD_BYTES, .bytes = bytes_of(from->data, size), .size = size};
    *from = bytes_of(from->data + size, from->size - size);
    return piece;
}

static struct conn_record_piece walk_take(struct conn_record_walk *walk) {
    bool has_value = walk->value.kind == CONN_RECORD_VALUE;
    uint64_t before_size = has_value ? walk->value_position - walk->position : UINT64_MAX;
    if (before_size == 0) {
        return walk->value;
    }
    if (walk->output.size > 0) {
        return walk_take_bytes(&walk->output, before_size);
    }
    if (walk->file_size > 0) {
        struct conn_record_piece file = {
            .kind = CONN_RECORD_FILE, .offset = walk->file_offset, .size = walk->file_size};
        walk->file_size = 0;
        walk->bad |= before_size < file.size;
        return file;
    }
    if (walk->output_rest.size > 0) {
        return walk_take_bytes(&walk->output_rest, before_size);
    }
    walk->bad |= has_value;
    return (struct conn_record_piece){.kind = CONN_RECORD_END};
}

struct conn_record_piece conn_record_next(struct conn_record_walk *walk) {
    struct conn_record_piece piece = {.kind = CONN_RECORD_END};
    piece = walk->bad ? piece : walk_take(walk);
    walk->position += piece.size;
    if (piece.kind == CONN_RECORD_VALUE) {
        walk_read_value(walk);
    }
    return piece;
}

/* Each value has its place in the output, and no more is being sent than there is, or one send takes. */
static bool conn_record_output_is_sound(const struct conn_record *record) {
    struct conn_record_walk walk = conn_record_walk(record);
    while (conn_record_next(&walk).kind != CONN_RECORD_END) {
    }
    return !walk.bad && record->sent_size <= walk.position && record->sent_size <= CONN_SEND_SIZE_MAX;
}

/* --- reading ---------------------------------------------------------------------------------------------- */

/* What an engine freezes (conn.h): only an open connection has a session and input, and only one that is not read any more has been told. */
static bool conn_record_is_sound(const struct conn_record *record) {
    bool is_file = record->file_size > 0;
    bool file_fits = record->file_offset <= INT64_MAX && record->file_size <= INT64_MAX - record->file_offset;
    bool is_silent =
        record->output.size == 0 && record->output_rest.size == 0 && !is_file && record->values.size == 0;
    if (record->reason > CLOSE_REASON_LAST || record->next > PROTOCOL_NEXT_EVENT || (is_file && !file_fits) ||
        ((record->values.size > 0 || record->sent_size > 0) && !conn_record_output_is_sound(record))) {
        return false;
    }
    switch (record->state) {
    case CONN_OPEN:
        return record->counted && !record->told;
    case CONN_FLUSHING:
        return record->session.size == 0 && record->input.size == 0;
    case CONN_LINGERING:
        return record->session.size == 0 && record->input.size == 0 && is_silent;
    default:
        return false;
    }
}

bool conn_record_read(struct bytes bytes, struct conn_record *record) {
    struct record_reader reader = record_read(bytes);
    uint64_t magic = record_get_u64(&reader);
    if (magic != CONN_RECORD_MAGIC && magic != CONN_RECORD_MAGIC_VALUES && magic != CONN_RECORD_MAGIC_SENT) {
        return false;
    }
    conn_record_read_fields(&reader, magic, record);
    return record_ended(&reader) && conn_record_is_sound(record);
}

bool conn_record_is_quiet(const struct conn_record *record) {
    return record->state == CONN_OPEN && record->next == PROTOCOL_NEXT_INPUT && !record->input_ended &&
           record->quiet_ms >= CONN_RECORD_QUIET_MS && record->input.size == 0 && record->output.size == 0 &&
           record->file_size == 0 && record->values.size == 0;
}
