/* SPDX-License-Identifier: MIT
 *
 * affinity: asks what was waited, obeys the advice, counts and says it.
 */
#include "affinity.h"

#include <errno.h>
#include <unistd.h>

#include "engine_state.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "run_delay.h"
#include "worker.h"

/*
 * Pid 0 is the calling thread, the only one that the sandbox allows (seccomp.c). False where somebody forbids even that. EINVAL:
 * none of these CPUs is there any more, or the control group's cpuset has been changed; then the kernel has given the thread all
 * that are left, which is as good as can be, and they may come back.
 */
static bool affinity_set(const cpu_set_t *cpus) {
    return sched_setaffinity(0, sizeof(*cpus), cpus) == 0 || errno == EINVAL;
}

static bool affinity_tie(const struct worker *worker) {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(worker->cpu, &own);
    return affinity_set(&own);
}

void affinity_begin(struct worker *worker) {
    struct affinity *affinity = &worker->affinity;
    enum engine_pin pin = worker->engine->config.pin;
    bool is_known = sched_getaffinity(0, sizeof(affinity->allowed), &affinity->allowed) == 0;
    bool is_tied = pin != ENGINE_PIN_OFF && affinity_tie(worker);
    affinity->delay_fd = run_delay_open();
    if (affinity->delay_fd < 0 || !run_delay_read(affinity->delay_fd, &affinity->seen)) {
        affinity->look_ns = UINT64_MAX;
        return;
    }
    affinity->adapts = pin == ENGINE_PIN_AUTO && is_tied && is_known && CPU_COUNT(&affinity->allowed) > 1;
    affinity->look_ns = clock_monotonic_ns();
    tie_init(&affinity->tie, affinity->look_ns, &affinity->seen);
}

void affinity_end(struct worker *worker) {
    if (worker->affinity.delay_fd >= 0) {
        close(worker->affinity.delay_fd);
    }
    worker->affinity.delay_fd = -1;
    worker->affinity.look_ns = UINT64_MAX;
    counter_set(&worker->counters.cpu_unpinned, 0);
}

/* One line an hour, whichever worker it is: where others come and go, they may do so all day. */
static void affinity_say(struct worker *worker) {
    _Atomic uint64_t *silent_until_ns = &worker->engine->unpin_silence_ends_ns;
    /* relaxed, both: whoever writes the new time writes the line, and nothing else is ordered by it. */
    uint64_t until_ns = atomic_load_explicit(silent_until_ns, memory_order_relaxed);
    if (worker->now_ns < until_ns || !atomic_compare_exchange_strong_explicit(
                                         silent_until_ns, &until_ns, worker->now_ns + 3600 * CLOCK_NS_PER_S,
                                         memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    log_line(LOG_LEVEL_INFO,
             "worker %u has to wait for CPU %u, which other programs use, too: it is not kept there until "
             "they are gone (--pin=auto; cpu_unpins, cpu_unpinned and cpu_wait_ns tell more)",
             worker->index, worker->cpu);
}

static void affinity_obey(struct worker *worker, enum tie_advice advice) {
    switch (advice) {
    case TIE_STAY:
        return;
    case TIE_LET_GO:
        affinity_set(&worker->affinity.allowed);
        counter_add(&worker->counters.cpu_unpins, 1);
        counter_set(&worker->counters.cpu_unpinned, 1);
        affinity_say(worker);
        return;
    case TIE_AGAIN:
        affinity_tie(worker);
        counter_set(&worker->counters.cpu_unpinned, 0);
        return;
    }
}

static void affinity_look(struct worker *worker) {
    struct affinity *affinity = &worker->affinity;
    struct run_delay now;
    affinity->look_ns = worker->now_ns + AFFINITY_LOOK_MS * CLOCK_NS_PER_MS;
    if (!run_delay_read(affinity->delay_fd, &now)) {
        return;
    }
    counter_add(&worker->counters.cpu_wait_ns, now.waited_ns - affinity->seen.waited_ns);
    affinity->seen = now;
    if (affinity->adapts) {
        affinity_obey(worker, tie_judge(&affinity->tie, worker->now_ns, &now));
    }
}

void affinity_turn(struct worker *worker) {
    if (unlikely(worker->now_ns >= worker->affinity.look_ns)) {
        affinity_look(worker);
    }
}
