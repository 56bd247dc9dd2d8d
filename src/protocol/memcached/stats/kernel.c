/* SPDX-License-Identifier: MIT
 *
 * kernel: asks, and remembers the answer for a second.
 */
#include "kernel.h"

#include <stdbool.h>

#include "riposte/clock.h"
#include "riposte/engine.h"

void kernel_init(struct kernel *kernel) {
    *kernel = (struct kernel){.asked_ns = 0};
    pthread_mutex_init(&kernel->lock, NULL);
}

void kernel_deinit(struct kernel *kernel) {
    pthread_mutex_destroy(&kernel->lock);
}

static struct kernel_figures kernel_ask(const struct engine *engine) {
    struct kernel_figures figures = {.overflows = 0};
    getrusage(RUSAGE_SELF, &figures.usage);
    if (engine != NULL) {
        engine_listen_overflows(engine, &figures.overflows, &figures.overflows_drops);
    }
    return figures;
}

/* What is known; *old when the caller is to ask: whoever comes meanwhile takes what is known. */
static struct kernel_figures kernel_known(struct kernel *kernel, uint64_t now_ns, bool *old) {
    pthread_mutex_lock(&kernel->lock);
    struct kernel_figures figures = kernel->figures;
    *old = kernel->asked_ns == 0 || now_ns - kernel->asked_ns >= CLOCK_NS_PER_S;
    if (*old) {
        kernel->asked_ns = now_ns;
    }
    pthread_mutex_unlock(&kernel->lock);
    return figures;
}

struct kernel_figures kernel_figures(struct kernel *kernel, const struct engine *engine, uint64_t now_ns) {
    bool old;
    struct kernel_figures figures = kernel_known(kernel, now_ns, &old);
    if (old) {
        figures = kernel_ask(engine);
        pthread_mutex_lock(&kernel->lock);
        kernel->figures = figures;
        pthread_mutex_unlock(&kernel->lock);
    }
    return figures;
}
