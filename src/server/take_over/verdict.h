/* SPDX-License-Identifier: MIT
 *
 * verdict: a word in memory that both processes share: who serves.
 *
 *                    verdict_pause                 verdict_take (new)
 *      SERVES ------------------------> PAUSED ------------------------> TAKEN      the new one serves, the old one never again
 *         |                               |
 *         +-------------------------------+----------------------------> BACK       the old one serves, the new one never will
 *                    verdict_keep (old)
 *
 * Two processes that only exchange messages cannot agree when either may die or time may run out before the last message: whoever
 * sent it does not know whether it was read. One word that both change by compare-and-swap decides in every such case, as the first
 * change to TAKEN or BACK wins:
 *
 *      the new one dies before its change     the old one sees the end of the socket, changes to BACK, serves
 *      the new one dies after it              as if a server had died that served
 *      the old one dies before its change     the new one sees the end of the socket, changes to TAKEN, serves what it has got
 *      the old one's time is over             it changes to BACK and serves; or finds TAKEN, and ends
 *      either one stops for long, and goes on the same: it finds what the other has decided
 *
 * The new one changes it only when it has got everything (then the old one is in PAUSED), or when the socket has ended: the kernel says
 * so when the other has died, or has changed to BACK before it closed it. Nothing that both hold (the store, modes of sockets) is
 * changed by the new one before its change, or by the old one between PAUSED and its own.
 *
 * Each attempt has a number, which is part of the word: who comes late for one finds that it is over.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_VERDICT_H
#define RIPOSTE_SERVER_TAKE_OVER_VERDICT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct verdict {
    int fd;                 /* owned; a memfd that nobody can make shorter; -1: none */
    _Atomic uint64_t *word; /* mapped; NULL: none */
    uint64_t attempt;
};

/* The old one's, once. 0 or -errno. */
int verdict_create(struct verdict *verdict);

/* The new one's: takes `fd`, also when it fails. */
int verdict_open(struct verdict *verdict, int fd, uint64_t attempt);

void verdict_close(struct verdict *verdict);

/* The old one, before it offers anything: another attempt. */
void verdict_begin(struct verdict *verdict);

/* The old one serves nobody from now on. */
void verdict_pause(struct verdict *verdict);

/* The old one: true: it serves, or goes on. False: the new one does. */
bool verdict_keep(struct verdict *verdict);

/* The new one, as said above: true: it serves. False: the old one does. */
bool verdict_take(struct verdict *verdict);

#endif
