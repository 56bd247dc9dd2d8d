/* SPDX-License-Identifier: MIT
 *
 * All operations at once on few keys in a store that is far too small, so that eviction, reclamation,
 * expiry, growth and the same buckets meet all the time.
 *
 * Checked: every value read is whole and belongs to its key; a CAS of a key stands for one value, however often the
 * item moves; a pinned value stays whole for as long as it is pinned; at the end nothing has
 * leaked.
 */
#include "torture.h"

enum { KEYS = 4000, OPERATIONS = 150000, PINS_MAX = 8, JOURNALS = 20, ENTRY_SIZE_MAX = 400 };

struct mixed {
    uint64_t cas[KEYS];     /* seen last by this thread; 0: none */
    uint64_t version[KEYS]; /* of the value it stood for; 0: not known */
    unsigned pins_count;
    struct item_view pinned[PINS_MAX];
    uint64_t pinned_number[PINS_MAX];
};

static void saw(struct mixed *mixed, uint64_t number, uint64_t cas, uint64_t version) {
    torture_check(cas != mixed->cas[number] || version == mixed->version[number] ||
                      mixed->version[number] == 0,
                  "key %" PRIu64 ": CAS %" PRIu64 " stands for two values", number, cas);
    mixed->cas[number] = cas;
    mixed->version[number] = version;
}

static void pin(struct mixed *mixed, const struct item_view *view, uint64_t number) {
    if (mixed->pins_count == PINS_MAX || !store_pin(view)) {
        return;
    }
    mixed->pinned[mixed->pins_count] = *view;
    mixed->pinned_number[mixed->pins_count++] = number;
}

static void unpin(struct mixed *mixed) {
    if (mixed->pins_count == 0) {
        return;
    }
    mixed->pins_count--;
    torture_read(mixed->pinned[mixed->pins_count].value, mixed->pinned_number[mixed->pins_count]);
    store_unpin(mixed->pinned[mixed->pins_count].pin);
}

static void get(struct torture_thread *thread, struct mixed *mixed, uint64_t number) {
    struct torture_key key;
    struct item_view view;
    const struct get_options options = {.touch = random_below(&thread->random, 8) == 0,
                                        .touch_expires_tick = store_now_tick(thread->worker) + 2,
                                        .no_use = random_below(&thread->random, 8) == 0,
                                        .meta = true};
    enum store_status status =
        random_below(&thread->random, 2) == 0
            ? store_get(thread->worker, torture_key(&key, number), &view)
            : store_get_with(thread->worker, torture_key(&key, number), &options, &view);
    if (status != STORE_OK) {
        return;
    }
    saw(mixed, number, view.cas, torture_read(view.value, number));
    if (random_below(&thread->random, 16) == 0) {
        pin(mixed, &view, number);
    }
}

static void put(struct torture_thread *thread, struct mixed *mixed, uint64_t number) {
    static const enum put_mode modes[] = {PUT_SET, PUT_SET, PUT_ADD, PUT_REPLACE};
    struct put_options options = {.mode = modes[random_below(&thread->random, 4)]};
    options.compare = options.mode == PUT_SET && random_below(&thread->random, 4) == 0;
    options.cas_expected = mixed->cas[number];
    options.invalidate = random_below(&thread->random, 2) == 0;
    uint32_t expires_tick =
        random_below(&thread->random, 4) == 0 ? store_now_tick(thread->worker) + 1 : STORE_EXPIRES_NEVER;
    struct put_result result;
    uint64_t version = random_next(&thread->random) | 1;
    if (torture_put(thread, number, version, expires_tick, &options, &result) == STORE_OK) {
        saw(mixed, number, result.cas, version);
    }
}

static void end(struct torture_thread *thread, struct mixed *mixed, uint64_t number) {
    struct torture_key key;
    struct put_result result;
    const struct delete_options options = {.invalidate = random_below(&thread->random, 2) == 0};
    enum store_status status = store_delete(thread->worker, torture_key(&key, number), &options, &result);
    if (status == STORE_OK && options.invalidate) {
        saw(mixed, number, result.cas, 0);
    }
}

/*
 * A value that only grows, of the journal's own letter: what is copied while memory is short must still be
 * the journal.
 */
static void write_journal(struct torture_thread *thread, uint64_t journal) {
    const struct put_options options = {
        .mode = random_below(&thread->random, 2) == 0 ? PUT_APPEND : PUT_PREPEND, .create = true};
    struct torture_key key;
    struct item *item;
    size_t size = random_below(&thread->random, ENTRY_SIZE_MAX);
    if (store_item_create(thread->worker, torture_key(&key, KEYS + journal), false, 0, 0, size, &item) !=
        STORE_OK) {
        return;
    }
    memset(store_item_value(item), 'a' + (int)journal, size);
    switch (store_put(thread->worker, &item, &options, NULL)) {
    case STORE_NOT_STORED: /* it is full */
        store_delete(thread->worker, torture_key(&key, KEYS + journal), NULL, NULL);
        break;
    case STORE_NO_MEMORY:
        store_item_discard(thread->worker, item);
        break;
    case STORE_OK:
    case STORE_MISS:
    case STORE_EXISTS:
    case STORE_NOT_NUMBER:
    case STORE_TOO_LARGE:
        break;
    }
}

static void read_journal(struct torture_thread *thread, uint64_t journal) {
    struct torture_key key;
    struct item_view view;
    if (store_get(thread->worker, torture_key(&key, KEYS + journal), &view) != STORE_OK) {
        return;
    }
    for (size_t i = 0; i < view.value.size; i++) {
        torture_check(view.value.data[i] == (char)('a' + (int)journal), "journal %" PRIu64 ", byte %zu",
                      journal, i);
    }
}

static void step(struct torture_thread *thread, struct mixed *mixed) {
    uint64_t number = random_below(&thread->random, random_below(&thread->random, 2) == 0 ? KEYS : 50);
    struct torture_key key;
    switch (random_below(&thread->random, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put(thread, mixed, number);
        break;
    case 4:
        end(thread, mixed, number);
        break;
    case 5:
        store_touch(thread->worker, torture_key(&key, number), store_now_tick(thread->worker) + 1);
        break;
    case 6:
        unpin(mixed);
        break;
    case 7:
        write_journal(thread, number % JOURNALS);
        read_journal(thread, random_below(&thread->random, JOURNALS));
        break;
    default:
        get(thread, mixed, number);
        break;
    }
    if (random_below(&thread->random, 50000) == 0) {
        store_flush(thread->worker,
                    random_below(&thread->random, 2) == 0 ? 0 : store_now_tick(thread->worker) + 1);
    }
}

static void run(struct torture_thread *thread) {
    struct mixed *mixed = calloc(1, sizeof(*mixed));
    for (unsigned i = 0; i < OPERATIONS * thread->torture->scale; i++) {
        step(thread, mixed);
        torture_pause(thread);
    }
    while (mixed->pins_count != 0) {
        unpin(mixed);
    }
    free(mixed);
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    void (*const runs[])(struct torture_thread *) = {run};
    torture_open(&torture, argument_count, arguments, 768 * 1024, true);
    torture_run(&torture, runs, 1);
    torture_close(&torture, "mixed");
    return 0;
}
