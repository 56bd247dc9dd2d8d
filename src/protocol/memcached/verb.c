/* SPDX-License-Identifier: MIT
 *
 * verb: see verb.h. The first eight bytes of a word make a number; a switch over the numbers of all commands
 * becomes a binary search of a handful of comparisons. Only commands of more than eight bytes are compared
 * once more.
 */
#include "verb.h"

/* What verb_word makes of these eight bytes. */
#define VERB(a, b, c, d, e, f, g, h)                                                                         \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 |  \
     (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* X(text, its first eight bytes, verb) */
#define VERBS(X)                                                                                             \
    X("get", VERB('g', 'e', 't', 0, 0, 0, 0, 0), MC_GET)                                                     \
    X("gets", VERB('g', 'e', 't', 's', 0, 0, 0, 0), MC_GETS)                                                 \
    X("gat", VERB('g', 'a', 't', 0, 0, 0, 0, 0), MC_GAT)                                                     \
    X("gats", VERB('g', 'a', 't', 's', 0, 0, 0, 0), MC_GATS)                                                 \
    X("set", VERB('s', 'e', 't', 0, 0, 0, 0, 0), MC_SET)                                                     \
    X("add", VERB('a', 'd', 'd', 0, 0, 0, 0, 0), MC_ADD)                                                     \
    X("replace", VERB('r', 'e', 'p', 'l', 'a', 'c', 'e', 0), MC_REPLACE)                                     \
    X("append", VERB('a', 'p', 'p', 'e', 'n', 'd', 0, 0), MC_APPEND)                                         \
    X("prepend", VERB('p', 'r', 'e', 'p', 'e', 'n', 'd', 0), MC_PREPEND)                                     \
    X("cas", VERB('c', 'a', 's', 0, 0, 0, 0, 0), MC_CAS)                                                     \
    X("incr", VERB('i', 'n', 'c', 'r', 0, 0, 0, 0), MC_INCR)                                                 \
    X("decr", VERB('d', 'e', 'c', 'r', 0, 0, 0, 0), MC_DECR)                                                 \
    X("touch", VERB('t', 'o', 'u', 'c', 'h', 0, 0, 0), MC_TOUCH)                                             \
    X("delete", VERB('d', 'e', 'l', 'e', 't', 'e', 0, 0), MC_DELETE)                                         \
    X("flush_all", VERB('f', 'l', 'u', 's', 'h', '_', 'a', 'l'), MC_FLUSH_ALL)                               \
    X("version", VERB('v', 'e', 'r', 's', 'i', 'o', 'n', 0), MC_VERSION)                                     \
    X("verbosity", VERB('v', 'e', 'r', 'b', 'o', 's', 'i', 't'), MC_VERBOSITY)                               \
    X("quit", VERB('q', 'u', 'i', 't', 0, 0, 0, 0), MC_QUIT)                                                 \
    X("stats", VERB('s', 't', 'a', 't', 's', 0, 0, 0), MC_STATS)                                             \
    X("mg", VERB('m', 'g', 0, 0, 0, 0, 0, 0), MC_META_GET)                                                   \
    X("ms", VERB('m', 's', 0, 0, 0, 0, 0, 0), MC_META_SET)                                                   \
    X("md", VERB('m', 'd', 0, 0, 0, 0, 0, 0), MC_META_DELETE)                                                \
    X("ma", VERB('m', 'a', 0, 0, 0, 0, 0, 0), MC_META_ARITHMETIC)                                            \
    X("mn", VERB('m', 'n', 0, 0, 0, 0, 0, 0), MC_META_NOOP)                                                  \
    X("me", VERB('m', 'e', 0, 0, 0, 0, 0, 0), MC_META_DEBUG)                                                 \
    X("cache_memlimit", VERB('c', 'a', 'c', 'h', 'e', '_', 'm', 'e'), MC_CACHE_MEMLIMIT)                     \
    X("lru", VERB('l', 'r', 'u', 0, 0, 0, 0, 0), MC_LRU)                                                     \
    X("lru_crawler", VERB('l', 'r', 'u', '_', 'c', 'r', 'a', 'w'), MC_LRU_CRAWLER)                           \
    X("slabs", VERB('s', 'l', 'a', 'b', 's', 0, 0, 0), MC_SLABS)                                             \
    X("shutdown", VERB('s', 'h', 'u', 't', 'd', 'o', 'w', 'n'), MC_SHUTDOWN)                                 \
    X("debugtime", VERB('d', 'e', 'b', 'u', 'g', 't', 'i', 'm'), MC_DEBUGTIME)                               \
    X("watch", VERB('w', 'a', 't', 'c', 'h', 0, 0, 0), MC_WATCH)

bool verb_find(struct bytes word, enum mc_verb *verb) {
    switch (verb_word(word.data, word.size)) {
#define VERB_CASE(text, number, value)                                                                       \
    case (number):                                                                                           \
        *verb = (value);                                                                                     \
        return word.size == sizeof(text) - 1 &&                                                              \
               (sizeof(text) - 1 <= 8 || memcmp(word.data, text, sizeof(text) - 1) == 0);
        VERBS(VERB_CASE)
#undef VERB_CASE
    default:
        return false;
    }
}
