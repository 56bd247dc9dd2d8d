/* SPDX-License-Identifier: MIT
 *
 * veil: a filter that hides bytes from a casual look. It is no encryption; it has what one needs: a handshake, frames, a
 * state for each direction, and a last word, so that a connection that was cut is not taken for one that has ended.
 *
 *      both sides   veil 1\n                        the handshake
 *      then         size, size bytes                a frame of 1 to 255 bytes, each XOR its position among all of this direction
 *      in the end   0                               nothing follows
 */
#ifndef ECHO_VEIL_H
#define ECHO_VEIL_H

#include <riposte/filter.h>

extern const struct filter veil_filter;

#endif
