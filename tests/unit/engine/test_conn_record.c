/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "conn.h"
#include "guard.h"
#include "conn_record.h"
#include "riposte/random.h"

static struct conn_record open_conn(void) {
    return (struct conn_record){
        .state = CONN_OPEN,
        .next = PROTOCOL_NEXT_REST,
        .counted = true,
        .nonblocking = true,
        .input_ended = true,
        .quiet_ms = 12345,
        .output_lower = 4096,
        .listen = bytes_from_string("127.0.0.1:11211"),
        .protocol = bytes_from_string("memcached"),
        .session = bytes_from_string("what a session is in the middle of"),
        .input = bytes_from_string("get half a requ"),
        .output = bytes_from_string("before the file"),
        .file_offset = 4711,
        .file_size = 1 << 20,
        .output_rest = bytes_from_string("behind it"),
    };
}

static struct conn_record flushing_conn(void) {
    return (struct conn_record){
        .state = CONN_FLUSHING,
        .reason = CLOSE_BY_PROTOCOL,
        .is_unix = true,
        .told = true,
        .listen = bytes_from_string("/run/riposte.sock"),
        .protocol = bytes_from_string("memcached"),
        .output = bytes_from_string("the last answer"),
    };
}

/* Values before, between and behind the bytes and the file. */
enum { VALUES = 6 };
static const struct conn_record_piece values[VALUES] = {
    {CONN_RECORD_VALUE, {0}, 1000, 10},
    {CONN_RECORD_VALUE, {0}, 0, 1},
    {CONN_RECORD_VALUE, {0}, 2000, CONN_RECORD_PART_SIZE_MAX},
    {CONN_RECORD_VALUE, {0}, 3000, 30},
    {CONN_RECORD_VALUE, {0}, 4000, 40},
    {CONN_RECORD_VALUE, {0}, UINT64_MAX, 1}};

static struct conn_record conn_with_values(struct record_writer *writer, uint64_t added) {
    struct conn_record record = open_conn();
    uint64_t positions[VALUES] = {0, 16, 17};
    positions[3] = 17 + CONN_RECORD_PART_SIZE_MAX + 9; /* the other bytes before the file, */
    positions[4] = positions[3] + 30 + record.file_size + 6;
    positions[5] = positions[4] + 40 + 3; /* and the last */
    for (size_t i = 0; i < VALUES; i++) {
        conn_record_put_value(writer, positions[i] + (i + 1 == VALUES ? added : 0), values[i].offset,
                              values[i].size);
    }
    record.values = bytes_of(writer->data, writer->size);
    return record;
}

static bool goes_through(const struct conn_record *record, struct conn_record *read) {
    static struct record_writer writer; /* `read` borrows from it */
    record_discard(&writer);
    cr_assert(conn_record_write(&writer, record));
    return conn_record_read(bytes_of(writer.data, writer.size), read);
}

static void expect_same(const struct conn_record *record) {
    struct conn_record read;
    cr_assert(goes_through(record, &read));
    cr_assert_eq(read.state, record->state);
    cr_assert_eq(read.reason, record->reason);
    cr_assert_eq(read.next, record->next);
    cr_assert_eq(read.is_unix, record->is_unix);
    cr_assert_eq(read.nonblocking, record->nonblocking);
    cr_assert_eq(read.counted, record->counted);
    cr_assert_eq(read.told, record->told);
    cr_assert_eq(read.input_ended, record->input_ended);
    cr_assert_eq(read.quiet_ms, record->quiet_ms);
    cr_assert_eq(read.output_lower, record->output_lower);
    cr_assert_eq(read.file_offset, record->file_offset);
    cr_assert_eq(read.file_size, record->file_size);
    cr_assert(bytes_equal(read.listen, record->listen));
    cr_assert(bytes_equal(read.protocol, record->protocol));
    cr_assert(bytes_equal(read.session, record->session));
    cr_assert(bytes_equal(read.input, record->input));
    cr_assert(bytes_equal(read.output, record->output));
    cr_assert(bytes_equal(read.output_rest, record->output_rest));
}

Test(record, says_of_a_connection_what_it_was) {
    struct conn_record open = open_conn(), flushing = flushing_conn();
    expect_same(&open);
    expect_same(&flushing);
}

static void expect_piece(struct conn_record_walk *walk, enum conn_record_kind kind, uint64_t offset,
                         uint64_t size) {
    struct conn_record_piece piece = conn_record_next(walk);
    cr_expect_eq(piece.kind, kind);
    cr_expect_eq(piece.offset, offset);
    cr_expect_eq(piece.size, size);
}

static void expect_text(struct conn_record_walk *walk, const char *text) {
    struct conn_record_piece piece = conn_record_next(walk);
    cr_expect_eq(piece.kind, CONN_RECORD_BYTES);
    cr_expect(bytes_equal_string(piece.bytes, text), "%.*s", (int)piece.bytes.size, piece.bytes.data);
}

static void expect_value(struct conn_record_walk *walk, unsigned index) {
    expect_piece(walk, CONN_RECORD_VALUE, values[index].offset, values[index].size);
}

Test(record, has_values_between_what_else_is_sent) {
    struct record_writer writer = {0};
    struct conn_record record = conn_with_values(&writer, 0), read;
    cr_assert(goes_through(&record, &read));
    cr_assert_eq(conn_record_values_count(&read), VALUES);
    struct conn_record_walk walk = conn_record_walk(&read);
    expect_value(&walk, 0);
    expect_text(&walk, "before");
    expect_value(&walk, 1);
    expect_value(&walk, 2);
    expect_text(&walk, " the file");
    expect_value(&walk, 3);
    expect_piece(&walk, CONN_RECORD_FILE, record.file_offset, record.file_size);
    expect_text(&walk, "behind");
    expect_value(&walk, 4);
    expect_text(&walk, " it");
    expect_value(&walk, 5);
    expect_piece(&walk, CONN_RECORD_END, 0, 0);
    expect_piece(&walk, CONN_RECORD_END, 0, 0);
    cr_expect_not(walk.bad);
    cr_expect_not(conn_record_is_quiet(&read));
    record_discard(&writer);
}

/* With values and without; up to all of the output, but for the sixth value, which makes it more than one send takes. */
Test(record, says_what_is_being_sent) {
    struct record_writer writer = {0};
    struct conn_record record = conn_with_values(&writer, 0), read;
    uint64_t sizes[] = {1, 16, 17 + (1 << 20), CONN_SEND_SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        record.sent_size = sizes[i];
        cr_assert(goes_through(&record, &read));
        cr_expect_eq(read.sent_size, sizes[i]);
        cr_expect_eq(conn_record_values_count(&read), VALUES);
    }
    record.sent_size = CONN_SEND_SIZE_MAX + UINT64_C(1);
    cr_expect_not(goes_through(&record, &read), "more than one send takes");
    record = flushing_conn();
    record.sent_size = record.output.size;
    cr_assert(goes_through(&record, &read));
    cr_expect_eq(read.sent_size, record.output.size);
    cr_expect_eq(conn_record_values_count(&read), 0);
    record.sent_size++;
    cr_expect_not(goes_through(&record, &read), "more than there is");
    record_discard(&writer);
}

Test(record, without_values_is_read_by_builds_that_know_none) {
    struct record_writer writer = {0};
    struct conn_record record = open_conn();
    cr_assert(conn_record_write(&writer, &record));
    cr_expect_eq(memcmp(writer.data, "rpconn02", sizeof(uint64_t)), 0);
    record_discard(&writer);
}

Test(record, whose_values_cannot_stand_there_is_refused) {
    struct record_writer writer = {0};
    struct conn_record record = conn_with_values(&writer, 1), read;
    cr_expect_not(goes_through(&record, &read), "behind the end");
    static const struct {
        uint64_t position, offset, size;
    } rows[] = {{16, 0, 1},
                {15, 0, 0},
                {15, 0, CONN_RECORD_PART_SIZE_MAX + 1u},
                {UINT64_MAX, 0, 1},
                {15 + 1000, 0, 1}}; /* the last one: in the middle of the file */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        record_discard(&writer);
        conn_record_put_value(&writer, rows[i].position, rows[i].offset, rows[i].size);
        record = open_conn();
        record.output = bytes_from_string("before the file");
        record.values = bytes_of(writer.data, writer.size);
        if (i == 0) {
            record.file_size = 0;
            record.output_rest = bytes_of(NULL, 0);
        }
        cr_expect_not(goes_through(&record, &read), "row %zu", i);
    }
    record.values = bytes_of(writer.data, writer.size - 1);
    cr_expect_not(goes_through(&record, &read), "cut");
    record = flushing_conn();
    record.state = CONN_LINGERING;
    record.output = bytes_of(NULL, 0);
    record_discard(&writer);
    conn_record_put_value(&writer, 0, 0, 1);
    record.values = bytes_of(writer.data, writer.size);
    cr_expect_not(goes_through(&record, &read), "of one that sends nothing any more");
    record_discard(&writer);
}

Test(record, that_is_cut_anywhere_is_refused_and_not_read_beyond_its_end) {
    struct record_writer writer = {0};
    struct conn_record record = open_conn(), read;
    struct guard guard;
    conn_record_write(&writer, &record);
    guard_init(&guard, writer.size);
    for (size_t size = 0; size < writer.size; size++) {
        cr_assert_not(conn_record_read(guard_copy(&guard, bytes_of(writer.data, size)), &read), "%zu bytes",
                      size);
    }
    record_put_u8(&writer, 0);
    cr_assert_not(conn_record_read(bytes_of(writer.data, writer.size), &read), "one byte more");
    guard_deinit(&guard);
    record_discard(&writer);
}

Test(record, of_another_version_is_refused) {
    struct record_writer writer = {0};
    struct conn_record record = open_conn(), read;
    conn_record_write(&writer, &record);
    for (size_t i = 0; i < sizeof(uint64_t); i++) {
        writer.data[i] ^= 1;
        cr_assert_not(conn_record_read(bytes_of(writer.data, writer.size), &read));
        writer.data[i] ^= 1;
    }
    record_discard(&writer);
}

Test(record, that_says_what_cannot_be_is_refused) {
    struct conn_record read;
    for (unsigned state = 0; state <= UINT8_MAX; state++) {
        struct conn_record record = open_conn();
        record.state = (uint8_t)state;
        cr_assert_eq(goes_through(&record, &read), state == CONN_OPEN, "state %u", state);
    }
    struct conn_record many[] = {open_conn(), open_conn(),     open_conn(),     open_conn(),
                                 open_conn(), flushing_conn(), flushing_conn(), flushing_conn()};
    many[0].next = PROTOCOL_NEXT_EVENT + 1;
    many[1].reason = CLOSE_REASON_LAST + 1;
    many[2].told = true;
    many[3].counted = false;
    many[4].file_offset = INT64_MAX;
    many[5].session = bytes_from_string("of one that is over");
    many[6].input = bytes_from_string("of one that is not read");
    many[7].state = CONN_LINGERING; /* with output */
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        cr_assert_not(goes_through(&many[i], &read), "case %zu", i);
    }
}

/* Whoever reads it would refuse it, or read a size that was cut. */
Test(record, that_is_more_than_a_reader_takes_is_not_written) {
    enum { CASES = 5 };
    struct conn_record many[CASES];
    for (size_t i = 0; i < CASES; i++) {
        many[i] = open_conn();
    }
    many[0].session.size = PROTOCOL_SAVED_SIZE_MAX + 1u;
    many[1].input.size = CONN_RECORD_PART_SIZE_MAX + 1u;
    many[2].output.size = CONN_RECORD_PART_SIZE_MAX + 1u;
    many[3].output_rest.size = CONN_RECORD_PART_SIZE_MAX + 1u;
    many[4].session.size = PROTOCOL_SAVED_SIZE_MAX; /* each part may be so large, but not all of them */
    many[4].input.size = many[4].output.size = many[4].output_rest.size = CONN_RECORD_PART_SIZE_MAX;
    for (size_t i = 0; i < CASES; i++) {
        struct record_writer writer = {0};
        cr_assert_not(conn_record_write(&writer, &many[i]), "case %zu", i);
        cr_assert_eq(writer.size, 0);
    }
}

Test(record, takes_random_bytes_for_no_record_or_for_a_sound_one) {
    struct record_writer writer = {0};
    struct conn_record record = open_conn(), read;
    struct guard guard;
    struct random random = {1};

    struct record_writer rows = {0};
    record = conn_with_values(&rows, 0);
    conn_record_write(&writer, &record);
    guard_init(&guard, writer.size);
    for (int round = 0; round < 20000; round++) {
        size_t at = random_below(&random, (uint32_t)writer.size);
        char before = writer.data[at];
        writer.data[at] = (char)random_below(&random, 256);
        if (conn_record_read(guard_copy(&guard, bytes_of(writer.data, writer.size)), &read)) {
            cr_assert_eq(read.state, CONN_OPEN);
            cr_assert_leq(read.next, PROTOCOL_NEXT_EVENT);
            struct conn_record_walk walk = conn_record_walk(&read);
            while (conn_record_next(&walk).kind != CONN_RECORD_END) {
            }
            cr_assert_not(walk.bad);
        }
        writer.data[at] = before;
    }
    record_discard(&rows);
    guard_deinit(&guard);
    record_discard(&writer);
}
