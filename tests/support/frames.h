/* SPDX-License-Identifier: MIT
 *
 * frames: the example of a protocol of one's own. See frames.c: the whole of it is forty lines.
 */
#ifndef RIPOSTE_TESTS_FRAMES_H
#define RIPOSTE_TESTS_FRAMES_H

#include "riposte/protocol.h"

extern const struct protocol frames_protocol;

#endif
