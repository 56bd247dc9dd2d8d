/* SPDX-License-Identifier: MIT
 *
 * latency: histograms of how long requests took, one of each worker, added up for who asks. See riposte/latency.h.
 */
#include "riposte/latency.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "riposte/clock.h"

enum {
    CACHE_LINE_SIZE = 64,
    SLOTS_PER_POWER = 1 << LATENCY_SLOT_BITS,
    BUCKET_SHIFT_MIN = 10, /* Prometheus: 1.024 us ... */
    BUCKET_SHIFT_MAX = 30, /* ... to 1.07 s, each twice the one before */
};
static_assert(LATENCY_COMMANDS_COUNT <= 32, "a bit each");

struct histogram {
    struct counter sum_ns;
    struct counter max_ns;
    struct counter slots[LATENCY_SLOTS_COUNT];
};

struct part {
    struct latency_worker worker; /* first: the parts are found by it */
    struct histogram histograms[LATENCY_COMMANDS_COUNT];
} __attribute__((aligned(CACHE_LINE_SIZE)));

struct latency {
    unsigned parts_count;
    struct part *parts; /* owned; mapped, so that what no command has touched takes no memory */
};

struct latency *latency_create(unsigned workers_max) {
    struct latency *latency = calloc(1, sizeof(*latency));
    if (latency == NULL) {
        return NULL;
    }
    latency->parts_count = workers_max;
    /* NORESERVE: most of it may never be touched, and need not be promised. */
    latency->parts = mmap(NULL, workers_max * sizeof(struct part), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (latency->parts == MAP_FAILED) {
        free(latency);
        return NULL;
    }
    return latency;
}

void latency_destroy(struct latency *latency) {
    if (latency != NULL) {
        munmap(latency->parts, latency->parts_count * sizeof(struct part));
        free(latency);
    }
}

struct latency_worker *latency_worker(struct latency *latency, unsigned worker_index) {
    assert(worker_index < latency->parts_count);
    return &latency->parts[worker_index].worker;
}

/* --- slots: as those of histogram.h, fewer and in units of 128 ns -------------------------------------------- */

static unsigned slot_index(uint64_t ns) {
    uint64_t units = ns >> LATENCY_UNIT_SHIFT;
    if (units < SLOTS_PER_POWER) {
        return (unsigned)units;
    }
    if (ns >> LATENCY_VALUE_BITS != 0) {
        return LATENCY_SLOTS_COUNT - 1;
    }
    unsigned dropped_bits = 63 - (unsigned)__builtin_clzll(units) - LATENCY_SLOT_BITS;
    return dropped_bits * SLOTS_PER_POWER + (unsigned)(units >> dropped_bits);
}

uint64_t latency_slot_end_ns(unsigned slot) {
    assert(slot < LATENCY_SLOTS_COUNT);
    unsigned dropped_bits = slot < 2 * SLOTS_PER_POWER ? 0 : slot / SLOTS_PER_POWER - 1;
    uint64_t kept = slot < 2 * SLOTS_PER_POWER ? slot : slot % SLOTS_PER_POWER + SLOTS_PER_POWER;
    return ((kept + 1) << (dropped_bits + LATENCY_UNIT_SHIFT)) - 1;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void histogram_record(struct histogram *histogram, uint64_t ns, uint32_t count) {
    counter_add(&histogram->sum_ns, ns * count);
    counter_add(&histogram->slots[slot_index(ns)], count);
    if (ns > counter_read(&histogram->max_ns)) {
        counter_set(&histogram->max_ns, ns);
    }
}

void latency_record(struct latency_worker *worker, uint64_t since_ns) {
    struct part *part = (struct part *)(void *)worker;
    if (worker->pending_commands == 0) {
        return;
    }
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t ns = now_ns > since_ns ? now_ns - since_ns : 0;
    for (; worker->pending_commands != 0; worker->pending_commands &= worker->pending_commands - 1) {
        unsigned command = (unsigned)__builtin_ctz(worker->pending_commands);
        histogram_record(&part->histograms[command], ns, worker->pending[command]);
        worker->pending[command] = 0;
    }
}

/* --- reading --------------------------------------------------------------------------------------------------- */

void latency_read(const struct latency *latency, enum latency_command command,
                  struct latency_summary *summary) {
    *summary = (struct latency_summary){0};
    for (unsigned i = 0; i < latency->parts_count; i++) {
        const struct histogram *histogram = &latency->parts[i].histograms[command];
        uint64_t max_ns = counter_read(&histogram->max_ns);
        summary->sum_ns += counter_read(&histogram->sum_ns);
        summary->max_ns = max_ns > summary->max_ns ? max_ns : summary->max_ns;
        for (unsigned slot = 0; slot < LATENCY_SLOTS_COUNT; slot++) {
            summary->slots[slot] += counter_read(&histogram->slots[slot]);
        }
    }
    /* Of the slots that were read, so that the parts never are more than the whole. */
    for (unsigned slot = 0; slot < LATENCY_SLOTS_COUNT; slot++) {
        summary->count += summary->slots[slot];
    }
}

const char *latency_command_name(enum latency_command command) {
    static const char *const names[] = {
#define LATENCY_NAME(constant, name) [constant] = (name),
        LATENCY_COMMANDS(LATENCY_NAME)
#undef LATENCY_NAME
    };
    return names[command];
}

uint64_t latency_percentile_ns(const struct latency_summary *summary, uint32_t share_ppm) {
    assert(share_ppm <= 1000000);
    unsigned __int128 scaled = (unsigned __int128)summary->count * share_ppm + 999999;
    uint64_t wanted = (uint64_t)(scaled / 1000000), seen = 0;
    for (unsigned slot = 0; slot < LATENCY_SLOTS_COUNT; slot++) {
        seen += summary->slots[slot];
        if (seen >= wanted && seen > 0) {
            uint64_t end_ns = latency_slot_end_ns(slot);
            return end_ns < summary->max_ns ? end_ns : summary->max_ns;
        }
    }
    return summary->max_ns;
}

/* --- what goes on in another process ----------------------------------------------------------------------------- */

/* Sum, longest, and the slots. */
enum { SAVED_SUM, SAVED_MAX, SAVED_SLOTS, SAVED_COUNT = SAVED_SLOTS + LATENCY_SLOTS_COUNT };
static_assert((int)SAVED_COUNT <= (int)NUMBERS_COUNT_MAX, "a histogram is the values of one name");

void latency_save(const struct latency *latency, struct record_writer *writer) {
    struct latency_summary summary;
    uint64_t saved[SAVED_COUNT];
    for (unsigned command = 0; command < LATENCY_COMMANDS_COUNT; command++) {
        latency_read(latency, (enum latency_command)command, &summary);
        if (summary.count > 0) {
            saved[SAVED_SUM] = summary.sum_ns;
            saved[SAVED_MAX] = summary.max_ns;
            memcpy(saved + SAVED_SLOTS, summary.slots, sizeof(summary.slots));
            numbers_put(writer, "latency.", latency_command_name((enum latency_command)command), saved,
                        SAVED_COUNT);
        }
    }
}

static void histogram_load(struct histogram *histogram, const uint64_t saved[SAVED_COUNT]) {
    counter_add(&histogram->sum_ns, saved[SAVED_SUM]);
    if (saved[SAVED_MAX] > counter_read(&histogram->max_ns)) {
        counter_set(&histogram->max_ns, saved[SAVED_MAX]);
    }
    for (unsigned slot = 0; slot < LATENCY_SLOTS_COUNT; slot++) {
        if (saved[SAVED_SLOTS + slot] > 0) { /* pages that are not touched take no memory */
            counter_add(&histogram->slots[slot], saved[SAVED_SLOTS + slot]);
        }
    }
}

void latency_load(struct latency *latency, struct numbers *numbers) {
    uint64_t saved[SAVED_COUNT];
    for (unsigned command = 0; command < LATENCY_COMMANDS_COUNT; command++) {
        if (numbers_get(numbers, "latency.", latency_command_name((enum latency_command)command), saved,
                        SAVED_COUNT)) {
            histogram_load(&latency->parts[0].histograms[command], saved);
        }
    }
}

/* --- for Prometheus -------------------------------------------------------------------------------------------- */

/* Where rows go. */
struct rows {
    void (*row)(void *target, const struct metrics_row *row);
    void *target;
};

static void row_write(const struct rows *rows, const char *suffix, const char *command, const char *bound,
                      double value) {
    struct metrics_row row = {
        .name = "riposte_command_duration_seconds",
        .help = "time of requests inside the server, from their bytes to their answers, by command",
        .suffix = suffix,
        .labels = {{"command", command}, {bound != NULL ? "le" : NULL, bound}},
        .kind = METRICS_HISTOGRAM,
        .value = value,
    };
    rows->row(rows->target, &row);
}

/* Slots end where buckets do: both are powers of two. */
static void command_rows(const struct rows *rows, const char *command,
                         const struct latency_summary *summary) {
    uint64_t below = 0;
    unsigned slot = 0;
    char bound[32];
    for (unsigned shift = BUCKET_SHIFT_MIN; shift <= BUCKET_SHIFT_MAX; shift++) {
        for (; slot < LATENCY_SLOTS_COUNT && latency_slot_end_ns(slot) < UINT64_C(1) << shift; slot++) {
            below += summary->slots[slot];
        }
        snprintf(bound, sizeof(bound), "%.9f", (double)(UINT64_C(1) << shift) / 1e9);
        row_write(rows, "_bucket", command, bound, (double)below);
    }
    row_write(rows, "_bucket", command, "+Inf", (double)summary->count);
    row_write(rows, "_sum", command, NULL, (double)summary->sum_ns / 1e9);
    row_write(rows, "_count", command, NULL, (double)summary->count);
}

static void write_rows(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    const struct latency *latency = user;
    const struct rows rows = {row, target};
    struct latency_summary summary;
    for (unsigned command = 0; command < LATENCY_COMMANDS_COUNT; command++) {
        latency_read(latency, (enum latency_command)command, &summary);
        if (summary.count > 0) {
            command_rows(&rows, latency_command_name((enum latency_command)command), &summary);
        }
    }
}

struct metrics_source latency_metrics(struct latency *latency) {
    return (struct metrics_source){.write = write_rows, .user = latency};
}
