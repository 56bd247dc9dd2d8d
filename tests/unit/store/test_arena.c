/* SPDX-License-Identifier: MIT
 *
 * The arena: what it gives out, what it takes back, and that the account is never passed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "arena_ready.h"

enum { MIB = 1024 * 1024, LIMIT = 16 * MIB };

static struct arena *open_arena(void) {
    static struct arena arena;
    const struct arena_plan plan = {
        .limit = LIMIT, .limit_max = 4 * (size_t)LIMIT, .item_size_max = MIB, .workers_max = 4, .fd = -1};
    cr_assert_eq(arena_init(&arena, &plan), 0);
    return &arena;
}

static uint64_t used(const struct arena *arena) {
    return atomic_load(&arena->used);
}

Test(arena, has_segments_enough_for_the_policy_and_the_workers) {
    static const struct {
        size_t limit;
        unsigned workers;
        size_t segment_size;
    } cases[] = {{(size_t)64 * MIB, 2, 256 * 1024},
                 {(size_t)256 * MIB, 4, MIB},
                 {(size_t)1024 * MIB, 4, MIB},
                 {(size_t)64 * MIB, 128, 16 * 1024},
                 {256 * 1024, 4, 4096}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        const struct arena_plan plan = {.limit = cases[i].limit,
                                        .limit_max = cases[i].limit,
                                        .item_size_max = 64 * 1024,
                                        .workers_max = cases[i].workers,
                                        .fd = -1};
        cr_assert_eq(arena_init(&arena, &plan), 0);
        cr_expect_eq(arena_segment_size(&arena), cases[i].segment_size);
        arena_destroy(&arena);
    }
}

Test(arena, names_items_in_steps_of_four_bytes_up_to_seven_gib) {
    static const struct {
        uint64_t limit;
        unsigned step_shift;
        uint64_t raised_min, raised_max;
    } cases[] = {{UINT64_C(64) << 20, 2, 4, 4},
                 {UINT64_C(3584) << 20, 2, 3, 4},
                 {UINT64_C(7167) << 20, 2, 2, 3},
                 {UINT64_C(7169) << 20, 3, 3, 4},
                 {UINT64_C(100) << 30, 6, 2, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        size_t limit = cases[i].limit, limit_max = arena_memory_limit_max(limit);
        const struct arena_plan plan = {
            .limit = limit, .limit_max = limit_max, .item_size_max = MIB, .workers_max = 4, .fd = -1};
        arena_memory_lay_out(&plan, &arena);
        cr_expect_eq(arena.step_shift, cases[i].step_shift, "limit %zu", limit);
        cr_expect_geq(limit_max, limit * cases[i].raised_min, "limit %zu", limit);
        cr_expect_leq(limit_max, limit * cases[i].raised_max, "limit %zu", limit);
        cr_expect_lt(arena.large_first, UINT32_MAX / 8 * 7 + 1, "limit %zu", limit);
        cr_expect_leq(arena.segments_count - arena.slots_count, UINT32_MAX - arena.large_first,
                      "windows have locations");
    }
}

Test(arena, gives_slots_until_the_limit_and_not_one_more) {
    struct arena *arena = open_arena();
    unsigned count = 0;
    uint64_t number = 0;
    for (uint32_t index; (index = arena_take_slot(arena, 0)) != SEGMENT_NONE; count++) {
        cr_assert(count == 0 || arena_number(arena, index) > number, "numbers rise from segment to segment");
        number = arena_number(arena, index);
        cr_assert_leq(used(arena), LIMIT);
    }
    cr_expect_eq(count, LIMIT / arena_segment_size(arena));
    arena_destroy(arena);
}

Test(arena, takes_the_memory_of_ready_slots_for_something_else) {
    struct arena *arena = open_arena();
    uint32_t indices[16];
    for (unsigned i = 0; i < 16; i++) {
        indices[i] = arena_take_slot(arena, 0);
    }
    for (unsigned i = 0; i < 16; i++) {
        arena_give(arena, indices[i]);
    }
    cr_expect_eq(used(arena), 16 * arena_segment_size(arena), "ready slots keep their memory");
    cr_expect(arena_charge(arena, LIMIT));
    cr_expect_eq(used(arena), LIMIT);
    cr_expect_eq(arena_take_slot(arena, 0), SEGMENT_NONE);
    arena_uncharge(arena, LIMIT);
    cr_expect_neq(arena_take_slot(arena, 0), SEGMENT_NONE);
    arena_destroy(arena);
}

Test(arena, gives_windows_of_every_size_and_finds_items_in_them) {
    struct arena *arena = open_arena();
    for (size_t size = arena_segment_size(arena) / 4 + 1; size <= MIB + 64; size = size * 3 / 2) {
        uint32_t index = arena_take_window(arena, size);
        cr_assert_neq(index, SEGMENT_NONE);
        struct item *item = (struct item *)(void *)arena->segments[index].memory;
        unpoison(arena->segments[index].memory, size);
        memset(arena->segments[index].memory, 'x', size);
        uint32_t location = arena_location_of(arena, item);
        cr_expect_geq(location, arena->large_first);
        cr_expect_eq(arena_item(arena, location), item);
        cr_expect_eq(arena_segment_of(arena, location), index);
        uint64_t before = used(arena);
        arena_give(arena, index);
        cr_expect_leq(used(arena) - atomic_load(&arena->ready_size), before - size);
    }
    arena_destroy(arena);
}

/* A window whose `size` bytes were written, given back. */
static uint32_t give_window(struct arena *arena, size_t size) {
    uint32_t index = arena_take_window(arena, size);
    cr_assert_neq(index, SEGMENT_NONE);
    unpoison(arena->segments[index].memory, size);
    memset(arena->segments[index].memory, 'x', size);
    arena_give(arena, index);
    return index;
}

/* A byte of a window that holds no item: poisoned under AddressSanitizer. */
static char window_byte(const struct arena *arena, uint32_t index, size_t offset) {
    unpoison(&arena->segments[index].memory[offset], 1);
    return arena->segments[index].memory[offset];
}

Test(arena, keeps_the_memory_of_a_window_for_the_next_large_item) {
    struct arena *arena = open_arena();
    enum { SIZE = MIB / 2 };
    uint32_t first = give_window(arena, SIZE);
    cr_expect_eq(arena_take_window(arena, SIZE - 1), first);
    cr_expect_eq(window_byte(arena, first, SIZE / 2), 'x', "no new page, and none given back");
    cr_expect_eq(used(arena), SIZE);
    cr_expect_eq(atomic_load(&arena->ready_size), 0);
    arena_destroy(arena);
}

Test(arena, charges_a_kept_window_with_what_its_next_item_needs) {
    struct arena *arena = open_arena();
    enum { SIZE = MIB / 2, PAGE = 4096 };
    uint32_t first = give_window(arena, SIZE - PAGE);
    cr_expect_eq(arena_take_window(arena, SIZE), first);
    cr_expect_eq(used(arena), SIZE);
    arena_give(arena, first);
    cr_expect_eq(arena_take_window(arena, SIZE - 8 * PAGE), first);
    cr_expect_eq(used(arena), SIZE - 8 * PAGE);
    cr_expect_eq(window_byte(arena, first, SIZE - 1), 0, "the rest has gone back");
    arena_destroy(arena);
}

Test(arena, keeps_no_more_in_windows_than_a_sixteenth_of_the_limit) {
    struct arena *arena = open_arena();
    uint32_t indices[8];
    for (unsigned i = 0; i < 8; i++) {
        indices[i] = arena_take_window(arena, MIB / 2);
    }
    for (unsigned i = 0; i < 8; i++) {
        arena_give(arena, indices[i]);
    }
    cr_expect_eq(used(arena), LIMIT / 16);
    cr_expect_eq(atomic_load(&arena->ready_size), LIMIT / 16);
    arena_destroy(arena);
}

Test(arena, takes_the_memory_of_kept_windows_for_slots_and_for_something_else) {
    struct arena *arena = open_arena();
    uint32_t index = give_window(arena, MIB);
    unsigned count = 0;
    while (arena_take_slot(arena, 0) != SEGMENT_NONE) {
        count++;
        cr_assert_leq(used(arena), LIMIT);
    }
    cr_expect_eq(count, LIMIT / arena_segment_size(arena));
    cr_expect_eq(window_byte(arena, index, 0), 0, "its memory has gone back");
    arena_destroy(arena);
    arena = open_arena();
    give_window(arena, MIB);
    cr_expect(arena_charge(arena, LIMIT));
    cr_expect_eq(used(arena), LIMIT);
    arena_destroy(arena);
}

Test(arena, finds_items_in_slots) {
    struct arena *arena = open_arena();
    uint32_t first = arena_take_slot(arena, 0), index = arena_take_slot(arena, 0);
    char *memory = arena->segments[index].memory;
    cr_expect_neq(first, index);
    for (size_t offset = 8; offset < arena_segment_size(arena); offset += 1000) {
        offset = arena_round(arena, offset);
        struct item *item = (struct item *)(void *)(memory + offset);
        uint32_t location = arena_location_of(arena, item);
        cr_expect_eq(arena_item(arena, location), item);
        cr_expect_eq(arena_segment_of(arena, location), index);
        cr_expect_eq(arena_place_number(arena, location),
                     arena_number(arena, index) + offset / ARENA_STEP_MIN);
    }
    arena_destroy(arena);
}

Test(arena, draws_numbers_that_are_of_no_place) {
    struct arena *arena = open_arena();
    uint64_t before = arena_number(arena, arena_take_slot(arena, 0)) + arena_segment_size(arena) / 8;
    uint64_t first = arena_draw_numbers(arena, 100);
    uint64_t after = arena_number(arena, arena_take_slot(arena, 0));
    cr_expect_geq(first, before);
    cr_expect_geq(after, first + 99, "no item stands in a segment's first place");
    cr_expect(arena_has_drawn(arena, first + 99));
    cr_expect_not(arena_has_drawn(arena, UINT64_MAX));
    arena_destroy(arena);
}

/* --- where the system refuses --- */

Test(arena, is_anonymous_where_files_may_not_be_as_long) {
    const struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct arena *arena = open_arena();
    cr_expect_eq(arena->memory_fd, -1);
    uint32_t index = arena_take_slot(arena, 0);
    cr_assert_neq(index, SEGMENT_NONE);
    unpoison(arena->segments[index].memory, arena_segment_size(arena));
    memset(arena->segments[index].memory, 1, arena_segment_size(arena));
    arena_give(arena, index);
    arena_ready_strip(arena);
    cr_expect_eq(used(arena), 0, "its memory goes back, too");
    arena_destroy(arena);
}

Test(arena, is_refused_a_file_that_may_not_be_as_long) {
    const struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = LIMIT};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int fd = memfd_create("arena", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    struct arena arena;
    const struct arena_plan plan = {
        .limit = LIMIT, .limit_max = LIMIT, .item_size_max = MIB, .workers_max = 4, .fd = fd};
    cr_expect_eq(arena_init(&arena, &plan), -EFBIG);
    close(fd);
}

static bool is_strict(const char *text) {
    char path[] = "/tmp/riposte-overcommit-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    bool strict = arena_memory_is_strict(path);
    unlink(path);
    return strict;
}

Test(arena, knows_a_system_that_promises_no_more_than_it_has) {
    cr_expect(is_strict("2\n"));
    cr_expect_not(is_strict("0\n"));
    cr_expect_not(is_strict("1\n"));
    cr_expect_not(is_strict(""));
    cr_expect_not(arena_memory_is_strict("/nonexistent"));
}

static size_t file_memory(const struct arena *arena) {
    struct stat status;
    cr_assert_eq(fstat(arena->memory_fd, &status), 0);
    return (size_t)status.st_blocks * 512;
}

/* As where arena_memory_is_strict. */
Test(arena, has_every_page_before_it_is_used_where_one_may_be_refused) {
    struct arena *arena = open_arena();
    arena->reserves_room = true;
    cr_assert_neq(arena_take_slot(arena, 0), SEGMENT_NONE);
    cr_expect_eq(file_memory(arena), arena_segment_size(arena));
    cr_assert_neq(arena_take_window(arena, 300 * 1024), SEGMENT_NONE);
    cr_expect_eq(file_memory(arena), used(arena));
    arena_destroy(arena);
}

Test(arena, lowers_the_limit_to_what_it_has_when_a_page_is_refused) {
    struct arena *arena = open_arena();
    arena->reserves_room = true;
    uint32_t index = arena_take_slot(arena, 0);
    cr_assert_neq(index, SEGMENT_NONE);
    close(arena->memory_fd);
    /* fallocate(2) is refused by a descriptor that can only be read. */
    cr_assert_eq(open("/dev/null", O_RDONLY), arena->memory_fd);
    cr_expect_eq(arena_take_slot(arena, 0), SEGMENT_NONE);
    cr_expect_eq(arena_take_window(arena, 300 * 1024), SEGMENT_NONE);
    cr_expect_eq(used(arena), arena_segment_size(arena), "what was not had is not charged");
    cr_expect_eq(atomic_load(&arena->limit), arena_segment_size(arena));
    arena_give(arena, index);
    cr_expect_eq(arena_take_slot(arena, 0), index, "what it has it goes on using");
    arena_destroy(arena);
}

/* Room is where the memory file is; none, where fallocate(2) finds one that can only be read. */
static int take_room_away(struct arena *arena) {
    int file = dup(arena->memory_fd);
    cr_assert_geq(file, 0);
    close(arena->memory_fd);
    cr_assert_eq(open("/dev/null", O_RDONLY), arena->memory_fd);
    return file;
}

static void give_room_back(struct arena *arena, int file) {
    cr_assert_eq(dup2(file, arena->memory_fd), arena->memory_fd);
    close(file);
}

/* A slot in advance, and a sixteenth of what is wanted for each look; nothing while there is no room. */
Test(arena, raises_the_limit_again_when_there_is_room) {
    enum { SECOND = 1000000000 };
    struct arena *arena = open_arena();
    size_t size = arena_segment_size(arena);
    uint64_t now_ns = SECOND;
    arena->reserves_room = true;
    uint32_t index = arena_take_slot(arena, 0);
    int file = take_room_away(arena);
    cr_assert_eq(arena_take_slot(arena, 0), SEGMENT_NONE);
    cr_assert(arena_is_short(arena));
    for (int i = 0; i < 3; i++, now_ns += SECOND) {
        arena_look_for_room(arena, now_ns);
        cr_expect_eq(atomic_load(&arena->limit), size);
        cr_expect_eq(used(arena), size);
    }
    give_room_back(arena, file);
    arena_look_for_room(arena, now_ns - 1);
    cr_expect_eq(atomic_load(&arena->limit), size, "less than a second after the last look");
    arena_look_for_room(arena, now_ns);
    cr_expect_eq(atomic_load(&arena->limit), 2 * size + LIMIT / 16);
    cr_expect_eq(used(arena), 2 * size);
    cr_expect_eq(file_memory(arena), 2 * size);
    cr_expect_eq(atomic_load(&arena->ready_size), size);
    uint32_t found = arena_take_slot(arena, 0);
    cr_assert_neq(found, SEGMENT_NONE);
    cr_expect_eq(arena->segments[found].arena, arena);
    for (int looks = 0; looks < 16; looks++) {
        now_ns += SECOND;
        arena_look_for_room(arena, now_ns);
    }
    cr_expect_eq(atomic_load(&arena->limit), LIMIT);
    cr_expect_not(arena_is_short(arena));
    size_t used_before = used(arena);
    arena_look_for_room(arena, now_ns + SECOND);
    cr_expect_eq(used(arena), used_before, "then nothing is looked for");
    arena_give(arena, index);
    arena_destroy(arena);
}

Test(arena, that_is_short_takes_another_limit_as_it_is) {
    struct arena *arena = open_arena();
    arena->reserves_room = true;
    cr_assert_neq(arena_take_slot(arena, 0), SEGMENT_NONE);
    close(take_room_away(arena));
    cr_assert_eq(arena_take_slot(arena, 0), SEGMENT_NONE);
    arena_set_limit(arena, LIMIT / 2);
    cr_expect_eq(atomic_load(&arena->limit), LIMIT / 2);
    cr_expect_not(arena_is_short(arena));
    arena_destroy(arena);
}

/* --- memory that was locked: -k locks all of it --- */

static bool is_resident(const char *memory, size_t size) {
    unsigned char pages[64];
    cr_assert_leq(size / ARENA_PAGE_SIZE, sizeof(pages));
    cr_assert_eq(mincore((void *)(uintptr_t)memory, size, pages), 0);
    for (size_t i = 0; i < size / ARENA_PAGE_SIZE; i++) {
        if ((pages[i] & 1) != 0) {
            return true;
        }
    }
    return false;
}

static void check_gives_locked_memory_back(struct arena *arena) {
    size_t size = arena_segment_size(arena);
    uint32_t index = arena_take_slot(arena, 0);
    char *memory = arena->segments[index].memory;
    unpoison(memory, size);
    memset(memory, 'x', size);
    cr_assert_eq(mlock(memory, size), 0);
    cr_assert(is_resident(memory, size));
    arena_give(arena, index);
    arena_ready_strip(arena);
    cr_expect_not(is_resident(memory, size));
    arena_destroy(arena);
}

Test(arena, gives_locked_memory_of_its_file_back) {
    check_gives_locked_memory_back(open_arena());
}

Test(arena, gives_locked_memory_back_where_there_is_no_file) {
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct arena *arena = open_arena();
    cr_assert_eq(arena->memory_fd, -1);
    check_gives_locked_memory_back(arena);
}
