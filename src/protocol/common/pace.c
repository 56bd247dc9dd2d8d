/* SPDX-License-Identifier: MIT
 *
 * pace: adds up bytes and the time in which they could have come.
 */
#include "pace.h"

#include "riposte/clock.h"
#include "riposte/protocol.h"

enum { MS_PER_S = 1000 };

static const uint64_t window_ns = PACE_WINDOW_MS * CLOCK_NS_PER_MS;
static const uint64_t look_ns_max = PROTOCOL_REST_MS * CLOCK_NS_PER_MS;

void pace_begin(struct pace *pace, uint64_t now_ns) {
    *pace = (struct pace){.looked_ns = now_ns};
}

bool pace_kept(struct pace *pace, uint64_t now_ns, size_t size, uint32_t rate_min) {
    uint64_t look_ns = now_ns - pace->looked_ns;
    pace->looked_ns = now_ns;
    pace->spent_ns += look_ns < look_ns_max ? look_ns : look_ns_max;
    pace->size += size;
    if (pace->spent_ns < window_ns) {
        return true;
    }
    bool kept = pace->size >= (uint64_t)rate_min * (PACE_WINDOW_MS / MS_PER_S);
    pace->spent_ns = 0;
    pace->size = 0;
    return kept;
}
