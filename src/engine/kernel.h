/* SPDX-License-Identifier: MIT
 *
 * kernel: what statistics ask the kernel for. Such a question costs more than a request, and a client may ask as
 * often as it likes: the kernel is asked once a second at most, by one of those who want to know, and nobody
 * waits for that one.
 */
#ifndef RIPOSTE_ENGINE_KERNEL_H
#define RIPOSTE_ENGINE_KERNEL_H

#include <pthread.h>
#include <stdint.h>

#include "riposte/engine.h"

struct kernel {
    pthread_mutex_t lock;                  /* of what follows; held for a copy only */
    uint64_t asked_ns;                     /* monotonic time of the last question */
    struct engine_kernel_figures figures;  /* its answer */
    uint64_t first_overflows, first_drops; /* at the beginning, since boot; constant */
};

/* Asks for the first time. */
void kernel_init(struct kernel *kernel, uint64_t now_ns);
void kernel_deinit(struct kernel *kernel);

/* Figures that were right within the last second or so. Any thread. */
struct engine_kernel_figures kernel_figures(struct kernel *kernel, uint64_t now_ns);

#endif
