/* SPDX-License-Identifier: MIT
 *
 * watchdog: compares each worker's count of turns with what it was.
 */
#include "watchdog.h"

static uint64_t worker_turns(const struct watchdog *watchdog, unsigned index) {
    return counter_read(&engine_worker_counters(watchdog->engine, index)->turns);
}

static void watchdog_wake(struct watchdog *watchdog) {
    for (unsigned i = 0; i < engine_workers_count(watchdog->engine); i++) {
        watchdog->turns[i] = worker_turns(watchdog, i);
    }
    engine_wake(watchdog->engine); /* an idle worker sleeps, and would not turn */
}

void watchdog_begin(struct watchdog *watchdog, struct engine *engine) {
    watchdog->engine = engine;
    watchdog_wake(watchdog);
}

bool watchdog_passed(struct watchdog *watchdog) {
    for (unsigned i = 0; i < engine_workers_count(watchdog->engine); i++) {
        if (worker_turns(watchdog, i) == watchdog->turns[i]) {
            return false;
        }
    }
    watchdog_wake(watchdog);
    return true;
}
