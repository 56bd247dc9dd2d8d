/* SPDX-License-Identifier: MIT
 *
 * counters: sums of what workers have counted, and what goes on in another process (riposte/numbers.h).
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine_state.h"
#include "worker.h"

const struct engine_counters *engine_worker_counters(const struct engine *engine, unsigned worker_index) {
    assert(worker_index < engine->workers_count);
    return &engine->workers[worker_index]->counters;
}

static void counter_most(struct counter *most, uint64_t value) {
    if (value > counter_read(most)) {
        counter_set(most, value);
    }
}

#define SUM_OF_COUNT(sum, value) counter_add(sum, value)
#define SUM_OF_LEVEL(sum, value) counter_add(sum, value)
#define SUM_OF_MOST(sum, value)  counter_most(sum, value)

void engine_counters_sum(const struct engine *engine, struct engine_counters *sum) {
    memset(sum, 0, sizeof(*sum));
    for (unsigned i = 0; i < engine->workers_count; i++) {
        const struct engine_counters *counters = &engine->workers[i]->counters;
#define ENGINE_COUNTER_SUM(name, kind, help) SUM_OF_##kind(&sum->name, counter_read(&counters->name));
        ENGINE_COUNTERS(ENGINE_COUNTER_SUM)
#undef ENGINE_COUNTER_SUM
    }
}

/* --- what goes on ------------------------------------------------------------------------------------------- */

/* A level is what there is, and the most that there was is a process's own. */
#define FIELD_OF_COUNT(name) {#name, offsetof(struct engine_counters, name)},
#define FIELD_OF_LEVEL(name)
#define FIELD_OF_MOST(name)
#define ENGINE_FIELD(name, kind, help) FIELD_OF_##kind(name)

static const struct numbers_field fields[] = {ENGINE_COUNTERS(ENGINE_FIELD)};

enum { FIELDS_COUNT = sizeof(fields) / sizeof(fields[0]), PREFIX_SIZE_MAX = 24 };

static const char *worker_prefix(char prefix[PREFIX_SIZE_MAX], unsigned index) {
    snprintf(prefix, PREFIX_SIZE_MAX, "engine.%u.", index);
    return prefix;
}

void engine_counters_save(const struct engine *engine, struct record_writer *writer) {
    char prefix[PREFIX_SIZE_MAX];
    numbers_put_one(writer, "engine.", "workers_count", engine->workers_count);
    for (unsigned i = 0; i < engine->workers_count; i++) {
        numbers_put_fields(writer, worker_prefix(prefix, i), fields, FIELDS_COUNT,
                           &engine->workers[i]->counters);
    }
}

void engine_counters_load(struct engine *engine, struct numbers *numbers) {
    char prefix[PREFIX_SIZE_MAX];
    uint64_t count = numbers_get_one(numbers, "engine.", "workers_count");
    for (unsigned i = 0; i < count && i < ENGINE_WORKERS_MAX; i++) {
        struct worker *worker = engine->workers[i % engine->workers_count];
        numbers_add_fields(numbers, worker_prefix(prefix, i), fields, FIELDS_COUNT, &worker->counters);
    }
}
