/* SPDX-License-Identifier: MIT
 *
 * victim: who is killed where memory runs out while two servers are there: the new one, so that the old one goes on with everything.
 *
 *      victim_offer   this process is the first that the kernel kills (proc(5), oom_score_adj 1000)
 *      victim_hold    in the background, before the sandbox is closed: keeps the way to take that back
 *      victim_end     it serves: what it was before
 *
 * The kernel would choose the larger one, in its control group or on the machine: that is the old one, which has the items in its
 * page tables. Main thread, before others exist, but for victim_end.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_VICTIM_H
#define RIPOSTE_SERVER_TAKE_OVER_VICTIM_H

#include <sys/types.h>

enum { VICTIM_TEXT_SIZE_MAX = 16 };

struct victim {
    char before[VICTIM_TEXT_SIZE_MAX]; /* of oom_score_adj */
    size_t before_size;                /* 0: it has not been changed */
    int fd;                            /* owned, from victim_hold on; -1 */
};

/* Nothing where the system does not let it be taken back, or has no such file. */
void victim_offer(struct victim *victim);

/* In a child that stays: it is what this process was before. */
void victim_spare(const struct victim *victim);

/* 0 or -errno: then this process must not become one that serves. Nothing where none was offered. */
int victim_hold(struct victim *victim);

/* 0 or -errno: it goes on as the first to be killed. Nothing where none was offered. */
int victim_end(struct victim *victim);

#endif
