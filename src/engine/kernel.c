/* SPDX-License-Identifier: MIT
 *
 * kernel: asks, and remembers the answer for a second.
 */
#include "kernel.h"

#include "net_statistics.h"
#include "riposte/clock.h"

static struct engine_kernel_figures kernel_ask(const struct kernel *kernel) {
    struct engine_kernel_figures figures = {.listens_known = false};
    uint64_t overflows, drops;
    getrusage(RUSAGE_SELF, &figures.usage);
    if (net_listen_overflows(&overflows, &drops)) {
        figures.listens_known = true;
        figures.listen_overflows = overflows - kernel->first_overflows;
        figures.listen_drops = drops - kernel->first_drops;
    }
    return figures;
}

void kernel_init(struct kernel *kernel, uint64_t now_ns) {
    *kernel = (struct kernel){.asked_ns = now_ns};
    pthread_mutex_init(&kernel->lock, NULL);
    kernel->figures = kernel_ask(kernel);
    kernel->first_overflows = kernel->figures.listen_overflows;
    kernel->first_drops = kernel->figures.listen_drops;
    kernel->figures.listen_overflows = 0;
    kernel->figures.listen_drops = 0;
}

void kernel_deinit(struct kernel *kernel) {
    pthread_mutex_destroy(&kernel->lock);
}

/* What is known; *old when the caller is to ask: whoever comes meanwhile takes what is known. */
static struct engine_kernel_figures kernel_known(struct kernel *kernel, uint64_t now_ns, bool *old) {
    pthread_mutex_lock(&kernel->lock);
    struct engine_kernel_figures figures = kernel->figures;
    /* Threads read their clocks at different times: who is behind the one that asked asks no more. */
    *old = now_ns >= kernel->asked_ns + CLOCK_NS_PER_S;
    if (*old) {
        kernel->asked_ns = now_ns;
    }
    pthread_mutex_unlock(&kernel->lock);
    return figures;
}

struct engine_kernel_figures kernel_figures(struct kernel *kernel, uint64_t now_ns) {
    bool old;
    struct engine_kernel_figures figures = kernel_known(kernel, now_ns, &old);
    if (old) {
        figures = kernel_ask(kernel);
        pthread_mutex_lock(&kernel->lock);
        kernel->figures = figures;
        pthread_mutex_unlock(&kernel->lock);
    }
    return figures;
}
