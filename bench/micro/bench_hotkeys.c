/* SPDX-License-Identifier: MIT
 *
 * bench_hotkeys: what a request pays for the list of the busiest keys: one count, of which one in 64 goes into the sketch.
 */
#include <stdio.h>
#include <stdlib.h>

#include "groups.h"
#include "riposte/hotkeys.h"
#include "riposte/random.h"

enum { KEYS_COUNT = 1 << 16, KEY_SIZE = 16 };

/* How many different keys there are: a sketch holds HOTKEYS_ENTRIES_COUNT of them. */
struct crowd {
    const char *name;
    unsigned keys_count;
};

static const struct crowd crowds[] = {
    {"32 keys", 32},
    {"1 k keys", 1000},
    {"64 k keys", KEYS_COUNT},
};

struct counted {
    struct hotkeys *hotkeys; /* owned */
    struct hotkeys_worker *worker;
    uint64_t at;
    char keys[KEYS_COUNT][KEY_SIZE];
};

static void *counted_begin(void *user, unsigned thread_index) {
    const struct crowd *crowd = user;
    struct counted *counted = calloc(1, sizeof(*counted));
    struct random random = {.state = 1};
    (void)thread_index;
    if (counted == NULL || (counted->hotkeys = hotkeys_create(1)) == NULL) {
        stopwatch_give_up("no memory");
    }
    counted->worker = hotkeys_worker(counted->hotkeys, 0);
    for (unsigned i = 0; i < KEYS_COUNT; i++) {
        char text[KEY_SIZE + 1];
        snprintf(text, sizeof(text), "key:%012u", (unsigned)random_below(&random, crowd->keys_count));
        memcpy(counted->keys[i], text, KEY_SIZE);
    }
    return counted;
}

static uint64_t counted_run(void *state, uint64_t count) {
    struct counted *counted = state;
    for (uint64_t i = 0; i < count; i++) {
        hotkeys_count(counted->worker, bytes_of(counted->keys[counted->at++ % KEYS_COUNT], KEY_SIZE), false);
    }
    return counted->worker->left;
}

static void counted_end(void *state) {
    struct counted *counted = state;
    hotkeys_destroy(counted->hotkeys);
    free(counted);
}

void bench_hotkeys(const struct stopwatch *stopwatch) {
    stopwatch_head("hotkeys: hotkeys_count, one request");
    for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
        stopwatch_measure(stopwatch, &(struct subject){.name = crowds[i].name,
                                                       .threads = 1,
                                                       .user = (void *)&crowds[i],
                                                       .begin = counted_begin,
                                                       .run = counted_run,
                                                       .end = counted_end});
    }
}
