/* SPDX-License-Identifier: MIT
 *
 * counters: sums what the workers, the engine and the store have counted.
 *
 * `stats reset` stops nobody: it remembers the sums of that moment, and later ones are shown less these.
 */
#include "counters.h"

#include <stddef.h>

#include "riposte/memcached.h"
#include "service.h"

void counters_add(struct mc_counts *counts, const struct mc_counters *counters) {
#define MC_COUNT_ADD(name, help) counts->name += counter_read(&counters->name);
    MC_COUNTERS(MC_COUNT_ADD)
#undef MC_COUNT_ADD
}

/* With the lock held, to read at least. */
static void totals_read(struct memcached_service *service, struct mc_totals *totals) {
    memset(totals, 0, sizeof(*totals));
    totals->commands = service->left;
    for (unsigned i = 0; i < service->config.workers_max; i++) {
        if (service->workers[i] != NULL) {
            counters_add(&totals->commands, &service->workers[i]->counters);
        }
    }
    if (service->engine != NULL) {
        engine_counters_sum(service->engine, &totals->engine);
    }
    store_stats(service->config.store, &totals->store);
}

/* counter -= base, for the counters of this thread's own copy. */
static void counter_subtract(struct counter *counter, const struct counter *base) {
    counter_set(counter, counter_read(counter) - counter_read(base));
}

/* LEVEL rows show the present, MOST rows what was never exceeded: left alone. */
#define SUBTRACT_COUNT(name) counter_subtract(&totals->engine.name, &base->engine.name);
#define SUBTRACT_LEVEL(name)
#define SUBTRACT_MOST(name)

static void totals_subtract(struct mc_totals *totals, const struct mc_totals *base) {
#define MC_COUNT_SUBTRACT(name, help) totals->commands.name -= base->commands.name;
    MC_COUNTERS(MC_COUNT_SUBTRACT)
#undef MC_COUNT_SUBTRACT
#define ENGINE_COUNTER_SUBTRACT(name, kind, help) SUBTRACT_##kind(name)
    ENGINE_COUNTERS(ENGINE_COUNTER_SUBTRACT)
#undef ENGINE_COUNTER_SUBTRACT
#define STORE_COUNTER_SUBTRACT(name, help) counter_subtract(&totals->store.sums.name, &base->store.sums.name);
    STORE_COUNTERS(STORE_COUNTER_SUBTRACT)
#undef STORE_COUNTER_SUBTRACT
}

void counters_since_start(struct memcached_service *service, struct mc_totals *totals) {
    pthread_rwlock_rdlock(&service->lock);
    totals_read(service, totals);
    pthread_rwlock_unlock(&service->lock);
}

void counters_since_reset(struct memcached_service *service, struct mc_totals *totals) {
    pthread_rwlock_rdlock(&service->lock);
    totals_read(service, totals);
    totals_subtract(totals, &service->base);
    pthread_rwlock_unlock(&service->lock);
}

void counters_reset(struct memcached_service *service) {
    pthread_rwlock_wrlock(&service->lock);
    totals_read(service, &service->base);
    pthread_rwlock_unlock(&service->lock);
}

/* --- what goes on in another process (riposte/numbers.h) ------------------------------------------------------ */

#define MC_FIELD(name, help)           {#name, offsetof(struct mc_counts, name)},
#define ENGINE_FIELD(name, kind, help) {#name, offsetof(struct engine_counters, name)},
#define STORE_FIELD(name, help)        {#name, offsetof(struct store_counters, name)},

static const struct numbers_field command_fields[] = {MC_COUNTERS(MC_FIELD)};
static const struct numbers_field engine_fields[] = {ENGINE_COUNTERS(ENGINE_FIELD)};
static const struct numbers_field store_fields[] = {STORE_COUNTERS(STORE_FIELD)};

enum {
    COMMAND_FIELDS_COUNT = sizeof(command_fields) / sizeof(command_fields[0]),
    ENGINE_FIELDS_COUNT = sizeof(engine_fields) / sizeof(engine_fields[0]),
    STORE_FIELDS_COUNT = sizeof(store_fields) / sizeof(store_fields[0]),
};

void memcached_counters_save(struct memcached_service *service, struct record_writer *writer) {
    struct mc_totals totals;
    const struct mc_totals *base = &service->base;
    counters_since_start(service, &totals);
    numbers_put_one(writer, "memcached.", "start_ns", service->start_ns);
    numbers_put_one(writer, "memcached.", "watch_number", watch_last_number(&service->watch));
    numbers_put_fields(writer, "memcached.", command_fields, COMMAND_FIELDS_COUNT, &totals.commands);
    numbers_put_fields(writer, "reset.memcached.", command_fields, COMMAND_FIELDS_COUNT, &base->commands);
    numbers_put_fields(writer, "reset.engine.", engine_fields, ENGINE_FIELDS_COUNT, &base->engine);
    numbers_put_fields(writer, "reset.store.", store_fields, STORE_FIELDS_COUNT, &base->store.sums);
}

void memcached_counters_load(struct memcached_service *service, struct numbers *numbers) {
    struct mc_totals *base = &service->base;
    uint64_t start_ns = numbers_get_one(numbers, "memcached.", "start_ns");
    if (start_ns > 0 && start_ns < service->start_ns) {
        service->start_ns = start_ns;
    }
    watch_number_from(&service->watch, numbers_get_one(numbers, "memcached.", "watch_number"));
    numbers_add_fields(numbers, "memcached.", command_fields, COMMAND_FIELDS_COUNT, &service->left);
    numbers_add_fields(numbers, "reset.memcached.", command_fields, COMMAND_FIELDS_COUNT, &base->commands);
    numbers_add_fields(numbers, "reset.engine.", engine_fields, ENGINE_FIELDS_COUNT, &base->engine);
    numbers_add_fields(numbers, "reset.store.", store_fields, STORE_FIELDS_COUNT, &base->store.sums);
}
