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
    MOVED_VALUE_SIZE = 3 * sizeof(uint64_t),
};

/* The limits of moved_read_fields; and the whole record goes behind a size of 32 bits when it is handed over. */
static bool moved_fits(const struct moved *moved) {
    size_t output_size = moved->output.size + moved->output_rest.size + moved->values.size;
    return moved->session.size <= PROTOCOL_SAVED_SIZE_MAX && moved->input.size <= MOVED_PART_SIZE_MAX &&
           moved->output.size <= MOVED_PART_SIZE_MAX && moved->output_rest.size <= MOVED_PART_SIZE_MAX &&
           moved->values.size <= MOVED_PART_SIZE_MAX &&
           moved->session.size + moved->input.size + output_size <= UINT32_MAX - MOVED_REST_SIZE_MAX;
}

bool moved_write(struct record_writer *writer, const struct moved *moved) {
    if (!moved_fits(moved)) {
        return false;
    }
    bool has_sent = moved->sent_size > 0, has_values = has_sent || moved->values.size > 0;
    record_put_u64(writer, has_sent ? MOVED_MAGIC_SENT : has_values ? MOVED_MAGIC_VALUES : MOVED_MAGIC);
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
    if (has_values) {
        record_put_bytes(writer, moved->values);
    }
    if (has_sent) {
        record_put_u64(writer, moved->sent_size);
    }
    return true;
}

static void moved_read_fields(struct record_reader *reader, uint64_t magic, struct moved *moved) {
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
    moved->values = magic == MOVED_MAGIC ? bytes_of(NULL, 0) : record_get_bytes(reader, MOVED_PART_SIZE_MAX);
    moved->sent_size = magic == MOVED_MAGIC_SENT ? record_get_u64(reader) : 0;
    reader->bad |= magic == MOVED_MAGIC_VALUES && moved->values.size == 0;
    reader->bad |= magic == MOVED_MAGIC_SENT && moved->sent_size == 0;
}

/* --- output ----------------------------------------------------------------------------------------------- */

void moved_put_value(struct record_writer *values, uint64_t position, uint64_t offset, uint64_t size) {
    record_put_u64(values, position);
    record_put_u64(values, offset);
    record_put_u64(values, size);
}

uint32_t moved_values_count(const struct moved *moved) {
    return (uint32_t)(moved->values.size / MOVED_VALUE_SIZE);
}

static void walk_read_value(struct moved_walk *walk) {
    walk->value.kind = walk->values.left.size > 0 ? MOVED_VALUE : MOVED_END;
    if (walk->value.kind == MOVED_VALUE) {
        walk->value_position = record_get_u64(&walk->values);
        walk->value.offset = record_get_u64(&walk->values);
        walk->value.size = record_get_u64(&walk->values);
        walk->bad |= walk->values.bad || walk->value.size == 0 || walk->value.size > MOVED_PART_SIZE_MAX ||
                     walk->value_position < walk->position;
    }
}

struct moved_walk moved_walk(const struct moved *moved) {
    struct moved_walk walk = {.output = moved->output,
                              .output_rest = moved->output_rest,
                              .file_offset = moved->file_offset,
                              .file_size = moved->file_size,
                              .values = record_read(moved->values)};
    walk_read_value(&walk);
    return walk;
}

/* As many of them as go before the next value, or all. */
static struct moved_piece walk_take_bytes(struct bytes *from, uint64_t size_max) {
    size_t size = from->size < size_max ? from->size : (size_t)size_max;
    struct moved_piece piece = {.kind = MOVED_BYTES, .bytes = bytes_of(from->data, size), .size = size};
    *from = bytes_of(from->data + size, from->size - size);
    return piece;
}

static struct moved_piece walk_take(struct moved_walk *walk) {
    bool has_value = walk->value.kind == MOVED_VALUE;
    uint64_t before_size = has_value ? walk->value_position - walk->position : UINT64_MAX;
    if (before_size == 0) {
        return walk->value;
    }
    if (walk->output.size > 0) {
        return walk_take_bytes(&walk->output, before_size);
    }
    if (walk->file_size > 0) {
        struct moved_piece file = {.kind = MOVED_FILE, .offset = walk->file_offset, .size = walk->file_size};
        walk->file_size = 0;
        walk->bad |= before_size < file.size;
        return file;
    }
    if (walk->output_rest.size > 0) {
        return walk_take_bytes(&walk->output_rest, before_size);
    }
    walk->bad |= has_value;
    return (struct moved_piece){.kind = MOVED_END};
}

struct moved_piece moved_next(struct moved_walk *walk) {
    struct moved_piece piece = {.kind = MOVED_END};
    piece = walk->bad ? piece : walk_take(walk);
    walk->position += piece.size;
    if (piece.kind == MOVED_VALUE) {
        walk_read_value(walk);
    }
    return piece;
}

/* Each value has its place in the output, and no more is being sent than there is, or one send takes. */
static bool moved_output_is_sound(const struct moved *moved) {
    struct moved_walk walk = moved_walk(moved);
    while (moved_next(&walk).kind != MOVED_END) {
    }
    return !walk.bad && moved->sent_size <= walk.position && moved->sent_size <= CONN_SEND_SIZE_MAX;
}

/* --- reading ---------------------------------------------------------------------------------------------- */

/* What an engine freezes (conn.h): only an open connection has a session and input, and only one that is not read any more has been told. */
static bool moved_is_sound(const struct moved *moved) {
    bool is_file = moved->file_size > 0;
    bool file_fits = moved->file_offset <= INT64_MAX && moved->file_size <= INT64_MAX - moved->file_offset;
    bool is_silent =
        moved->output.size == 0 && moved->output_rest.size == 0 && !is_file && moved->values.size == 0;
    if (moved->reason > CLOSE_REASON_LAST || moved->next > PROTOCOL_NEXT_EVENT || (is_file && !file_fits) ||
        ((moved->values.size > 0 || moved->sent_size > 0) && !moved_output_is_sound(moved))) {
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
    uint64_t magic = record_get_u64(&reader);
    if (magic != MOVED_MAGIC && magic != MOVED_MAGIC_VALUES && magic != MOVED_MAGIC_SENT) {
        return false;
    }
    moved_read_fields(&reader, magic, moved);
    return record_ended(&reader) && moved_is_sound(moved);
}

bool moved_is_quiet(const struct moved *moved) {
    return moved->state == CONN_OPEN && moved->next == PROTOCOL_NEXT_INPUT && !moved->input_ended &&
           moved->quiet_ms >= MOVED_QUIET_MS && moved->input.size == 0 && moved->output.size == 0 &&
           moved->file_size == 0 && moved->values.size == 0;
}
