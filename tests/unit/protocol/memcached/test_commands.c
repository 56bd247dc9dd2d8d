/* SPDX-License-Identifier: MIT
 *
 * commands: every command is found by its whole name only, and its row says where key and data block stand.
 */
#include <criterion/criterion.h>

#include "commands.h"
#include "guard.h"

static const struct {
    const char *name;
    unsigned key_word;
    unsigned block_word;
} names[] = {
    {"get", 0, 0},       {"gets", 0, 0},
    {"gat", 0, 0},       {"gats", 0, 0},
    {"set", 1, 4},       {"add", 1, 4},
    {"replace", 1, 4},   {"append", 1, 4},
    {"prepend", 1, 4},   {"cas", 1, 4},
    {"incr", 1, 0},      {"decr", 1, 0},
    {"touch", 1, 0},     {"delete", 1, 0},
    {"flush_all", 0, 0}, {"version", 0, 0},
    {"verbosity", 0, 0}, {"quit", 0, 0},
    {"stats", 0, 0},     {"mg", 1, 0},
    {"ms", 1, 2},        {"md", 1, 0},
    {"ma", 1, 0},        {"mn", 0, 0},
    {"me", 1, 0},        {"cache_memlimit", 0, 0},
    {"lru", 0, 0},       {"lru_crawler", 0, 0},
    {"slabs", 0, 0},     {"shutdown", 0, 0},
    {"debugtime", 0, 0}, {"watch", 0, 0},
    {"bget", 0, 0},
};
enum { NAMES_COUNT = sizeof(names) / sizeof(names[0]) };

Test(commands, finds_every_command) {
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        const struct mc_command *command = commands_find(bytes_from_string(names[i].name));
        cr_assert_not_null(command, "%s", names[i].name);
        cr_assert_str_eq(command->name, names[i].name);
        cr_assert_eq(command->key_word, names[i].key_word, "%s", names[i].name);
        cr_assert_eq(command->block_word, names[i].block_word, "%s", names[i].name);
    }
}

Test(commands, know_set_without_a_search) {
    cr_assert_eq(commands_set, commands_find(bytes_from_string("set")));
}

static bool is_a_command(struct bytes word) {
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        if (bytes_equal_string(word, names[i].name)) {
            return true;
        }
    }
    return false;
}

/* Each command with one byte changed, cut short, or made longer; each time at a guard page. */
Test(commands, refuse_what_only_resembles_one) {
    struct guard guard;
    guard_init(&guard, 64);
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        size_t size = strlen(names[i].name);
        char word[32] = {0};
        memcpy(word, names[i].name, size);
        cr_assert_null(commands_find(bytes_of(word, size + 1)), "%s and a zero byte", names[i].name);
        for (size_t cut = 0; cut < size; cut++) {
            struct bytes prefix = guard_copy(&guard, bytes_of(word, cut));
            cr_assert_eq(commands_find(prefix) != NULL, is_a_command(prefix), "%zu bytes of %s", cut,
                         names[i].name);
        }
        for (size_t at = 0; at < size; at++) {
            word[at] = (char)(word[at] - 'a' + 'A');
            cr_assert_null(commands_find(guard_copy(&guard, bytes_of(word, size))), "%s", word);
            word[at] = names[i].name[at];
        }
    }
    guard_deinit(&guard);
}

Test(commands, are_no_longer_than_the_longest) {
    static const char word[64] = "cache_memlimitcache_memlimit";
    for (size_t size = COMMAND_NAME_SIZE_MAX; size <= sizeof(word); size++) {
        cr_assert_null(commands_find(bytes_of(word, size)), "%zu bytes", size);
    }
}
