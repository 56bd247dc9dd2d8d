/* SPDX-License-Identifier: MIT
 *
 * random: splitmix64, and a seed from the kernel. See riposte/random.h.
 */
#include "riposte/random.h"

#include <assert.h>
#include <sys/random.h>

#include "riposte/clock.h"

uint64_t random_seed(void) {
    uint64_t seed;
    /*
     * Up to 256 bytes are never short (getrandom(2)); GRND_NONBLOCK because a server must not hang in early
     * boot.
     */
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) {
        return seed;
    }
    struct random mix = {.state = clock_real_ns() ^ (clock_monotonic_ns() << 32)};
    return random_next(&mix);
}

uint64_t random_next(struct random *random) {
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/*
 * The upper half of a 128-bit product maps 2^64 numbers onto `bound` of them; the few products whose lower
 * half falls below 2^64 mod bound would be one too many for some results and are drawn again (Lemire 2019,
 * "Fast random integer generation in an interval").
 */
uint64_t random_below(struct random *random, uint64_t bound) {
    assert(bound >= 1);
    unsigned __int128 product = (unsigned __int128)random_next(random) * bound;
    if ((uint64_t)product < bound) {
        uint64_t surplus = (0 - bound) % bound; /* 2^64 mod bound */
        while ((uint64_t)product < surplus) {
            product = (unsigned __int128)random_next(random) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}
