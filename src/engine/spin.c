/* SPDX-License-Identifier: MIT
 *
 * spin: counts hits and misses, and how many sleeps the next trial is away.
 */
#include "spin.h"

#include "riposte/engine.h"

void spin_init(struct spin *spin, int spin_us) {
    bool adaptive = spin_us == ENGINE_SPIN_AUTO;
    *spin = (struct spin){
        .mode = adaptive       ? SPIN_ADAPTIVE
                : spin_us == 0 ? SPIN_NEVER
                               : SPIN_ALWAYS,
        .limit_ns = (uint32_t)(adaptive ? SPIN_AUTO_US : spin_us) * 1000,
        .rest = SPIN_REST_SLEEPS_MIN,
        .rest_length = SPIN_REST_SLEEPS_MIN,
    };
}

bool spin_wanted(struct spin *spin) {
    switch (spin->mode) {
    case SPIN_NEVER:
        return false;
    case SPIN_ALWAYS:
        return true;
    case SPIN_ADAPTIVE:
        break;
    }
    if (spin->rest == 0) {
        return true;
    }
    spin->rest--;
    return spin->rest == 0;
}

void spin_hit(struct spin *spin) {
    spin->misses = 0;
    spin->rest = 0;
    spin->rest_length = SPIN_REST_SLEEPS_MIN;
}

static void spin_rest(struct spin *spin, uint32_t length) {
    spin->misses = 0;
    spin->rest = length;
    spin->rest_length = length * 2 < SPIN_REST_SLEEPS_MAX ? length * 2 : SPIN_REST_SLEEPS_MAX;
}

void spin_missed(struct spin *spin) {
    /* A trial after a rest has one chance; a worker for which spinning paid until now has a few. */
    bool trial = spin->rest_length > SPIN_REST_SLEEPS_MIN;
    spin->misses++;
    if (trial || spin->misses >= SPIN_MISSES_MAX) {
        spin_rest(spin, spin->rest_length);
    }
}

void spin_lost_cpu(struct spin *spin) {
    spin_rest(spin, SPIN_REST_SLEEPS_MAX);
}
