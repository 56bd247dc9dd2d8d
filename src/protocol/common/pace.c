/* SPDX-License-Identifier: MIT
 *
 * pace: adds up bytes and the time in which they could have come.
 */
#include "pace.h"

#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/protocol.h"

static const uint64_t look_ns_max = PROTOCOL_REST_MS * CLOCK_NS_PER_MS;

uint32_t pace_rate(uint32_t rate_min, size_t value_size, size_t held_size, size_t room_size) {
    size_t scarce_rate = value_size / PACE_SCARCE_S;
    if (likely(rate_min == 0 || held_size <= room_size || scarce_rate <= rate_min)) {
        return rate_min;
    }
    return scarce_rate < UINT32_MAX ? (uint32_t)scarce_rate : UINT32_MAX;
}

void pace_begin(struct pace *pace, uint64_t now_ns, uint32_t window_ms) {
    uint64_t ms = window_ms < PACE_WINDOW_MS ? window_ms : PACE_WINDOW_MS;
    *pace = (struct pace){.looked_ns = now_ns, .window_ns = ms * CLOCK_NS_PER_MS};
}

bool pace_kept(struct pace *pace, uint64_t now_ns, size_t size, uint32_t rate_min) {
    uint64_t look_ns = now_ns - pace->looked_ns;
    pace->looked_ns = now_ns;
    pace->spent_ns += look_ns < look_ns_max ? look_ns : look_ns_max;
    pace->size += size;
    if (pace->spent_ns < pace->window_ns) {
        return true;
    }
    /* No overflow: a rate of 32 bits times a window of some thousand ms. */
    bool kept = pace->size >= rate_min * (pace->window_ns / CLOCK_NS_PER_MS) / 1000;
    pace->spent_ns = 0;
    pace->size = 0;
    return kept;
}

void pace_save(const struct pace *pace, struct record_writer *writer) {
    record_put_u64(writer, pace->looked_ns);
    record_put_u64(writer, pace->window_ns);
    record_put_u64(writer, pace->spent_ns);
    record_put_u64(writer, pace->size);
}

struct pace pace_read(struct record_reader *reader) {
    struct pace pace = {.looked_ns = record_get_u64(reader)};
    pace.window_ns = record_get_u64(reader);
    pace.spent_ns = record_get_u64(reader);
    pace.size = record_get_u64(reader);
    reader->bad |= pace.window_ns > PACE_WINDOW_MS * CLOCK_NS_PER_MS || pace.spent_ns > pace.window_ns;
    return pace;
}
