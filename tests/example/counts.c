/* SPDX-License-Identifier: MIT
 *
 * counts: two metrics sources, and a writer of lines.
 */
#include "counts.h"

#include <assert.h>
#include <riposte/reply.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_SIZE_MAX = 160 };

/* --- the list ---------------------------------------------------------------------------------------------- */

void sources_add(struct sources *sources, struct metrics_source source) {
    assert(sources->count < SOURCES_MAX);
    sources->sources[sources->count++] = source;
}

static void row_write(void *target, const struct metrics_row *row) {
    struct reply *reply = target;
    char *line = reply_reserve(reply, LINE_SIZE_MAX);
    bool labelled = row->labels[0].name != NULL;
    int size = snprintf(line, LINE_SIZE_MAX, "%s%s%s%s%s%s %.0f\r\n", row->name, labelled ? "{" : "",
                        labelled ? row->labels[0].name : "", labelled ? "=\"" : "",
                        labelled ? row->labels[0].value : "", labelled ? "\"}" : "", row->value);
    if (size > 0 && size < LINE_SIZE_MAX) {
        reply_commit(reply, (size_t)size);
    }
}

void sources_list(const struct sources *sources, struct reply *reply) {
    for (unsigned i = 0; i < sources->count; i++) {
        sources->sources[i].write(sources->sources[i].user, row_write, reply);
    }
    reply_copy_string(reply, "end\r\n");
}

/* --- the sources ------------------------------------------------------------------------------------------- */

/* A counter of struct counts. Rows of one name stand together. */
static const struct {
    const char *name;
    const char *help;
    size_t offset;
} counters[] = {
    {"echo_lines_total", "lines that were answered", offsetof(struct counts, lines)},
    {"echo_lines_late_total", "answers that came later than at once", offsetof(struct counts, lines_late)},
    {"echo_naps_total", "times a worker has slept", offsetof(struct counts, naps)},
};

static void counts_write(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    const struct counted *counted = user;
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        for (unsigned worker = 0; worker < engine_workers_count(counted->engine); worker++) {
            char index[16];
            const char *set = (const char *)&counted->counts[worker];
            const struct counter *counter = (const struct counter *)(const void *)(set + counters[i].offset);
            snprintf(index, sizeof(index), "%u", worker);
            row(target, &(struct metrics_row){.name = counters[i].name,
                                              .help = counters[i].help,
                                              .labels = {{"worker", index}},
                                              .kind = METRICS_COUNTER,
                                              .value = (double)counter_read(counter)});
        }
    }
}

struct metrics_source counts_source(const struct counted *counted) {
    return (struct metrics_source){.write = counts_write, .user = (void *)(uintptr_t)counted};
}

#define NAME_OF_LEVEL(name) "engine_" #name
#define NAME_OF_MOST(name)  "engine_" #name
#define NAME_OF_COUNT(name) "engine_" #name "_total"
#define KIND_OF_LEVEL       METRICS_GAUGE
#define KIND_OF_MOST        METRICS_GAUGE
#define KIND_OF_COUNT       METRICS_COUNTER

static void engine_write(void *user, void (*row)(void *target, const struct metrics_row *row), void *target) {
    struct engine_counters sum;
    engine_counters_sum(user, &sum);
#define ENGINE_ROW(field, kind_of, text)                                                                     \
    row(target, &(struct metrics_row){.name = NAME_OF_##kind_of(field),                                      \
                                      .help = text,                                                          \
                                      .kind = KIND_OF_##kind_of,                                             \
                                      .value = (double)counter_read(&sum.field)});
    ENGINE_COUNTERS(ENGINE_ROW)
#undef ENGINE_ROW
}

struct metrics_source engine_source(const struct engine *engine) {
    return (struct metrics_source){.write = engine_write, .user = (void *)(uintptr_t)engine};
}
