/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "guard.h"
#include "riposte/record.h"

static void write_all(struct record_writer *writer) {
    record_put_u8(writer, 1);
    record_put_u32(writer, 0xfffffffe);
    record_put_u64(writer, UINT64_MAX - 1);
    record_put_bytes(writer, bytes_from_string("some bytes"));
    record_put_bytes(writer, bytes_of(NULL, 0));
}

/* True when all was read and was what write_all wrote. */
static bool read_all(struct bytes record) {
    struct record_reader reader = record_read(record);
    bool same = record_get_bool(&reader);
    same = record_get_u32(&reader) == 0xfffffffe && same;
    same = record_get_u64(&reader) == UINT64_MAX - 1 && same;
    same = bytes_equal_string(record_get_bytes(&reader, 10), "some bytes") && same;
    same = record_get_bytes(&reader, 0).size == 0 && same;
    return record_ended(&reader) && same;
}

Test(record, reads_what_was_written) {
    struct record_writer writer = {0};
    write_all(&writer);
    cr_assert(read_all(bytes_of(writer.data, writer.size)));
    record_discard(&writer);
    cr_assert_null(writer.data);
}

Test(record, that_is_cut_anywhere_or_goes_on_is_bad_and_not_read_beyond_its_end) {
    struct record_writer writer = {0};
    struct guard guard;
    write_all(&writer);
    guard_init(&guard, writer.size);
    for (size_t size = 0; size < writer.size; size++) {
        cr_assert_not(read_all(guard_copy(&guard, bytes_of(writer.data, size))), "the first %zu bytes", size);
    }
    cr_assert(read_all(guard_copy(&guard, bytes_of(writer.data, writer.size))));
    record_put_u8(&writer, 0);
    cr_assert_not(read_all(bytes_of(writer.data, writer.size)), "one byte more");
    guard_deinit(&guard);
    record_discard(&writer);
}

Test(record, takes_no_more_bytes_than_the_reader_allows) {
    struct record_writer writer = {0};
    record_put_bytes(&writer, bytes_from_string("12345"));
    struct record_reader reader = record_read(bytes_of(writer.data, writer.size));
    cr_assert_eq(record_get_bytes(&reader, 4).size, 0);
    cr_assert(reader.bad);
    record_discard(&writer);
}

Test(record, knows_two_truths) {
    struct record_reader reader = record_read(bytes_of("\1\0\2", 3));
    cr_assert(record_get_bool(&reader));
    cr_assert_not(record_get_bool(&reader));
    cr_assert_not(reader.bad);
    cr_assert_not(record_get_bool(&reader));
    cr_assert(reader.bad);
}

Test(record, grows_to_any_size) {
    enum { PARTS = 1000 };
    struct record_writer writer = {0};
    char part[100];
    memset(part, 'x', sizeof(part));
    for (int i = 0; i < PARTS; i++) {
        record_put_bytes(&writer, bytes_of(part, sizeof(part)));
    }
    struct record_reader reader = record_read(bytes_of(writer.data, writer.size));
    for (int i = 0; i < PARTS; i++) {
        cr_assert(bytes_equal(record_get_bytes(&reader, sizeof(part)), bytes_of(part, sizeof(part))));
    }
    cr_assert(record_ended(&reader));
    record_discard(&writer);
}
