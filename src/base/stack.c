/* SPDX-License-Identifier: MIT
 *
 * stack: the size of a thread's stack, and what the main one has used. See stack.h.
 */
#include "stack.h"

#include <stdint.h>
#include <sys/auxv.h>

size_t stack_used(const void *frame) {
    /* The name of the program is the last string above the environment (getauxval(3)). */
    uintptr_t end = (uintptr_t)getauxval(AT_EXECFN);
    return end > (uintptr_t)frame ? end - (uintptr_t)frame : 0;
}

int stack_create_thread(pthread_t *thread, const cpu_set_t *cpus, void *(*run)(void *), void *user) {
    pthread_attr_t attributes;
    int number = pthread_attr_init(&attributes);
    if (number != 0) {
        return -number;
    }
    number = pthread_attr_setstacksize(&attributes, STACK_THREAD_SIZE);
    if (number == 0 && cpus != NULL) {
        number = pthread_attr_setaffinity_np(&attributes, sizeof(*cpus), cpus);
    }
    if (number == 0) {
        number = pthread_create(thread, &attributes, run, user);
    }
    pthread_attr_destroy(&attributes);
    return -number;
}
