/* SPDX-License-Identifier: MIT
 *
 * cpu_relax: what a loop that looks at memory again and again does between two looks.
 */
#ifndef RIPOSTE_BASE_CPU_RELAX_H
#define RIPOSTE_BASE_CPU_RELAX_H

/*
 * Tells the CPU that this thread only waits: it leaves more of a shared core to the other hyper-thread, and
 * the loop's end is not mispredicted at the price of a whole pipeline (Intel's optimization manual, "PAUSE").
 * Gives the CPU to nobody. On other machines than these two it does nothing.
 */
static inline void cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
