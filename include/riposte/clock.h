/* SPDX-License-Identifier: MIT
 *
 * clock: the clocks of the system, read explicitly.
 *
 * The engine reads the monotonic clock once per turn and hands the value on; nothing on the path of a request
 * calls these functions. Any thread may call. They do not fail: the clocks exist on every Linux
 * (clock_gettime(2)).
 */
#ifndef RIPOSTE_CLOCK_H
#define RIPOSTE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLOCK_NS_PER_US UINT64_C(1000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)
#define CLOCK_NS_PER_S  UINT64_C(1000000000)

/* Nanoseconds of CLOCK_MONOTONIC: for intervals and time-outs. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds of CLOCK_REALTIME since 1970: for what is shown to people and for absolute expiry times. */
uint64_t clock_real_ns(void);

/* Nanoseconds of CPU time that the calling thread has had, kernel included. A system call: not for every turn. */
uint64_t clock_thread_cpu_ns(void);

#ifdef __cplusplus
}
#endif

#endif
