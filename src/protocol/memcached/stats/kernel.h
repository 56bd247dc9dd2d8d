/* SPDX-License-Identifier: MIT
 *
 * kernel: what statistics ask the kernel for. Such a question costs more than a request, and a client may ask as
 * often as it likes: the kernel is asked once a second at most, by one of those who want to know, and nobody
 * waits for that one.
 */
#ifndef MEMCACHED_KERNEL_H
#define MEMCACHED_KERNEL_H

#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>

struct engine;

struct kernel_figures {
    struct rusage usage; /* of the process, getrusage(2) */
    uint64_t overflows;  /* engine_listen_overflows, both; 0 where that is not known */
    uint64_t overflows_drops;
};

struct kernel {
    pthread_mutex_t lock;          /* of what follows; held for a copy only */
    uint64_t asked_ns;             /* monotonic time of the last question */
    struct kernel_figures figures; /* its answer */
};

void kernel_init(struct kernel *kernel);
void kernel_deinit(struct kernel *kernel);

/* Figures that were right within the last second or so. `engine` may be NULL. Any thread. */
struct kernel_figures kernel_figures(struct kernel *kernel, const struct engine *engine, uint64_t now_ns);

#endif
