/* SPDX-License-Identifier: MIT
 *
 * parse_ahead: which keys are seen ahead of their turn, and how far the next request is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "parse_ahead.h"
#include "riposte/store.h"

static struct guard guard;

static void init(void) {
    guard_init(&guard, 4096);
}

static void deinit(void) {
    guard_deinit(&guard);
}

TestSuite(parse_ahead, .init = init, .fini = deinit);

static bool look(const char *input, struct mc_ahead *ahead) {
    return mc_parse_ahead(guard_copy(&guard, bytes_from_string(input)), ahead);
}

static void expect(const char *input, const char *key, size_t size) {
    struct mc_ahead ahead;
    cr_assert(look(input, &ahead), "%s", input);
    cr_assert(bytes_equal_string(ahead.key, key), "%s", input);
    cr_assert_eq(ahead.size, size, "%s", input);
}

Test(parse_ahead, steps_over_a_data_block) {
    expect("set one 0 0 3\r\nabc\r\nset two 0 0 3\r\nabc\r\n", "one", 20);
    expect("add one 0 0 3\r\nabc\r\n", "one", 20);
    expect("replace one 0 0 3\r\nabc\r\n", "one", 24);
    expect("append one 0 0 3\r\nabc\r\n", "one", 23);
    expect("prepend one 0 0 3\r\nabc\r\n", "one", 24);
    expect("cas one 0 0 3 12345 noreply\r\nabc\r\n", "one", 34);
    expect("ms one 3 T0 F5\r\nabc\r\n", "one", 21);
    expect("ms one 3\nabc\r\n", "one", 14);
}

Test(parse_ahead, says_how_long_a_block_is_that_has_not_come) {
    expect("set one 0 0 1000000\r\nabc", "one", 21 + 1000000 + 2);
}

Test(parse_ahead, sees_keys_of_commands_without_a_block) {
    expect("mg one v t\r\nmn\r\n", "one", 12);
    expect("mg one\r\n", "one", 8);
    expect("mg one\n", "one", 7);
    expect("md one q\r\n", "one", 10);
    expect("ma one\r\n", "one", 8);
    expect("delete one noreply\r\n", "one", 20);
    expect("incr one 5\r\n", "one", 12);
    expect("decr one 5\r\n", "one", 12);
    expect("touch one 0\r\n", "one", 13);
    expect("incr one\r 5\r\n", "one\r", 13);
}

Test(parse_ahead, gives_up_where_a_line_is_unusual) {
    struct mc_ahead ahead;
    static const char *const unusual[] = {
        "",
        " ",
        "\r\n",
        "nonsense one\r\n",
        "set",
        "set one\r\n",
        "set one 0 0\r\n",
        "set one 0 -1 3\r\nabc\r\n",
        "set  one 0 0 3\r\nabc\r\n",
        "set one 0 0 1234567890\r\n",
        "set one a b c\r\n",
        "ms one\r\n",
        "ms one S3\r\n",
        "mg \r\n",
        "mn\r\n",
        "get one\r\n",
        "gat 0 one\r\n",
        "quit\r\n",
    };
    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        cr_assert_not(look(unusual[i], &ahead), "%s", unusual[i]);
    }
}

Test(parse_ahead, takes_keys_up_to_the_longest_and_no_longer) {
    char line[STORE_KEY_SIZE_MAX + 16];
    for (int size = STORE_KEY_SIZE_MAX; size <= STORE_KEY_SIZE_MAX + 1; size++) {
        int line_size = snprintf(line, sizeof(line), "mg %0*d\r\n", size, 7);
        struct mc_ahead ahead;
        cr_assert_eq(mc_parse_ahead(guard_copy(&guard, bytes_of(line, (size_t)line_size)), &ahead),
                     size <= STORE_KEY_SIZE_MAX);
    }
}

Test(parse_ahead, sees_nothing_in_any_prefix_of_a_line) {
    static const char *const lines[] = {"set one 0 0 3 noreply\r\n", "ms one 3 T0\r\n", "mg one v\r\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (size_t size = 0; size < strlen(lines[i]); size++) {
            struct mc_ahead ahead;
            cr_assert_not(mc_parse_ahead(guard_copy(&guard, bytes_of(lines[i], size)), &ahead));
        }
    }
}
