/* SPDX-License-Identifier: MIT
 *
 * content: media types and codings as client flags, up to the bound.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "content.h"
#include "guard.h"

static struct http_contents contents;

static void init(void) {
    cr_assert_eq(http_contents_init(&contents), 0);
}

static void deinit(void) {
    http_contents_deinit(&contents);
}

TestSuite(http_content, .init = init, .fini = deinit);

static enum http_content_outcome flags_of(const char *type, const char *coding, uint32_t *flags) {
    return http_content_flags(&contents, bytes_from_string(type), bytes_from_string(coding), flags);
}

Test(http_content, keeps_a_pair_as_it_was_given) {
    static const char *const pairs[][2] = {
        {"text/plain", ""},        {"text/plain", "gzip"},  {"a/b", ""},
        {"a/b; c=\"d e\"", "x-y"}, {"image/svg+xml", "br"}, {"a/b ; c", ""},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint32_t flags = 0;
        uint32_t again = 0;
        cr_assert_eq(flags_of(pairs[i][0], pairs[i][1], &flags), HTTP_CONTENT_OK, "%s", pairs[i][0]);
        cr_assert(http_content_is_typed(flags));
        struct http_content content = http_content_of(&contents, flags);
        cr_assert(bytes_equal_string(content.type, pairs[i][0]), "%s", pairs[i][0]);
        cr_assert(bytes_equal_string(content.coding, pairs[i][1]), "%s", pairs[i][1]);
        flags_of(pairs[i][0], pairs[i][1], &again);
        cr_assert_eq(again, flags);
    }
}

Test(http_content, gives_octets_without_coding_no_flags) {
    uint32_t flags = 1;
    cr_assert_eq(flags_of("application/octet-stream", "", &flags), HTTP_CONTENT_OK);
    cr_assert_eq(flags, 0);
    cr_assert_eq(flags_of("", "", &flags), HTTP_CONTENT_OK);
    cr_assert_eq(flags, 0);
    cr_assert_eq(flags_of("", "gzip", &flags), HTTP_CONTENT_OK);
    cr_assert_neq(flags, 0);
}

Test(http_content, takes_the_flags_of_memcached_clients_for_octets) {
    static const uint32_t others[] = {0,          1,          16,         0xffffffff, 0x47000001,
                                      0x49000001, 0x48ffffff, 0x48001000, 0x480000ff, 0x48000100};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct http_content content = http_content_of(&contents, others[i]);
        cr_assert(bytes_equal_string(content.type, "application/octet-stream"), "%x", others[i]);
    }
}

Test(http_content, refuses_what_is_no_type_or_coding) {
    static const char *const types[] = {"x", "/b", "a/", "a b/c", "a/b c", "a/b\x80", "a/b;\x01", "a/b, c/d"};
    uint32_t flags;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        cr_assert_eq(flags_of(types[i], "", &flags), HTTP_CONTENT_BAD, "%s", types[i]);
    }
    cr_assert_eq(flags_of("a/b", "gzip, br", &flags), HTTP_CONTENT_BAD);
    cr_assert_eq(flags_of("a/b", "1234567890123456789012345", &flags), HTTP_CONTENT_BAD);
    char type[HTTP_CONTENT_TYPE_SIZE_MAX + 2];
    memset(type, 'a', sizeof(type));
    type[1] = '/';
    type[HTTP_CONTENT_TYPE_SIZE_MAX] = '\0';
    cr_assert_eq(flags_of(type, "", &flags), HTTP_CONTENT_OK);
    type[HTTP_CONTENT_TYPE_SIZE_MAX] = 'a';
    type[HTTP_CONTENT_TYPE_SIZE_MAX + 1] = '\0';
    cr_assert_eq(flags_of(type, "", &flags), HTTP_CONTENT_BAD);
}

Test(http_content, gives_numbers_below_4096_and_not_one_more) {
    uint32_t flags = 0;
    unsigned added = 0;
    char type[32];
    for (;;) {
        snprintf(type, sizeof(type), "a/n%u", added);
        enum http_content_outcome outcome = flags_of(type, "", &flags);
        if (outcome == HTTP_CONTENT_FULL) {
            break;
        }
        cr_assert_eq(outcome, HTTP_CONTENT_OK);
        added++;
    }
    cr_assert_eq(added, HTTP_CONTENTS_MAX - HTTP_CONTENT_UNUSUAL_FIRST);
    cr_assert_eq(atomic_load(&contents.count), HTTP_CONTENTS_MAX);
    cr_assert_eq(flags_of("a/n0", "", &flags), HTTP_CONTENT_OK);
    cr_assert(bytes_equal_string(http_content_of(&contents, flags).type, "a/n0"));
}

/* --- the note --- */

static char note[HTTP_CONTENTS_NOTE_SIZE_MAX];

/* What another process does with it. */
static bool load_anew(struct bytes from) {
    http_contents_deinit(&contents);
    cr_assert_eq(http_contents_init(&contents), 0);
    return http_contents_load(&contents, from);
}

static bool reads_as(uint32_t flags, const char *type, const char *coding) {
    struct http_content content = http_content_of(&contents, flags);
    return bytes_equal_string(content.type, type) && bytes_equal_string(content.coding, coding);
}

/* Two pairs, saved; their flags. */
static struct bytes save_two(uint32_t flags[2]) {
    cr_assert_eq(flags_of("application/x-strange", "", &flags[0]), HTTP_CONTENT_OK);
    cr_assert_eq(flags_of("a/b; c", "gzip", &flags[1]), HTTP_CONTENT_OK);
    return bytes_of(note, http_contents_save(&contents, note));
}

Test(http_content, numbers_what_is_unusual_from_256_on) {
    uint32_t flags;
    cr_assert_eq(flags_of("a/b", "", &flags), HTTP_CONTENT_OK);
    cr_assert_eq(flags, 0x48000100);
}

Test(http_content, a_note_of_nothing_is_empty) {
    cr_assert_eq(http_contents_save(&contents, note), 0);
    cr_assert(load_anew(bytes_of(NULL, 0)));
}

Test(http_content, a_note_carries_the_numbers_to_the_next_process_and_on) {
    uint32_t flags[2], more;
    struct bytes saved = save_two(flags);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(load_anew(saved));
        cr_assert(reads_as(flags[0], "application/x-strange", ""));
        cr_assert(reads_as(flags[1], "a/b; c", "gzip"));
        saved = bytes_of(note, http_contents_save(&contents, note));
    }
    flags_of("a/b; c", "gzip", &more);
    cr_assert_eq(more, flags[1]);
    flags_of("application/x-other", "", &more);
    cr_assert_eq(more, flags[1] + 1);
}

Test(http_content, the_fullest_note_fits_and_comes_back) {
    char type[HTTP_CONTENT_TYPE_SIZE_MAX + 1];
    const char *coding = "123456789012345678901234";
    uint32_t flags = 0;
    for (unsigned i = HTTP_CONTENT_UNUSUAL_FIRST; i < HTTP_CONTENTS_MAX; i++) {
        snprintf(type, sizeof(type), "a/%098u", i);
        cr_assert_eq(flags_of(type, coding, &flags), HTTP_CONTENT_OK);
    }
    cr_assert_eq(http_contents_save(&contents, note), sizeof(note));
    cr_assert(load_anew(bytes_of(note, sizeof(note))));
    cr_assert(reads_as(flags, type, coding));
    cr_assert_eq(flags_of("a/b", "", &flags), HTTP_CONTENT_FULL);
}

Test(http_content, every_prefix_of_a_note_is_damaged_and_gives_no_number_anew) {
    uint32_t flags[2], more;
    struct guard guard;
    struct bytes saved = save_two(flags);
    guard_init(&guard, saved.size);
    for (size_t size = 1; size < saved.size; size++) {
        cr_assert(!load_anew(guard_copy(&guard, bytes_of(saved.data, size))), "%zu", size);
        for (unsigned i = 0; i < 2; i++) {
            cr_assert(reads_as(flags[i], "application/octet-stream", ""), "%zu", size);
        }
        enum http_content_outcome outcome = flags_of("application/x-other", "", &more);
        cr_assert(size < HTTP_CONTENTS_NOTE_HEAD_SIZE ? outcome == HTTP_CONTENT_FULL : more == flags[1] + 1);
    }
    guard_deinit(&guard);
}

/* Whichever bit is wrong: it reads nothing behind its end, and what it takes is good. */
Test(http_content, a_damaged_note_has_no_number_out_of_bounds_and_no_text_that_is_not_good) {
    uint32_t flags[2];
    struct guard guard;
    struct bytes saved = save_two(flags);
    guard_init(&guard, saved.size);
    for (size_t bit = 0; bit < saved.size * 8; bit++) {
        note[bit / 8] ^= (char)(1 << bit % 8);
        load_anew(guard_copy(&guard, saved));
        note[bit / 8] ^= (char)(1 << bit % 8);
        uint32_t count = atomic_load(&contents.count);
        cr_assert(count >= HTTP_CONTENT_UNUSUAL_FIRST && count <= HTTP_CONTENTS_MAX);
        for (uint32_t i = 0; i < count; i++) {
            struct http_content content = http_content_of(&contents, 0x48000000 | i);
            cr_assert(content.type.size > 0 && content.type.size <= HTTP_CONTENT_TYPE_SIZE_MAX);
            for (size_t at = 0; at < content.type.size; at++) {
                cr_assert_geq(content.type.data[at], ' ');
            }
        }
    }
    guard_deinit(&guard);
}

Test(http_content, a_note_with_a_number_twice_or_a_type_that_is_none_is_damaged) {
    uint32_t flags[2];
    struct bytes saved = save_two(flags);
    size_t second =
        HTTP_CONTENTS_NOTE_HEAD_SIZE + HTTP_CONTENTS_NOTE_PAIR_SIZE + strlen("application/x-strange");
    uint16_t number = HTTP_CONTENT_UNUSUAL_FIRST;
    note[HTTP_CONTENTS_NOTE_HEAD_SIZE + HTTP_CONTENTS_NOTE_PAIR_SIZE] = '\n';
    cr_assert(!load_anew(saved));
    note[HTTP_CONTENTS_NOTE_HEAD_SIZE + HTTP_CONTENTS_NOTE_PAIR_SIZE] = 'a';
    cr_assert(load_anew(saved));
    memcpy(note + second, &number, sizeof(number));
    cr_assert(!load_anew(saved));
    cr_assert(reads_as(flags[0], "application/octet-stream", ""));
}
