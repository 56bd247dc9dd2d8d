/* SPDX-License-Identifier: MIT
 *
 * histogram: slots of bounded relative width. See riposte/histogram.h.
 *
 *      value          0 .. 127     128 .. 255    256 .. 511    ...   2^63 .. 2^64 - 1
 *      slot           0 .. 127     128 .. 191    192 .. 255    ...   3712 .. 3775
 *      slot width        1             2             4         ...        2^57
 */
#include "riposte/histogram.h"

#include <assert.h>

enum { SLOTS_PER_POWER = 1 << HISTOGRAM_SLOT_BITS };

static_assert(HISTOGRAM_SLOT_COUNT == 59 * SLOTS_PER_POWER, "slot of 2^64 - 1 is the last one");

/* The number of low bits that are dropped is at once the number of powers of two that lie below. */
static unsigned slot_index(uint64_t value) {
    if (value < SLOTS_PER_POWER) {
        return (unsigned)value;
    }
    unsigned dropped_bits = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SLOT_BITS;
    return dropped_bits * SLOTS_PER_POWER + (unsigned)(value >> dropped_bits);
}

/* The largest value of a slot. */
static uint64_t slot_end(unsigned index) {
    if (index < 2 * SLOTS_PER_POWER) {
        return index;
    }
    unsigned dropped_bits = index / SLOTS_PER_POWER - 1;
    uint64_t kept = index % SLOTS_PER_POWER + SLOTS_PER_POWER;
    /* For the last slot the shift leaves 0 and the subtraction wraps to 2^64 - 1, as it should. */
    return ((kept + 1) << dropped_bits) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value) {
    histogram->count++;
    histogram->sum += value;
    histogram->maximum = value > histogram->maximum ? value : histogram->maximum;
    histogram->slots[slot_index(value)]++;
}

void histogram_merge(struct histogram *target, const struct histogram *source) {
    target->count += source->count;
    target->sum += source->sum;
    target->maximum = source->maximum > target->maximum ? source->maximum : target->maximum;
    for (unsigned i = 0; i < HISTOGRAM_SLOT_COUNT; i++) {
        target->slots[i] += source->slots[i];
    }
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t share_ppm) {
    assert(share_ppm <= 1000000);
    if (histogram->count == 0) {
        return 0;
    }
    /*
     * How many values must lie at or below the answer, rounded up; 128 bits because count times 10^6 may pass
     * 2^64.
     */
    unsigned __int128 scaled = (unsigned __int128)histogram->count * share_ppm + 999999;
    uint64_t wanted = (uint64_t)(scaled / 1000000);
    wanted = wanted == 0 ? 1 : wanted;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_SLOT_COUNT; i++) {
        seen += histogram->slots[i];
        if (seen >= wanted) {
            uint64_t end = slot_end(i);
            return end < histogram->maximum ? end : histogram->maximum;
        }
    }
    return histogram->maximum;
}
