/* SPDX-License-Identifier: MIT
 *
 * bench_reply: building the answer to a hit, and a request as a whole, from the bytes that came in to those
 * that go out: everything but the kernel.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "client.h"
#include "groups.h"
#include "riposte/check.h"
#include "value.h"

enum {
    REPLIES_PER_FLUSH = 16,
    ITEMS_COUNT = 1000,
    INPUT_SIZE_MAX = 64 * 1024,
};

/* The same item again and again: its look-up is measured elsewhere. */
static uint64_t reply_run(void *state, uint64_t count) {
    struct client *client = state;
    uint64_t sum = 0;
    struct item_view view;
    enum store_status status = store_get(client->thread->worker, fixture_thread_key(client->thread), &view);
    assert(status == STORE_OK);
    for (uint64_t i = 0; i < count; i++) {
        answer_value(client->worker, &client->reply, &view, false, true);
        if (i % REPLIES_PER_FLUSH == 0) {
            sum += client_flush(client);
        }
    }
    return sum + client_flush(client);
}

void bench_reply(const struct stopwatch *stopwatch) {
    static const size_t value_sizes[] = {32, 1024, 16 * 1024};
    stopwatch_head("reply: line, data and END of a hit (answer_value)");
    for (size_t i = 0; i < sizeof(value_sizes) / sizeof(value_sizes[0]); i++) {
        char name[96];
        struct fixture fixture;
        fixture_init(&fixture, ITEMS_COUNT, value_sizes[i]);
        fixture_draw(&fixture, true);
        snprintf(name, sizeof(name), "hit of %zu bytes, %s", value_sizes[i],
                 value_sizes[i] < VALUE_PIN_SIZE_MIN ? "copied" : "pinned");
        stopwatch_measure(stopwatch, &(struct subject){.name = name,
                                                       .threads = 1,
                                                       .user = &fixture,
                                                       .begin = client_begin,
                                                       .run = reply_run,
                                                       .end = client_end});
        fixture_deinit(&fixture);
    }
}
