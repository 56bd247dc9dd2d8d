/* SPDX-License-Identifier: MIT
 *
 * parse_ahead: looks for the key, and for the size of a data block, where the command's row says that they
 * stand.
 */
#include "parse_ahead.h"

#include <string.h>

#include "number.h"
#include "parse.h"

enum { REST_SIZE_MAX = 64 /* bytes behind the key within which a usual line ends */ };

/* The last of `count` (>= 1) numbers that stand from `at` on behind one space each. False where they do not. */
static bool ahead_number(const char *at, const char *end, unsigned count, uint32_t *number) {
    do {
        if (at == end || *at != ' ' || (at = number_scan(at + 1, end, number)) == NULL) {
            return false;
        }
    } while (--count > 0);
    return true;
}

/* The bytes of the data block behind the line, 0 where the command has none. `at` is behind the key. */
static bool ahead_block(const struct mc_command *command, const char *at, const char *end, size_t *size) {
    uint32_t value_size;
    *size = 0;
    if (command->block_word == 0) {
        return true;
    }
    if (!ahead_number(at, end, (unsigned)(command->block_word - command->key_word), &value_size)) {
        return false;
    }
    *size = (size_t)value_size + PARSE_LINE_END_SIZE;
    return true;
}

/* The command whose key is its first word, and so the second one of `line`; *space is where it begins. */
static const struct mc_command *ahead_command(struct bytes line, const char **space) {
    const char *end = line.data + line.size;
    *space = scan_word(line.data, line.data, end);
    if (*space == end || **space != ' ') {
        return NULL;
    }
    const struct mc_command *command = commands_find(bytes_of(line.data, (size_t)(*space - line.data)));
    return command != NULL && command->key_word == 1 ? command : NULL;
}

bool mc_parse_ahead(struct bytes input, struct mc_ahead *ahead) {
    const char *end = input.data + input.size;
    const char *space;
    const struct mc_command *command = ahead_command(input, &space);
    if (command == NULL) {
        return false;
    }
    const char *key = space + 1;
    const char *key_end = scan_word(input.data, key, end);
    size_t rest_size = (size_t)(end - key_end) < REST_SIZE_MAX ? (size_t)(end - key_end) : REST_SIZE_MAX;
    const char *feed = memchr(key_end, '\n', rest_size);
    size_t block_size;
    if (feed == NULL || !ahead_block(command, key_end, feed + 1, &block_size)) {
        return false;
    }
    ahead->key = bytes_of(key, (size_t)(key_end - key));
    ahead->key.size -= ahead->key.size > 0 && key_end == feed && key_end[-1] == '\r';
    ahead->size = (size_t)(feed + 1 - input.data) + block_size;
    return ahead->key.size - 1 < STORE_KEY_SIZE_MAX;
}
