/* SPDX-License-Identifier: MIT
 *
 * micro: what the parts cost, in ns per operation, without a network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "riposte/bytes.h"
#include "riposte/clock.h"

enum {
    EXIT_USAGE = 64,
    RUN_MS = 100,
    RUN_QUICK_MS = 10,
    ITEMS_MAX = 10 * 1000 * 1000,
    ITEMS_QUICK_MAX = 1000 * 1000,
};

static const struct {
    const char *name;
    void (*measure)(const struct stopwatch *stopwatch);
} groups[] = {
    {"parse", bench_parse},     {"head", bench_head},         {"look-up", bench_lookup},
    {"put", bench_put},         {"writers", bench_writers},   {"reply", bench_reply},
    {"hotkeys", bench_hotkeys}, {"on-input", bench_on_input},
};

enum { GROUPS_COUNT = sizeof(groups) / sizeof(groups[0]) };

static int usage(const char *program) {
    fprintf(stderr,
            "usage: %s [--quick] [--items N] [group]...\n  --quick    short runs, at most 1 M items\n"
            "  --items N  largest store to look into (10000000)\n  groups:   ",
            program);
    for (unsigned i = 0; i < GROUPS_COUNT; i++) {
        fprintf(stderr, " %s", groups[i].name);
    }
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

/* Marks the group of that name as chosen; false when there is none. */
static bool group_choose(bool *chosen, const char *name) {
    for (unsigned i = 0; i < GROUPS_COUNT; i++) {
        if (strcmp(groups[i].name, name) == 0) {
            chosen[i] = true;
            return true;
        }
    }
    return false;
}

/* False when the command line makes no sense. */
static bool arguments_read(int count, char **arguments, struct stopwatch *stopwatch, bool *chosen) {
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--quick") == 0) {
            stopwatch->run_ns = RUN_QUICK_MS * CLOCK_NS_PER_MS;
            stopwatch->items_max = ITEMS_QUICK_MAX;
        } else if (strcmp(arguments[i], "--items") == 0 && i + 1 < count) {
            i++;
            if (!bytes_parse_u64(bytes_from_string(arguments[i]), &stopwatch->items_max)) {
                return false;
            }
        } else if (!group_choose(chosen, arguments[i])) {
            return false;
        }
    }
    return true;
}

int main(int count, char **arguments) {
    struct stopwatch stopwatch = {.run_ns = RUN_MS * CLOCK_NS_PER_MS, .items_max = ITEMS_MAX};
    bool chosen[GROUPS_COUNT] = {false};
    if (!arguments_read(count, arguments, &stopwatch, chosen)) {
        return usage(arguments[0]);
    }
    bool all = memchr(chosen, true, sizeof(chosen)) == NULL;
    for (unsigned i = 0; i < GROUPS_COUNT; i++) {
        if (all || chosen[i]) {
            groups[i].measure(&stopwatch);
        }
    }
    return EXIT_SUCCESS;
}
