/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "guard.h"
#include "riposte/counter.h"
#include "riposte/numbers.h"

struct counts {
    struct counter gets, sets, deletes;
};

static const struct numbers_field fields[] = {
    {"gets", offsetof(struct counts, gets)},
    {"sets", offsetof(struct counts, sets)},
    {"deletes", offsetof(struct counts, deletes)},
};

static const uint64_t slots[] = {7, 8, UINT64_MAX};

static struct record_writer some_numbers(void) {
    struct record_writer writer = {0};
    const struct counts counts = {{1}, {2}, {3}};
    numbers_put_fields(&writer, "a.", fields, 3, &counts);
    numbers_put(&writer, "", "slots", slots, 3);
    numbers_put_one(&writer, "b.", "gets", 10);
    return writer;
}

static struct bytes bytes_written(const struct record_writer *writer) {
    return bytes_of(writer->data, writer->size);
}

Test(numbers, are_found_by_name_in_any_order) {
    struct record_writer writer = some_numbers();
    struct numbers numbers = numbers_read(bytes_written(&writer));
    uint64_t found[3] = {0};
    cr_assert(numbers_check(bytes_written(&writer)));
    for (int round = 0; round < 2; round++) {
        cr_expect_eq(numbers_get_one(&numbers, "b.", "gets"), 10);
        cr_expect_eq(numbers_get_one(&numbers, "a.", "deletes"), 3);
        cr_expect_eq(numbers_get_one(&numbers, "a.", "gets"), 1);
        cr_expect(numbers_get(&numbers, "", "slots", found, 3));
        cr_expect_arr_eq(found, slots, sizeof(slots));
    }
    record_discard(&writer);
}

Test(numbers, of_another_build_are_added_where_the_name_is_known) {
    struct record_writer writer = some_numbers();
    struct numbers numbers = numbers_read(bytes_written(&writer));
    struct counts counts = {{100}, {100}, {100}};
    uint64_t two[2];
    numbers_add_fields(&numbers, "b.", fields, 3, &counts); /* it has gets only */
    cr_expect_eq(counter_read(&counts.gets), 110);
    cr_expect_eq(counter_read(&counts.sets), 100);
    numbers_add_fields(&numbers, "a.", fields, 3, &counts);
    cr_expect_eq(counter_read(&counts.deletes), 103);
    cr_expect_not(numbers_get(&numbers, "", "slots", two, 2), "a histogram of another shape");
    record_discard(&writer);
}

/* The whole, or whole names of it; nothing beyond the end is read. */
Test(numbers, that_are_cut_are_bad_and_not_read_beyond_their_end) {
    struct record_writer writer = some_numbers();
    struct guard guard;
    unsigned good = 0;
    guard_init(&guard, writer.size);
    for (size_t size = 0; size <= writer.size; size++) {
        good += numbers_check(guard_copy(&guard, bytes_of(writer.data, size)));
    }
    cr_expect_eq(good, 1 + 5, "nothing, and each end of a name's values");
    guard_deinit(&guard);
    record_discard(&writer);
}

static bool is_good(uint32_t name_size, uint32_t count, uint32_t count_said) {
    struct record_writer writer = {0};
    static const char name[NUMBERS_NAME_SIZE_MAX] = {0};
    record_put_bytes(&writer, bytes_of(name, name_size));
    record_put_u32(&writer, count_said);
    for (uint32_t i = 0; i < count; i++) {
        record_put_u64(&writer, i);
    }
    bool good = numbers_check(bytes_written(&writer));
    record_discard(&writer);
    return good;
}

Test(numbers, have_bounds) {
    cr_expect(is_good(NUMBERS_NAME_SIZE_MAX - 1, 1, 1));
    cr_expect_not(is_good(NUMBERS_NAME_SIZE_MAX, 1, 1));
    cr_expect(is_good(1, NUMBERS_COUNT_MAX, NUMBERS_COUNT_MAX));
    cr_expect_not(is_good(1, NUMBERS_COUNT_MAX + 1, NUMBERS_COUNT_MAX + 1));
    cr_expect_not(is_good(1, 0, 0));
    cr_expect_not(is_good(1, 1, UINT32_MAX));
}
