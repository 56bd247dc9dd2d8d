/* SPDX-License-Identifier: MIT
 *
 * moved: writes the record of a frozen connection, and reads one that may be anything.
 */
#include "moved.h"

#include "address.h"
#include "conn.h"

enum {
    MOVED_NAME_SIZE_MAX = 255,  /* of a protocol */
    MOVED_REST_SIZE_MAX = 4096, /* of all that is neither session, input nor output */
    MOVED_QUIET_MS = 100,
};

/* The limits of moved_read_fields; and the whole record goes behind a size of 32 bits when it is handed over. */
static bool moved_fits(const struct moved *moved) {
    size_t output_size = moved->output.size + moved->output_rest.size;
    return moved->session.size <= PROTOCOL_SAVED_SIZE_MAX && moved->input.size <= MOVED_PART_SIZE_MAX &&
           moved->output.size <= MOVED_PART_SIZE_MAX && moved->output_rest.size <= MOVED_PART_SIZE_MAX &&
           moved->session.size + moved->input.size + output_size <= UINT32_MAX - MOVED_REST_SIZE_MAX;
}

bool moved_write(struct record_writer *writer, const struct moved *moved) {
    if (!moved_fits(moved)) {
        return false;
    }
    record_put_u64(writer, MOVED_MAGIC);
    record_put_u8(writer, moved->state);
    record_put_u8(writer, moved->reason);
    record_put_u8(writer, moved->next);
    record_put_u8(writer, moved->is_unix);
    record_put_u8(writer, moved->nonblocking);
    record_put_u8(writer, moved->counted);
    record_put_u8(writer, moved->told);
    record_put_u8(writer, moved->input_ended);
    record_put_u32(writer, moved->quiet_ms);
    record_put_u32(writer, moved->output_lower);
    record_put_bytes(writer, moved->listen);
    record_put_bytes(writer, moved->protocol);
    record_put_bytes(writer, moved->session);
    record_put_bytes(writer, moved->input);
    record_put_bytes(writer, moved->output);
    record_put_u64(writer, moved->file_offset);
    record_put_u64(writer, moved->file_size);
    record_put_bytes(writer, moved->output_rest);
    return true;
}

static void moved_read_fields(struct record_reader *reader, struct moved *moved) {
    moved->state = record_get_u8(reader);
    moved->reason = record_get_u8(reader);
    moved->next = record_get_u8(reader);
    moved->is_unix = record_get_bool(reader);
    moved->nonblocking = record_get_bool(reader);
    moved->counted = record_get_bool(reader);
    moved->told = record_get_bool(reader);
    moved->input_ended = record_get_bool(reader);
    moved->quiet_ms = record_get_u32(reader);
    moved->output_lower = record_get_u32(reader);
    moved->listen = record_get_bytes(reader, ADDRESS_TEXT_SIZE_MAX);
    moved->protocol = record_get_bytes(reader, MOVED_NAME_SIZE_MAX);
    moved->session = record_get_bytes(reader, PROTOCOL_SAVED_SIZE_MAX);
    moved->input = record_get_bytes(reader, MOVED_PART_SIZE_MAX);
    moved->output = record_get_bytes(reader, MOVED_PART_SIZE_MAX);
    moved->file_offset = record_get_u64(reader);
    moved->file_size = record_get_u64(reader);
    moved->output_rest = record_get_bytes(reader, MOVED_PART_SIZE_MAX);
}

/* What an engine freezes (conn.h): only an open connection has a session and input, and only one that is not read any more has been told. */
static bool moved_is_sound(const struct moved *moved) {
    bool is_file = moved->file_size > 0;
    bool file_fits = moved->file_offset <= INT64_MAX && moved->file_size <= INT64_MAX - moved->file_offset;
    bool is_silent = moved->output.size == 0 && moved->output_rest.size == 0 && !is_file;
    if (moved->reason > CLOSE_REASON_LAST || moved->next > PROTOCOL_NEXT_EVENT || (is_file && !file_fits)) {
        return false;
    }
    switch (moved->state) {
    case CONN_OPEN:
        return moved->counted && !moved->told;
    case CONN_FLUSHING:
        return moved->session.size == 0 && moved->input.size == 0;
    case CONN_LINGERING:
        return moved->session.size == 0 && moved->input.size == 0 && is_silent;
    default:
        return false;
    }
}

bool moved_read(struct bytes record, struct moved *moved) {
    struct record_reader reader = record_read(record);
    if (record_get_u64(&reader) != MOVED_MAGIC) {
        return false;
    }
    moved_read_fields(&reader, moved);
    return record_ended(&reader) && moved_is_sound(moved);
}

bool moved_is_quiet(const struct moved *moved) {
    return moved->state == CONN_OPEN && moved->next == PROTOCOL_NEXT_INPUT && !moved->input_ended &&
           moved->quiet_ms >= MOVED_QUIET_MS && moved->input.size == 0 && moved->output.size == 0 &&
           moved->file_size == 0;
}
