/* SPDX-License-Identifier: MIT
 *
 * verb: every command is found by its whole name only.
 */
#include <criterion/criterion.h>

#include "verb.h"

static const struct {
    const char *text;
    enum mc_verb verb;
} verbs[] = {
    {"get", MC_GET},
    {"gets", MC_GETS},
    {"gat", MC_GAT},
    {"gats", MC_GATS},
    {"set", MC_SET},
    {"add", MC_ADD},
    {"replace", MC_REPLACE},
    {"append", MC_APPEND},
    {"prepend", MC_PREPEND},
    {"cas", MC_CAS},
    {"incr", MC_INCR},
    {"decr", MC_DECR},
    {"touch", MC_TOUCH},
    {"delete", MC_DELETE},
    {"flush_all", MC_FLUSH_ALL},
    {"version", MC_VERSION},
    {"verbosity", MC_VERBOSITY},
    {"quit", MC_QUIT},
    {"stats", MC_STATS},
    {"mg", MC_META_GET},
    {"ms", MC_META_SET},
    {"md", MC_META_DELETE},
    {"ma", MC_META_ARITHMETIC},
    {"mn", MC_META_NOOP},
    {"me", MC_META_DEBUG},
    {"cache_memlimit", MC_CACHE_MEMLIMIT},
    {"lru", MC_LRU},
    {"lru_crawler", MC_LRU_CRAWLER},
    {"slabs", MC_SLABS},
    {"shutdown", MC_SHUTDOWN},
    {"debugtime", MC_DEBUGTIME},
    {"watch", MC_WATCH},
};
enum { VERBS_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

Test(verb, finds_every_command) {
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        enum mc_verb verb;
        cr_assert(verb_find(bytes_from_string(verbs[i].text), &verb), "%s", verbs[i].text);
        cr_assert_eq(verb, verbs[i].verb, "%s", verbs[i].text);
    }
}

static bool is_a_verb(struct bytes word) {
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        if (bytes_equal_string(word, verbs[i].text)) {
            return true;
        }
    }
    return false;
}

/* Each command with one byte changed, cut short, or made longer. */
Test(verb, refuses_what_only_resembles_a_command) {
    enum mc_verb verb;
    for (size_t i = 0; i < VERBS_COUNT; i++) {
        size_t size = strlen(verbs[i].text);
        char word[32] = {0};
        memcpy(word, verbs[i].text, size);
        cr_assert_not(verb_find(bytes_of(word, size + 1), &verb), "%s and a zero byte", verbs[i].text);
        for (size_t cut = 0; cut < size; cut++) {
            struct bytes prefix = bytes_of(word, cut);
            cr_assert_eq(verb_find(prefix, &verb), is_a_verb(prefix), "%zu bytes of %s", cut, verbs[i].text);
        }
        for (size_t at = 0; at < size; at++) {
            word[at] = (char)(word[at] - 'a' + 'A');
            cr_assert_not(verb_find(bytes_of(word, size), &verb), "%s", word);
            word[at] = verbs[i].text[at];
        }
    }
}
