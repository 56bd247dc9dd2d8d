/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "conn.h"
#include "guard.h"
#include "moved.h"
#include "riposte/random.h"

static struct moved open_conn(void) {
    return (struct moved){
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

static struct moved flushing_conn(void) {
    return (struct moved){
        .state = CONN_FLUSHING,
        .reason = CLOSE_BY_PROTOCOL,
        .is_unix = true,
        .told = true,
        .listen = bytes_from_string("/run/riposte.sock"),
        .protocol = bytes_from_string("memcached"),
        .output = bytes_from_string("the last answer"),
    };
}

static bool goes_through(const struct moved *moved, struct moved *read) {
    static struct record_writer writer; /* `read` borrows from it */
    record_discard(&writer);
    cr_assert(moved_write(&writer, moved));
    return moved_read(bytes_of(writer.data, writer.size), read);
}

static void expect_same(const struct moved *moved) {
    struct moved read;
    cr_assert(goes_through(moved, &read));
    cr_assert_eq(read.state, moved->state);
    cr_assert_eq(read.reason, moved->reason);
    cr_assert_eq(read.next, moved->next);
    cr_assert_eq(read.is_unix, moved->is_unix);
    cr_assert_eq(read.nonblocking, moved->nonblocking);
    cr_assert_eq(read.counted, moved->counted);
    cr_assert_eq(read.told, moved->told);
    cr_assert_eq(read.input_ended, moved->input_ended);
    cr_assert_eq(read.quiet_ms, moved->quiet_ms);
    cr_assert_eq(read.output_lower, moved->output_lower);
    cr_assert_eq(read.file_offset, moved->file_offset);
    cr_assert_eq(read.file_size, moved->file_size);
    cr_assert(bytes_equal(read.listen, moved->listen));
    cr_assert(bytes_equal(read.protocol, moved->protocol));
    cr_assert(bytes_equal(read.session, moved->session));
    cr_assert(bytes_equal(read.input, moved->input));
    cr_assert(bytes_equal(read.output, moved->output));
    cr_assert(bytes_equal(read.output_rest, moved->output_rest));
}

Test(moved, says_of_a_connection_what_it_was) {
    struct moved open = open_conn(), flushing = flushing_conn();
    expect_same(&open);
    expect_same(&flushing);
}

Test(moved, that_is_cut_anywhere_is_refused_and_not_read_beyond_its_end) {
    struct record_writer writer = {0};
    struct moved moved = open_conn(), read;
    struct guard guard;
    moved_write(&writer, &moved);
    guard_init(&guard, writer.size);
    for (size_t size = 0; size < writer.size; size++) {
        cr_assert_not(moved_read(guard_copy(&guard, bytes_of(writer.data, size)), &read), "%zu bytes", size);
    }
    record_put_u8(&writer, 0);
    cr_assert_not(moved_read(bytes_of(writer.data, writer.size), &read), "one byte more");
    guard_deinit(&guard);
    record_discard(&writer);
}

Test(moved, of_another_version_is_refused) {
    struct record_writer writer = {0};
    struct moved moved = open_conn(), read;
    moved_write(&writer, &moved);
    for (size_t i = 0; i < sizeof(uint64_t); i++) {
        writer.data[i] ^= 1;
        cr_assert_not(moved_read(bytes_of(writer.data, writer.size), &read));
        writer.data[i] ^= 1;
    }
    record_discard(&writer);
}

Test(moved, that_says_what_cannot_be_is_refused) {
    struct moved read;
    for (unsigned state = 0; state <= UINT8_MAX; state++) {
        struct moved moved = open_conn();
        moved.state = (uint8_t)state;
        cr_assert_eq(goes_through(&moved, &read), state == CONN_OPEN, "state %u", state);
    }
    struct moved many[] = {open_conn(), open_conn(),     open_conn(),     open_conn(),
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
Test(moved, that_is_more_than_a_reader_takes_is_not_written) {
    enum { CASES = 5 };
    struct moved many[CASES];
    for (size_t i = 0; i < CASES; i++) {
        many[i] = open_conn();
    }
    many[0].session.size = PROTOCOL_SAVED_SIZE_MAX + 1u;
    many[1].input.size = MOVED_PART_SIZE_MAX + 1u;
    many[2].output.size = MOVED_PART_SIZE_MAX + 1u;
    many[3].output_rest.size = MOVED_PART_SIZE_MAX + 1u;
    many[4].session.size = PROTOCOL_SAVED_SIZE_MAX; /* each part may be so large, but not all of them */
    many[4].input.size = many[4].output.size = many[4].output_rest.size = MOVED_PART_SIZE_MAX;
    for (size_t i = 0; i < CASES; i++) {
        struct record_writer writer = {0};
        cr_assert_not(moved_write(&writer, &many[i]), "case %zu", i);
        cr_assert_eq(writer.size, 0);
    }
}

Test(moved, takes_random_bytes_for_no_record_or_for_a_sound_one) {
    struct record_writer writer = {0};
    struct moved moved = open_conn(), read;
    struct guard guard;
    struct random random = {1};

    moved_write(&writer, &moved);
    guard_init(&guard, writer.size);
    for (int round = 0; round < 20000; round++) {
        size_t at = random_below(&random, (uint32_t)writer.size);
        char before = writer.data[at];
        writer.data[at] = (char)random_below(&random, 256);
        if (moved_read(guard_copy(&guard, bytes_of(writer.data, writer.size)), &read)) {
            cr_assert_eq(read.state, CONN_OPEN);
            cr_assert_leq(read.next, PROTOCOL_NEXT_EVENT);
        }
        writer.data[at] = before;
    }
    guard_deinit(&guard);
    record_discard(&writer);
}
