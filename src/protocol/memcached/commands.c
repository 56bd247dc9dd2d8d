/* SPDX-License-Identifier: MIT
 *
 * commands: the table, and the search in it: by the length of the name, then name by name. Within a length
 * the names that are sent most often come first.
 */
#include "commands.h"

enum { NAMES_OF_A_SIZE_MAX = 6 };

/* [size of the name]; the row behind the last of a size is empty. */
static const struct mc_command commands[COMMAND_NAME_SIZE_MAX + 1][NAMES_OF_A_SIZE_MAX + 1] =
    {
        [2] =
            {
                {"mg", SHAPE_META, .key_word = 1, .latency = LATENCY_MG, .execute = cmd_mg},
                {"ms", SHAPE_META_BLOCK, .key_word = 1, .block_word = 2, .latency = LATENCY_MS,
                 .execute = cmd_ms},
                {"md", SHAPE_META, .key_word = 1, .latency = LATENCY_MD, .execute = cmd_md},
                {"ma", SHAPE_META_ARITHMETIC, .key_word = 1, .latency = LATENCY_MA, .execute = cmd_ma},
                {"mn", SHAPE_WORDS, .execute = cmd_mn},
                {"me", SHAPE_META_DEBUG, .key_word = 1, .execute = cmd_me},
            },
        [3] =
            {
                {"set", SHAPE_STORAGE, .key_word = 1, .block_word = 4, .latency = LATENCY_SET,
                 .execute = cmd_set},
                {"get", SHAPE_KEYS, .latency = LATENCY_GET, .execute = cmd_get},
                {"add", SHAPE_STORAGE, .key_word = 1, .block_word = 4, .latency = LATENCY_ADD,
                 .execute = cmd_add},
                {"cas", SHAPE_STORAGE_CAS, .key_word = 1, .block_word = 4, .latency = LATENCY_CAS,
                 .execute = cmd_cas},
                {"gat", SHAPE_TOUCH_KEYS, .latency = LATENCY_GAT, .execute = cmd_gat},
                {"lru", SHAPE_WORDS_NOREPLY, .execute = cmd_lru},
            },
        [4] =
            {
                {"gets", SHAPE_KEYS, .latency = LATENCY_GET, .execute = cmd_gets},
                {"incr", SHAPE_KEY_DELTA, .key_word = 1, .latency = LATENCY_INCR, .execute = cmd_incr},
                {"decr", SHAPE_KEY_DELTA, .key_word = 1, .latency = LATENCY_INCR, .execute = cmd_decr},
                {"gats", SHAPE_TOUCH_KEYS, .latency = LATENCY_GAT, .execute = cmd_gats},
                {"quit", SHAPE_WORDS, .execute = cmd_quit},
                {"bget", SHAPE_KEYS, .latency = LATENCY_GET, .execute = cmd_get},
            },
        [5] =
            {
                {"touch", SHAPE_KEY_EXPTIME, .key_word = 1, .latency = LATENCY_TOUCH, .execute = cmd_touch},
                {"stats", SHAPE_WORDS, .execute = cmd_stats},
                {"watch", SHAPE_WORDS, .execute = cmd_watch},
                {"slabs", SHAPE_WORDS_NOREPLY, .execute = cmd_slabs},
            },
        [6] =
            {
                {"delete", SHAPE_KEY, .key_word = 1, .latency = LATENCY_DELETE, .execute = cmd_delete},
                {"append", SHAPE_STORAGE, .key_word = 1, .block_word = 4, .latency = LATENCY_APPEND,
                 .execute = cmd_append},
            },
        [7] =
            {
                {"replace", SHAPE_STORAGE, .key_word = 1, .block_word = 4, .latency = LATENCY_REPLACE,
                 .execute = cmd_replace},
                {"prepend", SHAPE_STORAGE, .key_word = 1, .block_word = 4, .latency = LATENCY_APPEND,
                 .execute = cmd_prepend},
                {"version", SHAPE_WORDS, .execute = cmd_version},
            },
        [8] = {{"shutdown", SHAPE_WORDS, .execute = cmd_shutdown}},
        [9] =
            {
                {"flush_all", SHAPE_WORDS_NOREPLY, .execute = cmd_flush_all},
                {"verbosity", SHAPE_LEVEL, .execute = cmd_verbosity},
                {"debugtime", SHAPE_WORDS, .execute = cmd_debugtime},
            },
        [11] = {{"lru_crawler", SHAPE_WORDS, .execute = cmd_lru_crawler}},
        [12] = {{"flush_prefix", SHAPE_WORDS_NOREPLY, .execute = cmd_flush_prefix}},
        [13] = {{"refresh_certs", SHAPE_WORDS, .execute = cmd_refresh_certs}},
        [14] = {{"cache_memlimit", SHAPE_WORDS_NOREPLY, .execute = cmd_cache_memlimit}},
};

const struct mc_command *const commands_set = &commands[3][0];

/*
 * The row of that name among those from `command` on, all names being of the same size. Compared are the
 * first and the last `step` bytes, which overlap or meet: with a constant two loads and two comparisons.
 */
static inline const struct mc_command *rows_find(const struct mc_command *command, struct bytes name,
                                                 size_t step) {
    size_t last = name.size - step;
    for (; command->execute != NULL; command++) {
        if (memcmp(command->name, name.data, step) == 0 &&
            memcmp(command->name + last, name.data + last, step) == 0) {
            return command;
        }
    }
    return NULL;
}

const struct mc_command *commands_find(struct bytes name) {
    if (name.size < 2 || name.size > COMMAND_NAME_SIZE_MAX) {
        return NULL;
    }
    const struct mc_command *first = commands[name.size];
    return name.size < 4   ? rows_find(first, name, 2)
           : name.size < 8 ? rows_find(first, name, 4)
                           : rows_find(first, name, 8);
}
