/* SPDX-License-Identifier: MIT
 *
 * histogram: counts of values over a wide range with a bounded relative error.
 *
 * A value below 128 has a slot of its own; above, each power of two is cut into 64 equal slots, so that a
 * percentile is at most 1/64 (1.6 %) above the true value and never below it. Recording is a shift and an
 * add; no allocation. One thread records into one histogram; histograms of several threads are merged by the
 * reader.
 */
#ifndef RIPOSTE_HISTOGRAM_H
#define RIPOSTE_HISTOGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HISTOGRAM_SLOT_BITS = 6, /* 2^6 slots for each power of two */
    HISTOGRAM_SLOT_COUNT = (64 - HISTOGRAM_SLOT_BITS + 1) << HISTOGRAM_SLOT_BITS, /* covers 0 to 2^64 - 1 */
};

/* All zero is an empty histogram. About 30 KiB: embed it or allocate it, do not put it on a small stack. */
struct histogram {
    uint64_t count;                       /* values recorded */
    uint64_t sum;                         /* of the values, modulo 2^64 */
    uint64_t maximum;                     /* largest value recorded, exact; 0 when empty */
    uint64_t slots[HISTOGRAM_SLOT_COUNT]; /* values per slot */
};

/* One value more, of whatever unit the others have. */
void histogram_record(struct histogram *histogram, uint64_t value);

/* Adds all values of `source` to `target`. */
void histogram_merge(struct histogram *target, const struct histogram *source);

/*
 * The smallest slot end at or below which at least `share_ppm` millionths of all values lie (999000 is
 * p99.9); never above `maximum`. 0 when empty. share_ppm is 0 to 1,000,000.
 */
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t share_ppm);

#ifdef __cplusplus
}
#endif

#endif
