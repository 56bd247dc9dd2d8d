/* SPDX-License-Identifier: MIT
 *
 * twice: a filter for tests of the engine.
 *
 *      wire: every plain byte twice; "kk" opens the way out, which is closed until then; "><" is the last word;
 *      two bytes that differ otherwise are an error; "hi" when it is opened, "bye" at its end
 */
#ifndef RIPOSTE_TESTS_TWICE_H
#define RIPOSTE_TESTS_TWICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dial.h"
#include "riposte/filter.h"

extern const struct filter twice_filter;

extern _Atomic int twice_opened, twice_closed;
extern bool twice_opens; /* it says that it is opening until the way out is open */

/* Bytes of a call that has much work, which takes 100 us of CPU time; 0: none has. */
extern size_t twice_step_size;
extern _Atomic unsigned twice_steps; /* such calls of all connections, so far */

/* A client that has been greeted; of the other one, also the way out is open. To be closed by the caller. */
int twice_dial(const struct engine *engine);
int twice_dial_opened(const struct engine *engine);

/* `size` bytes of content as a frame of frames_protocol, every byte twice; owned by the caller. */
char *twice_frame(size_t size, size_t *wire_size);

#endif
