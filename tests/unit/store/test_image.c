/* SPDX-License-Identifier: MIT
 *
 * Images that are not what they say: each byte and each size wrong once.
 */
#include <stdlib.h>

#include "file_fixture.h"
#include "flush_table.h"

#if STORE_POISONS
#include <sanitizer/lsan_interface.h>
#endif

static void expect_refused(int fd, struct store_config config, enum store_image expected) {
    struct fixture fixture = open_store(fd, config, CLOCK_NS_PER_S, expected);
    cr_expect_eq(levels_of(&fixture).items_count, 0);
    cr_expect_eq(fixture_set(&fixture, "a", "v"), STORE_OK);
    fixture_close(&fixture);
    close(fd);
}

static void of_version_2(struct image_root *root) {
    root->version++;
}

static void of_another_boot(struct image_root *root) {
    root->boot[0] ^= 1;
}

Test(image, says_why_an_image_is_not_taken) {
    struct store_config config = fixture_config();
    int fd = make_image();
    change_root(fd, of_version_2, true);
    expect_refused(fd, config, STORE_IMAGE_VERSION);
    fd = make_image();
    change_root(fd, of_another_boot, true);
    expect_refused(fd, config, STORE_IMAGE_BOOT);
    config.item_size_max = 2 * FIXTURE_MIB;
    expect_refused(make_image(), config, STORE_IMAGE_ITEM_SIZE);
    config = fixture_config();
    config.memory_size_max = 65 * (size_t)FIXTURE_MIB;
    expect_refused(make_image(), config, STORE_IMAGE_LIMIT);
    config.memory_size_max = 64 * (size_t)FIXTURE_MIB;
    struct fixture fixture = open_store(make_image(), config, CLOCK_NS_PER_S, STORE_IMAGE_TAKEN);
    fixture_close(&fixture);
}

/* Every byte of the root block, wrong once: what it says is not believed. */
Test(image, every_byte_of_the_root_block_counts) {
    int whole = make_image();
    struct image_root root, wrong;
    char boot[IMAGE_BOOT_SIZE];
    struct store_config config = fixture_config();
    cr_assert_eq(store_file_boot(boot), 0);
    cr_assert_eq(pread(whole, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    cr_assert_eq(store_file_judge(&root, sizeof(root), boot, &config, false), STORE_IMAGE_TAKEN);
    cr_assert_eq(store_file_judge(&root, sizeof(root), boot, &config, true), STORE_IMAGE_TAKEN);
    for (size_t at = 0; at < sizeof(root); at++) {
        wrong = root;
        ((unsigned char *)&wrong)[at] ^= 0x41;
        cr_assert_neq(store_file_judge(&wrong, sizeof(wrong), boot, &config, true), STORE_IMAGE_TAKEN,
                      "byte %zu", at);
        cr_assert_neq(store_file_judge(&wrong, sizeof(wrong), boot, &config, false), STORE_IMAGE_TAKEN,
                      "byte %zu", at);
    }
    for (size_t size = 0; size < sizeof(root); size++) {
        cr_assert_neq(store_file_judge(&root, size, boot, &config, false), STORE_IMAGE_TAKEN, "%zu bytes",
                      size);
    }
    close(whole);
}

/* Fields of the root block that lie, with a right checksum: whoever made it so, nothing is read or written outside. */
Test(image, sizes_that_cannot_be_are_refused) {
    size_t first = offsetof(struct image_root, limit), last = offsetof(struct image_root, sequence);
    static const uint64_t values[] = {0, 1, 63, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    for (size_t at = first; at < last; at += sizeof(uint64_t)) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            int fd = make_image();
            struct image_root root;
            struct store_config config = fixture_config();
            struct store *store;
            enum store_image image;
            cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
            bool harmless = at == offsetof(struct image_root, hash_seed) ||
                            at == offsetof(struct image_root, overflow_count) ||
                            (at == offsetof(struct image_root, overflow_free) && values[i] < UINT32_MAX) ||
                            memcmp((char *)&root + at, &values[i], sizeof(uint64_t)) == 0;
            memcpy((char *)&root + at, &values[i], sizeof(uint64_t));
            image_root_seal(&root);
            cr_assert_eq(pwrite(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
            cr_assert_eq(store_file_create(&config, fd, 1, &image, &store), 0);
            cr_assert(harmless || image != STORE_IMAGE_TAKEN, "field at %zu: %" PRIu64, at, values[i]);
            store->is_moved =
                true; /* numbers that say nothing of the file's size are not checked by anything */
            store_destroy(store);
            close(fd);
        }
    }
}

/* Where a section begins in the file. */
static off_t section_offset(int fd, const struct image_root *root, enum image_section section) {
    off_t behind = 0, size = lseek(fd, 0, SEEK_END);
    for (unsigned i = IMAGE_SECTIONS_COUNT; i-- > (unsigned)section;) {
        behind += (off_t)image_pages(root->sections[i].size);
    }
    return (off_t)image_pages((size_t)size) - behind;
}

/* A byte of each section, wrong once. */
Test(image, every_section_is_checked) {
    for (unsigned section = 0; section < IMAGE_SECTIONS_COUNT; section++) {
        int fd = make_image();
        struct image_root root;
        char byte;
        cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
        off_t offset = section_offset(fd, &root, (enum image_section)section);
        if (root.sections[section].size == 0) {
            close(fd);
            continue;
        }
        cr_assert_eq(pread(fd, &byte, 1, offset), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
        expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
    }
}

/* Writes a field of a section, of `size` bytes, and makes both checksums right. */
static void section_write(int fd, enum image_section section, size_t at, const void *field, size_t size) {
    struct image_root root;
    cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    off_t offset = section_offset(fd, &root, section);
    size_t section_size = root.sections[section].size;
    char *bytes = malloc(section_size);
    cr_assert(bytes != NULL && at + size <= section_size);
    cr_assert_eq(pread(fd, bytes, section_size, offset), (ssize_t)section_size);
    memcpy(bytes + at, field, size);
    cr_assert_eq(pwrite(fd, bytes, section_size, offset), (ssize_t)section_size);
    root.sections[section].checksum = XXH3_64bits(bytes, section_size);
    image_root_seal(&root);
    cr_assert_eq(pwrite(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    free(bytes);
}

/* Whether memory was lost; only AddressSanitizer knows. */
static bool has_leaked(void) {
#if STORE_POISONS
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

/* With right checksums. Nothing that was read by then stays: the prefixes had leaked. */
Test(image, segments_that_cannot_be_are_refused) {
    static const size_t fields[] = {
        offsetof(struct image_segment, index), offsetof(struct image_segment, size),
        offsetof(struct image_segment, used), offsetof(struct image_segment, dead),
        offsetof(struct image_segment, queue)};
    static const uint32_t values[] = {UINT32_MAX, INT32_MAX};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        for (size_t value = 0; value < sizeof(values) / sizeof(values[0]); value++) {
            int fd = make_image();
            section_write(fd, IMAGE_SEGMENTS, fields[i], &values[value], sizeof(values[value]));
            expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
        }
    }
    cr_expect_not(has_leaked());
}

/* As above. The first row has no parent: one that is its own would be climbed for ever. */
Test(image, prefixes_that_cannot_be_are_refused) {
    const struct flush_row out = {.number = 1, .text = UINT32_MAX, .parent = FLUSH_ROW_NONE, .size = 1},
                           ring = {.number = 1, .parent = 0, .size = 1};
    const uint32_t counts[] = {0, 2, 4096, UINT32_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int fd = make_image();
        section_write(fd, IMAGE_PREFIXES, offsetof(struct flush_table, count), &counts[i], sizeof(counts[i]));
        expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
    }
    int fd = make_image();
    section_write(fd, IMAGE_PREFIXES, offsetof(struct flush_table, rows), &out, sizeof(out));
    expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
    fd = make_image();
    section_write(fd, IMAGE_PREFIXES, offsetof(struct flush_table, rows), &ring, sizeof(ring));
    expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
}

Test(image, a_file_that_was_cut_is_damaged) {
    int fd = make_image();
    cr_assert_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
    expect_refused(fd, fixture_config(), STORE_IMAGE_DAMAGED);
}
