/* SPDX-License-Identifier: MIT
 *
 * file_fixture: stores in a file: opened, left there, opened again, and what they have.
 */
#ifndef RIPOSTE_TEST_STORE_FILE_FIXTURE_H
#define RIPOSTE_TEST_STORE_FILE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture.h"
#include "image.h"
#include "riposte/store_file.h"

static inline int open_file(void) {
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

/* A store in the file at `now_ns`, with a worker; the verdict is as expected. */
static inline struct fixture open_store(int fd, struct store_config config, uint64_t now_ns,
                                        enum store_image expected) {
    struct fixture fixture = {.now_ns = now_ns};
    enum store_image image;
    cr_assert_eq(store_file_create(&config, fd, now_ns, &image, &fixture.store), 0);
    cr_assert_eq(image, expected, "%d", image);
    fixture.worker = store_worker_join(fixture.store, now_ns);
    cr_assert_not_null(fixture.worker);
    cr_assert(index_check(fixture.store));
    return fixture;
}

/* Leaves it there. */
static inline void save_store(struct fixture *fixture) {
    cr_assert(index_check(fixture->store));
    store_worker_leave(fixture->worker);
    cr_assert_eq(store_file_save(fixture->store, fixture->now_ns), 0);
    store_destroy(fixture->store);
}

static inline struct fixture reopen(struct fixture *fixture, int fd) {
    uint64_t now_ns = fixture->now_ns;
    save_store(fixture);
    return open_store(fd, fixture_config(), now_ns, STORE_IMAGE_TAKEN);
}

static inline uint64_t cas_of(struct fixture *fixture, const char *key) {
    struct item_view view;
    cr_assert_eq(store_get(fixture->worker, text(key), &view), STORE_OK, "%s", key);
    return view.cas;
}

static inline void expect_value(struct fixture *fixture, const char *key, const char *value) {
    struct item_view view;
    cr_assert_eq(store_get(fixture->worker, text(key), &view), STORE_OK, "%s", key);
    cr_expect(bytes_equal(view.value, text(value)), "%s", key);
}

static inline void expect_missing(struct fixture *fixture, const char *key) {
    struct item_view view;
    cr_expect_eq(store_get(fixture->worker, text(key), &view), STORE_MISS, "%s", key);
}

static inline struct store_levels levels_of(const struct fixture *fixture) {
    struct store_levels levels;
    store_stats(fixture->store, &levels);
    return levels;
}

/* Changes the root block that lies in the file. */
static inline void change_root(int fd, void (*change)(struct image_root *root), bool seal) {
    struct image_root root;
    cr_assert_eq(pread(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
    change(&root);
    if (seal) {
        image_root_seal(&root);
    }
    cr_assert_eq(pwrite(fd, &root, sizeof(root), 0), (ssize_t)sizeof(root));
}

/* A file with an image of a few items of all kinds. */
static inline int make_image(void) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    for (uint64_t i = 0; i < 2000; i++) {
        fixture_set_number(&fixture, i, 20);
    }
    store_flush_prefix(fixture.worker, text("x"));
    cr_assert_eq(store_note_set(fixture.store, text("note")), 0);
    save_store(&fixture);
    return fd;
}

#endif
