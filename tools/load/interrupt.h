/* SPDX-License-Identifier: MIT
 *
 * interrupt: SIGINT and SIGTERM as something to be read, while a run lasts.
 *
 * The thread that begins it must do so before it starts others: they inherit the mask.
 */
#ifndef LOAD_INTERRUPT_H
#define LOAD_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    int fd; /* readable when a signal came; owned */
    sigset_t mask_before;
};

/* 0 or a negative errno. */
int interrupt_begin(struct interrupt *interrupt);

/* Signals do again what they did before. */
void interrupt_end(struct interrupt *interrupt);

/* Takes one signal, if one came. */
bool interrupt_take(const struct interrupt *interrupt);

#endif
