/* SPDX-License-Identifier: MIT
 *
 * spin: whether a worker that has nothing to do looks for work a little longer before it sleeps.
 *
 * Sleeping and waking cost more than serving a small request, above all on a virtual machine. Spinning for
 * at most the price of a sleep and a wake-up never costs more than twice the best choice (the classic
 * 2-competitive rule: Karlin, Manasse, McGeoch, Owicki 1991, "Competitive randomized algorithms for
 * non-uniform problems"), and it is done only while experience says that it pays:
 *
 *      ACTIVE --SPIN_MISSES_MAX in a row found nothing---> RESTING --after `rest` sleeps--> one spin
 *        ^                                                    ^                                |
 *        +----------------------- hit ------------------------|--------------------------------+
 *                                                             +---------- miss: rest x 2 ------+
 *
 * A worker that is never woken never spins: an idle server uses no CPU. A worker that loses the CPU in the
 * middle of a spin (more runnable threads than CPUs) goes to the longest rest at once. No clock and no
 * kernel is called here.
 */
#ifndef RIPOSTE_ENGINE_SPIN_H
#define RIPOSTE_ENGINE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_AUTO_US = 50,        /* about the price of a sleep and a wake-up on a virtual machine */
    SPIN_MISSES_MAX = 3,      /* spins in vain before a rest */
    SPIN_REST_SLEEPS_MIN = 8, /* sleeps between two trials, at first ... */
    SPIN_REST_SLEEPS_MAX =
        512, /* ... and at most: one vain spin in 512 wake-ups is below a tenth of a per cent of CPU */
    SPIN_LOOKS_PER_CLOCK = 32, /* looks at the completion queue between two looks at the clock */
    SPIN_LOST_CPU_US = 1000, /* a gap this long between two looks at the clock means that somebody else ran */
};

enum spin_mode { SPIN_NEVER, SPIN_ALWAYS, SPIN_ADAPTIVE };

struct spin {
    enum spin_mode mode;
    uint32_t limit_ns;    /* longest spin */
    uint32_t misses;      /* spins in vain since the last hit */
    uint32_t rest;        /* sleeps left before the next spin; 0 while ACTIVE */
    uint32_t rest_length; /* sleeps of the next rest */
};

/* spin_us as in engine_config: ENGINE_SPIN_AUTO, 0, or a limit. */
void spin_init(struct spin *spin, int spin_us);

/* Asked once before each sleep. */
bool spin_wanted(struct spin *spin);

/*
 * How the spin ended. A hit is a request of a connection that had asked before: a client that waits for each answer before it
 * asks again. Work of other kinds is a miss: connections that come, ask once and go, and room in a socket for the rest of a
 * large answer, come as well a little later, several at once, and cost less then.
 */
void spin_hit(struct spin *spin);
void spin_missed(struct spin *spin);
void spin_lost_cpu(struct spin *spin);

#endif
