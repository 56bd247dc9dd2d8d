/* SPDX-License-Identifier: MIT
 *
 * Values that are being sent while the store goes to another process stay where they are, for both, until nobody sends them.
 */
#include "file_fixture.h"
#include "segment.h"

enum { SMALL = 5000, LARGE = 600000, LIVES = 3 };

static const size_t sizes[] = {SMALL, LARGE};

/* A value that is being sent, and where it is. */
struct sent {
    struct item_view view;
    uint64_t offset;
    char *copy;
};

static struct sent begin_sending(struct fixture *fixture, uint64_t number, size_t size) {
    struct sent sent;
    cr_assert_eq(fixture_set_number(fixture, number, size), STORE_OK);
    cr_assert_eq(fixture_get_number(fixture, number, &sent.view), STORE_OK);
    cr_assert(store_pin(&sent.view));
    cr_assert(store_file_offset(fixture->store, sent.view.value, &sent.offset));
    sent.copy = malloc(size);
    memcpy(sent.copy, sent.view.value.data, size);
    return sent;
}

static void expect_bytes(struct bytes bytes, const struct sent *sent) {
    cr_assert_eq(bytes.size, sent->view.value.size);
    cr_expect_eq(memcmp(bytes.data, sent->copy, bytes.size), 0);
}

/* The values that are read over and over; all memory is used by others meanwhile. */
static void fill(struct fixture *fixture) {
    for (uint64_t i = 100; i < 100 + 64 * FIXTURE_MIB / SMALL; i++) {
        fixture_set_number(fixture, i, SMALL);
        fixture_turn(fixture, 1);
    }
}

static void ends_nothing(struct fixture *fixture) {
    (void)fixture;
}

static void ends_by_deletion(struct fixture *fixture) {
    store_delete(fixture->worker, text("key-1"), NULL, NULL);
    segment_close_all(fixture->worker);
    fixture_turn(fixture, 1);
}

static void ends_by_overwriting(struct fixture *fixture) {
    fixture_set(fixture, "key-1", "other");
    segment_close_all(fixture->worker);
    fixture_turn(fixture, 1);
}

static void ends_by_eviction(struct fixture *fixture) {
    fill(fixture);
}

static void (*const ends[])(struct fixture *fixture) = {ends_nothing, ends_by_deletion, ends_by_overwriting,
                                                        ends_by_eviction};

/* The old one leaves it, the new one has it pinned as well; nothing is settled. */
static struct store *give(struct fixture *old, int fd) {
    struct store_config config = fixture_config();
    struct store *new;
    enum store_image image;
    store_worker_leave(old->worker);
    cr_assert_eq(store_file_share(old->store, old->now_ns), 0);
    int tables_fd = store_file_tables_fd(old->store);
    cr_assert_eq(store_file_take(&config, fd, tables_fd, old->now_ns, &image, &new), 0);
    cr_assert_eq(image, STORE_IMAGE_TAKEN);
    return new;
}

static void expect_all_free(struct fixture *fixture) {
    for (unsigned turn = 0; turn < 10; turn++) {
        fixture_turn(fixture, 1);
    }
    cr_expect_eq(atomic_load(&fixture->store->arena.pins_size), 0);
    cr_expect_eq(levels_of(fixture).retired_size, 0);
    cr_expect_eq(levels_of(fixture).retired_count, 0);
}

static void expect_goes_on(size_t size, void (*end)(struct fixture *fixture)) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    struct sent sent = begin_sending(&fixture, 1, size);
    void *pin = sent.view.pin;
    end(&fixture);
    for (unsigned life = 0; life < LIVES; life++) {
        struct bytes bytes;
        struct store *new = give(&fixture, fd);
        void *new_pin = store_file_pin(new, sent.offset, size, &bytes);
        cr_assert_not_null(new_pin);
        store_unpin(pin);
        store_destroy(fixture.store);
        store_file_settle(new);
        pin = new_pin;
        fixture.store = new;
        fixture.worker = store_worker_join(new, fixture.now_ns);
        fill(&fixture);
        expect_bytes(bytes, &sent);
    }
    store_unpin(pin);
    expect_all_free(&fixture);
    fixture_close(&fixture);
    free(sent.copy);
    close(fd);
}

Test(store_file_pin, a_value_is_sent_to_its_end_by_one_process_after_the_other) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t end = 0; end < sizeof(ends) / sizeof(ends[0]); end++) {
            expect_goes_on(sizes[i], ends[end]);
        }
    }
}

Test(store_file_pin, who_takes_the_store_back_still_has_it_pinned) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int fd = open_file();
        struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
        struct sent sent = begin_sending(&fixture, 1, sizes[i]);
        ends_by_deletion(&fixture);
        for (unsigned life = 0; life < LIVES; life++) {
            struct bytes bytes;
            struct store *other = give(&fixture, fd);
            store_unpin(store_file_pin(other, sent.offset, sizes[i], &bytes));
            store_destroy(other); /* which gives no memory of it back */
            store_file_resume(fixture.store);
            fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
            fill(&fixture);
            expect_bytes(sent.view.value, &sent);
        }
        store_unpin(sent.view.pin);
        expect_all_free(&fixture);
        fixture_close(&fixture);
        free(sent.copy);
        close(fd);
    }
}

Test(store_file_pin, what_nobody_pins_there_is_free) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    struct sent sent = begin_sending(&fixture, 1, LARGE);
    ends_by_deletion(&fixture);
    struct store *new = give(&fixture, fd);
    store_unpin(sent.view.pin);
    store_destroy(fixture.store);
    store_file_settle(new);
    fixture.store = new;
    fixture.worker = store_worker_join(new, fixture.now_ns);
    cr_expect_neq(levels_of(&fixture).retired_size, 0);
    expect_all_free(&fixture);
    fixture_close(&fixture);
    free(sent.copy);
    close(fd);
}

/* Whatever the other process says: only bytes of one segment that is in use are pinned. */
Test(store_file_pin, what_cannot_be_is_not_pinned) {
    int fd = open_file();
    struct fixture fixture = open_store(fd, fixture_config(), CLOCK_NS_PER_S, STORE_IMAGE_NONE);
    struct random random = fixture_random();
    struct bytes bytes;
    struct sent sent = begin_sending(&fixture, 1, LARGE);
    fill(&fixture);
    struct store *new = give(&fixture, fd);
    const struct arena *arena = &new->arena;
    const uint64_t end = ARENA_FILE_OFFSET + arena->mapped_size;
    const uint64_t offsets[] = {0,   1,       ARENA_FILE_OFFSET - 1, end - 1,
                                end, end + 1, UINT64_MAX - 1,        UINT64_MAX};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        cr_expect_null(store_file_pin(new, offsets[i], 1, &bytes), "%" PRIu64, offsets[i]);
        cr_expect_null(store_file_pin(new, offsets[i], SIZE_MAX, &bytes), "%" PRIu64, offsets[i]);
    }
    cr_expect_null(store_file_pin(new, sent.offset, FIXTURE_MIB, &bytes));
    cr_expect_null(store_file_pin(new, sent.offset, SIZE_MAX, &bytes));
    cr_expect_null(store_file_pin(new, sent.offset, SIZE_MAX - sent.offset + 1, &bytes));
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t offset = ARENA_FILE_OFFSET + random_below(&random, (uint32_t)arena->mapped_size);
        size_t size = 1 + random_below(&random, FIXTURE_MIB);
        struct segment *segment = store_file_pin(new, offset, size, &bytes);
        if (segment != NULL) {
            cr_assert_neq(segment_state(segment), SEGMENT_FREE);
            cr_assert_geq((uintptr_t)bytes.data, (uintptr_t)segment->memory);
            cr_assert_leq((uintptr_t)bytes.data + bytes.size, (uintptr_t)segment->memory + segment->size);
            store_unpin(segment);
        }
    }
    store_unpin(sent.view.pin);
    store_destroy(new);
    store_file_resume(fixture.store);
    fixture.worker = store_worker_join(fixture.store, fixture.now_ns);
    expect_all_free(&fixture);
    fixture_close(&fixture);
    free(sent.copy);
    close(fd);
}

Test(store_file_pin, only_bytes_of_the_store_have_a_place_in_its_file) {
    struct fixture fixture = fixture_open();
    uint64_t offset;
    char other[16] = "";
    cr_expect_not(store_file_offset(fixture.store, bytes_of(other, sizeof(other)), &offset));
    cr_expect_not(store_file_offset(fixture.store, bytes_of(NULL, 1), &offset));
    const struct arena *arena = &fixture.store->arena;
    cr_expect(store_file_offset(fixture.store, bytes_of(arena->base, arena->mapped_size), &offset));
    cr_expect_not(store_file_offset(fixture.store, bytes_of(arena->base + 1, arena->mapped_size), &offset));
    fixture_close(&fixture);
}
