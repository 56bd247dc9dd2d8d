/* SPDX-License-Identifier: MIT
 *
 * fault: failures on demand, for the tests of a take-over; only in builds that have debug commands.
 *
 *      RIPOSTE_TAKE_OVER_FAULT=<message>:die     the process is gone before it sends that message
 *                              <message>:sent    the same once it has sent it
 *                              <message>:stall   it does nothing for three seconds before it sends it
 *                              <message>:bad     it sends something else
 *                              <message>:heard   it does nothing for three seconds once it has got that message
 *                              STORE:layout      it takes the memory that comes with STORE for one of another layout
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_FAULT_H
#define RIPOSTE_SERVER_TAKE_OVER_FAULT_H

#include <stdbool.h>

#include "message.h"

/* Before a message of that kind is sent: what the environment says. `bytes` of *size are what will be sent. */
#ifdef RIPOSTE_DEBUG_COMMANDS
void fault_strike(enum message_kind kind, char *bytes, size_t *size);

/* The same behind it. */
void fault_strike_behind(enum message_kind kind);

/* When a message of that kind has come. */
void fault_strike_at(enum message_kind kind);

/* Whether the store that has come is to count as one of another layout. */
bool fault_in_layout(void);
#else
static inline void fault_strike(enum message_kind kind, char *bytes, size_t *size) {
    (void)kind;
    (void)bytes;
    (void)size;
}

static inline void fault_strike_behind(enum message_kind kind) {
    (void)kind;
}

static inline void fault_strike_at(enum message_kind kind) {
    (void)kind;
}

static inline bool fault_in_layout(void) {
    return false;
}
#endif

#endif
