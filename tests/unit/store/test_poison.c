/* SPDX-License-Identifier: MIT
 *
 * Under AddressSanitizer a use after free is seen although the arena is one mapping. Each test reads what it should
 * not in a child, which must not survive.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "segment.h"

static bool dies_reading(const char *byte) {
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO); /* the sanitizer's report */
        char copy = *(const volatile char *)byte;
        (void)copy;
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void pass_grace(struct fixture *fixture) {
    for (unsigned i = 0; i < 5; i++) {
        fixture_turn(fixture, 1);
    }
}

static struct fixture open_if_poisoned(void) {
    if (!STORE_POISONS) {
        cr_skip_test("memory is poisoned under AddressSanitizer only");
    }
    return fixture_open();
}

Test(poison, a_deleted_value_may_be_read_until_the_next_turns_and_not_after) {
    struct fixture fixture = open_if_poisoned();
    fixture_set(&fixture, "a", "the first");
    fixture_set(&fixture, "b", "the second");
    struct item_view first = fixture_get(&fixture, "a"), second = fixture_get(&fixture, "b");
    cr_assert_eq(store_delete(fixture.worker, text("a"), NULL, NULL), STORE_OK);
    cr_expect_not(dies_reading(first.value.data), "a view is good until the turn ends");
    pass_grace(&fixture);
    cr_expect(dies_reading(first.value.data));
    cr_expect(dies_reading(first.value.data + first.value.size - 1));
    cr_expect_not(dies_reading(second.value.data), "its neighbour lives");
    fixture_close(&fixture);
}

Test(poison, an_overwritten_value_may_not_be_read) {
    struct fixture fixture = open_if_poisoned();
    fixture_set(&fixture, "a", "the first");
    struct item_view before = fixture_get(&fixture, "a");
    fixture_set(&fixture, "a", "the second");
    pass_grace(&fixture);
    cr_expect(dies_reading(before.value.data));
    fixture_expect(&fixture, "a", "the second");
    fixture_close(&fixture);
}

Test(poison, a_pinned_value_may_be_read_after_its_end) {
    struct fixture fixture = open_if_poisoned();
    fixture_set(&fixture, "a", "the first");
    struct item_view view = fixture_get(&fixture, "a");
    cr_assert(store_pin(&view));
    cr_assert_eq(store_delete(fixture.worker, text("a"), NULL, NULL), STORE_OK);
    pass_grace(&fixture);
    cr_expect_not(dies_reading(view.value.data));
    store_unpin(view.pin);
    fixture_close(&fixture);
}

Test(poison, what_is_behind_the_last_item_may_not_be_read) {
    struct fixture fixture = open_if_poisoned();
    fixture_set(&fixture, "a", "the value");
    struct item_view view = fixture_get(&fixture, "a");
    cr_expect_not(dies_reading(view.value.data + view.value.size + 1), "the line end");
    cr_expect(dies_reading(view.value.data + view.value.size + 2));
    fixture_close(&fixture);
}

Test(poison, a_free_segment_may_not_be_read_whatever_lay_there) {
    struct fixture fixture = open_if_poisoned();
    struct item_view small, large;
    fixture_set_number(&fixture, 1, 100);
    fixture_set_number(&fixture, 2, 500000);
    cr_assert_eq(fixture_get_number(&fixture, 1, &small), STORE_OK);
    cr_assert_eq(fixture_get_number(&fixture, 2, &large), STORE_OK);
    cr_assert_eq(store_delete(fixture.worker, text("key-1"), NULL, NULL), STORE_OK);
    cr_assert_eq(store_delete(fixture.worker, text("key-2"), NULL, NULL), STORE_OK);
    segment_close_all(fixture.worker);
    pass_grace(&fixture);
    cr_expect_eq(fixture_levels(&fixture).retired_count, 0);
    cr_expect(dies_reading(small.key.data));
    cr_expect(dies_reading(large.key.data));
    cr_expect(dies_reading(large.value.data + 400000));
    fixture_set_number(&fixture, 3, 500000);
    cr_assert_eq(fixture_get_number(&fixture, 3, &large), STORE_OK);
    cr_expect_not(dies_reading(large.value.data + 499999), "taken again, it may be read");
    fixture_close(&fixture);
}
