/* SPDX-License-Identifier: MIT
 *
 * Frames and pieces of a stream of items: what is written is read again, also by versions to come; nothing else is.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "portable.h"
#include "riposte/random.h"
#include "riposte/store.h"

enum { ROOM = 4096 };

TestSuite(portable, .timeout = 30);

static const struct portable_store sample_store = {
    .begin_ns = 1, .begin_tick = 2, .begin_unix_s = 3, .now_tick = 4, .sequence = 5, .items_count = 7};

static struct portable_item sample_item(void) {
    return (struct portable_item){
        .fields = {.cas = UINT64_MAX,
                   .expires_tick = 77,
                   .used_tick = 5,
                   .client_flags = 0xdeadbeef,
                   .marks = PORTABLE_CAS_SHOWN | PORTABLE_STALE,
                   .uses = 3},
        .key = bytes_from_string("a key"),
        .value = bytes_from_string("and its value"),
    };
}

/* An item in `room`. */
static struct bytes write_item(char *room) {
    struct portable_item item = sample_item();
    char *end = portable_write_item(room, &item);
    cr_assert_eq((size_t)(end - room), portable_item_size(&item));
    return bytes_of(room, (size_t)(end - room));
}

static void expect_item(const struct portable_frame *frame) {
    const struct portable_item written = sample_item();
    struct portable_item item;
    cr_assert(portable_read_item(frame, &item));
    cr_expect_eq(item.fields.cas, written.fields.cas);
    cr_expect_eq(item.fields.expires_tick, written.fields.expires_tick);
    cr_expect_eq(item.fields.used_tick, written.fields.used_tick);
    cr_expect_eq(item.fields.client_flags, written.fields.client_flags);
    cr_expect_eq(item.fields.marks, written.fields.marks);
    cr_expect_eq(item.fields.uses, written.fields.uses);
    cr_expect(bytes_equal(item.key, written.key));
    cr_expect(bytes_equal(item.value, written.value));
}

Test(portable, an_item_that_was_written_is_read_again_and_every_prefix_asks_for_more) {
    struct guard guard;
    struct portable_frame frame;
    char room[ROOM];
    size_t size;
    guard_init(&guard, ROOM);
    struct bytes written = write_item(room);
    for (size_t prefix = 0; prefix < written.size; prefix++) {
        cr_assert_eq(portable_read(guard_copy(&guard, bytes_of(written.data, prefix)), &frame, &size),
                     PORTABLE_MORE, "%zu", prefix);
    }
    cr_assert_eq(portable_read(guard_copy(&guard, written), &frame, &size), PORTABLE_OK);
    cr_expect_eq(size, written.size);
    expect_item(&frame);
    guard_deinit(&guard);
}

Test(portable, what_a_store_says_is_read_again_with_its_note) {
    struct portable_frame frame;
    struct portable_store store;
    struct bytes note;
    char room[ROOM];
    size_t size;
    char *end = portable_write_store(room, &sample_store, bytes_from_string("types"));
    cr_assert_eq((size_t)(end - room), portable_store_size(bytes_from_string("types")));
    cr_assert_eq(portable_read(bytes_of(room, ROOM), &frame, &size), PORTABLE_OK,
                 "what is behind it is the next one's");
    cr_expect_eq(size, (size_t)(end - room));
    cr_assert(portable_read_store(&frame, &store, &note));
    cr_expect_eq(memcmp(&store, &sample_store, sizeof(store)), 0);
    cr_expect(bytes_equal_string(note, "types"));
    struct portable_item item;
    cr_expect(!portable_read_item(&frame, &item), "it is no item");
}

/* As a version to come may write it: `more` bytes behind the fields that are known. */
static struct bytes write_item_of_next_version(char *room, uint16_t more) {
    char old[ROOM];
    struct bytes written = write_item(old);
    size_t head = PORTABLE_FRAME_HEAD_SIZE + sizeof(struct portable_item_fields);
    uint32_t behind_size = (uint32_t)(written.size - PORTABLE_FRAME_HEAD_SIZE + sizeof(uint16_t) + more);
    uint16_t fields_size = (uint16_t)(sizeof(struct portable_item_fields) + more);
    memcpy(room, old, head);
    memcpy(room + 4, &behind_size, sizeof(behind_size));
    memcpy(room + 8, &fields_size, sizeof(fields_size));
    memset(room + head, 0x55, more);
    memcpy(room + head + more, old + head, written.size - head);
    return bytes_of(room, written.size + more);
}

Test(portable, fields_of_a_version_to_come_are_passed_over) {
    struct portable_frame frame;
    char room[ROOM];
    size_t size;
    struct bytes written = write_item_of_next_version(room, 24);
    cr_assert_eq(portable_read(written, &frame, &size), PORTABLE_OK);
    cr_expect_eq(size, written.size);
    expect_item(&frame);
}

static enum portable_outcome read_with(size_t at, const void *bytes, size_t bytes_size,
                                       struct portable_frame *frame) {
    char room[ROOM];
    static struct guard guard;
    size_t size;
    struct bytes written = write_item(room);
    memcpy(room + at, bytes, bytes_size);
    guard_init(&guard, ROOM);
    return portable_read(guard_copy(&guard, written), frame, &size);
}

Test(portable, sizes_that_cannot_be_are_bad) {
    struct portable_frame frame;
    struct portable_item item;
    uint32_t size = PORTABLE_FRAME_SIZE_MAX + 1U;
    cr_expect_eq(read_with(4, &size, sizeof(size), &frame), PORTABLE_BAD, "above the limit");
    size = UINT32_MAX;
    cr_expect_eq(read_with(4, &size, sizeof(size), &frame), PORTABLE_BAD);
    size = PORTABLE_FRAME_SIZE_MAX;
    cr_expect_eq(read_with(4, &size, sizeof(size), &frame), PORTABLE_MORE, "at the limit");
    size = 1;
    cr_expect_eq(read_with(4, &size, sizeof(size), &frame), PORTABLE_BAD, "less than the fields");
    uint16_t fields_size = UINT16_MAX;
    cr_expect_eq(read_with(8, &fields_size, sizeof(fields_size), &frame), PORTABLE_BAD, "more than there is");
    fields_size = sizeof(struct portable_item_fields) - 1;
    cr_assert_eq(read_with(8, &fields_size, sizeof(fields_size), &frame), PORTABLE_OK);
    cr_expect(!portable_read_item(&frame, &item), "fields that every version has are missing");
}

Test(portable, keys_have_1_to_250_bytes_and_lie_inside) {
    struct portable_frame frame;
    struct portable_item item;
    size_t at = PORTABLE_FRAME_HEAD_SIZE + offsetof(struct portable_item_fields, key_size);
    const uint32_t sizes[] = {0, 19, STORE_KEY_SIZE_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        cr_assert_eq(read_with(at, &sizes[i], sizeof(sizes[i]), &frame), PORTABLE_OK);
        cr_expect(!portable_read_item(&frame, &item), "%u", sizes[i]);
    }
    uint32_t all = 18; /* key and value together */
    cr_assert_eq(read_with(at, &all, sizeof(all), &frame), PORTABLE_OK);
    cr_expect(portable_read_item(&frame, &item) && item.value.size == 0);
}

Test(portable, a_piece_with_a_wrong_byte_anywhere_or_cut_is_none) {
    char piece[ROOM];
    struct bytes frames;
    size_t size = PORTABLE_PIECE_HEAD_SIZE + write_item(piece + PORTABLE_PIECE_HEAD_SIZE).size;
    portable_seal(piece, size);
    cr_assert(portable_open(bytes_of(piece, size), &frames));
    cr_expect_eq(frames.size, size - PORTABLE_PIECE_HEAD_SIZE);
    for (size_t at = 0; at < size; at++) {
        piece[at] ^= 1;
        cr_expect(!portable_open(bytes_of(piece, size), &frames), "byte %zu", at);
        piece[at] ^= 1;
        cr_expect(!portable_open(bytes_of(piece, at), &frames), "%zu bytes", at);
    }
}
