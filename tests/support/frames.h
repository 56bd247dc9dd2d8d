/* SPDX-License-Identifier: MIT
 *
 * frames: a length-prefixed echo, the smallest protocol that can be cut anywhere. Drawn in frames.c.
 */
#ifndef RIPOSTE_TESTS_FRAMES_H
#define RIPOSTE_TESTS_FRAMES_H

#include "riposte/protocol.h"

extern const struct protocol frames_protocol;

/* The same, which says "hello" to each client first. */
extern const struct protocol frames_with_greeting;

#endif
