/* SPDX-License-Identifier: MIT
 *
 * slow: looks at the clock behind each request, while there is a slow log, and writes those that took long into it.
 */
#ifndef MEMCACHED_SLOW_H
#define MEMCACHED_SLOW_H

#include "call.h"
#include "riposte/slow_log.h"

/* What is kept of a step of a call until its end. Not zeroed: no call but one that is measured touches it. */
struct slow {
    uint64_t since_ns;  /* end of the step before */
    const char *begin;  /* first byte of the step */
    size_t unsent_size; /* of the reply, then */
    uint8_t command_size, key_size;
    char text[SLOW_LOG_COMMAND_SIZE_MAX +
              SLOW_LOG_KEY_SIZE_MAX]; /* command and key: the input may be gone then */
};

/* call->observed has OBSERVE_SLOW, both. */
void slow_begin(struct slow *slow, const struct mc_call *call);

/* Requests have been completed since. */
void slow_end(struct slow *slow, const struct mc_call *call);

#endif
