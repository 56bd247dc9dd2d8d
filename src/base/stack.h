/* SPDX-License-Identifier: MIT
 *
 * stack: how much of it every thread gets, and how much the main one needs.
 *
 * The C library makes the stack of a thread as large as RLIMIT_STACK was at the start: 8 MiB as a rule, too little
 * where that limit is small, and 1 GiB for each where it is large, which RLIMIT_AS and vm.overcommit_memory=2 count. So
 * the size is said here, for all threads of the server. That of the main thread the kernel lets grow up to the limit.
 */
#ifndef RIPOSTE_BASE_STACK_H
#define RIPOSTE_BASE_STACK_H

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

enum {
    /*
     * Addresses, of which a page takes memory once it is used; with -k they count as locked. The most that was seen in use
     * are 30 KiB (a worker that answers through TLS), 35 in a build with sanitizers. The rest is for signal frames (12 KiB
     * where the CPU has AMX), for what other builds of the libraries do with theirs, and for the protocols of others.
     */
    STACK_THREAD_SIZE = 512 * 1024,
    /*
     * Of the main thread, below the frame of main. Seen in use: 22 KiB, 33 in a build with sanitizers. The rest is for the
     * libraries that look up names of hosts and users.
     */
    STACK_MAIN_SIZE = 96 * 1024,
};

/* Bytes of the main thread's stack between its end, where the environment is, and `frame`. */
size_t stack_used(const void *frame);

/* A thread on `cpus`, NULL: where the caller is. 0, or a negative errno. */
int stack_create_thread(pthread_t *thread, const cpu_set_t *cpus, void *(*run)(void *), void *user);

#endif
