/* SPDX-License-Identifier: MIT
 *
 * interrupt: see interrupt.h.
 */
#include "interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

int interrupt_begin(struct interrupt *interrupt) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    interrupt->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (interrupt->fd < 0) {
        return -errno;
    }
    pthread_sigmask(SIG_BLOCK, &mask, &interrupt->mask_before);
    return 0;
}

void interrupt_end(struct interrupt *interrupt) {
    close(interrupt->fd);
    pthread_sigmask(SIG_SETMASK, &interrupt->mask_before, NULL);
}

bool interrupt_take(const struct interrupt *interrupt) {
    struct signalfd_siginfo information;
    return read(interrupt->fd, &information, sizeof(information)) == (ssize_t)sizeof(information);
}
