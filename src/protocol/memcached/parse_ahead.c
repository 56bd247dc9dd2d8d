/* SPDX-License-Identifier: MIT
 *
 * parse_ahead: see parse_ahead.h.
 */
#include "parse_ahead.h"

#include <string.h>

#include "number.h"
#include "riposte/store.h"
#include "scan.h"
#include "verb.h"

enum {
    REST_SIZE_MAX = 64, /* bytes behind the key within which a usual line ends */
    LINE_END_SIZE = 2,
};

/*
 * The number behind `skip` others that each follow one space. False when the line is written in another way.
 */
static bool ahead_number(const char *at, const char *end, unsigned skip, uint32_t *number) {
    do {
        if (at == end || *at != ' ' || (at = number_scan(at + 1, end, number)) == NULL) {
            return false;
        }
    } while (skip-- > 0);
    return true;
}

/* The size of the data block behind the line; 0 where the command has none. `at` is behind the key. */
static bool ahead_block(enum mc_verb verb, const char *at, const char *end, size_t *size) {
    uint32_t value_size;
    *size = 0;
    switch (verb) {
    case MC_SET:
    case MC_ADD:
    case MC_REPLACE:
    case MC_APPEND:
    case MC_PREPEND:
    case MC_CAS:
        if (!ahead_number(at, end, 2, &value_size)) {
            return false;
        }
        *size = (size_t)value_size + LINE_END_SIZE;
        return true;
    case MC_META_SET:
        if (!ahead_number(at, end, 0, &value_size)) {
            return false;
        }
        *size = (size_t)value_size + LINE_END_SIZE;
        return true;
    case MC_INCR:
    case MC_DECR:
    case MC_TOUCH:
    case MC_DELETE:
    case MC_META_GET:
    case MC_META_DELETE:
    case MC_META_ARITHMETIC:
        return true;
    case MC_GET: /* these are read ahead by their own command (command_get.c), or have no key in the second
                    place */
    case MC_GETS:
    case MC_GAT:
    case MC_GATS:
    case MC_META_NOOP:
    case MC_META_DEBUG:
    case MC_VERSION:
    case MC_QUIT:
    case MC_STATS:
    case MC_FLUSH_ALL:
    case MC_VERBOSITY:
    case MC_CACHE_MEMLIMIT:
    case MC_SHUTDOWN:
    case MC_DEBUGTIME:
    case MC_WATCH:
    case MC_LRU:
    case MC_LRU_CRAWLER:
    case MC_SLABS:
        return false;
    }
    return false;
}

bool mc_parse_ahead(struct bytes input, struct mc_ahead *ahead) {
    const char *end = input.data + input.size;
    const char *space = scan_word(input.data, input.data, end);
    enum mc_verb verb;
    if (space == end || *space != ' ' ||
        !verb_find(bytes_of(input.data, (size_t)(space - input.data)), &verb)) {
        return false;
    }
    const char *key = space + 1;
    const char *key_end = scan_word(input.data, key, end);
    size_t rest_size = (size_t)(end - key_end) < REST_SIZE_MAX ? (size_t)(end - key_end) : REST_SIZE_MAX;
    const char *feed = memchr(key_end, '\n', rest_size);
    size_t block_size;
    if (feed == NULL || !ahead_block(verb, key_end, feed + 1, &block_size)) {
        return false;
    }
    ahead->key = bytes_of(key, (size_t)(key_end - key));
    ahead->key.size -= ahead->key.size > 0 && key_end == feed && key_end[-1] == '\r';
    ahead->size = (size_t)(feed + 1 - input.data) + block_size;
    return ahead->key.size - 1 < STORE_KEY_SIZE_MAX;
}
