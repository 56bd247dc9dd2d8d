/* SPDX-License-Identifier: MIT
 *
 * The stack of a thread is as large as the header says, whatever the C library's default is; where the main one begins.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "stack.h"

struct seen {
    size_t size;
    cpu_set_t cpus;
};

static void *look(void *user) {
    struct seen *seen = user;
    pthread_attr_t own;
    pthread_getattr_np(pthread_self(), &own);
    pthread_attr_getstacksize(&own, &seen->size);
    pthread_attr_destroy(&own);
    sched_getaffinity(0, sizeof(seen->cpus), &seen->cpus);
    return NULL;
}

static struct seen seen_by_thread(const cpu_set_t *cpus) {
    struct seen seen = {0};
    pthread_t thread;
    cr_assert_eq(stack_create_thread(&thread, cpus, look, &seen), 0);
    pthread_join(thread, NULL);
    return seen;
}

Test(stack, is_as_large_as_is_said_whatever_the_default_is) {
    for (size_t size = 64 * 1024; size <= 64 * 1024 * 1024; size *= 1024) {
        pthread_attr_t usual;
        pthread_attr_init(&usual);
        pthread_attr_setstacksize(&usual, size);
        cr_assert_eq(pthread_setattr_default_np(&usual), 0);
        pthread_attr_destroy(&usual);
        cr_expect_eq(seen_by_thread(NULL).size, STACK_THREAD_SIZE);
    }
}

Test(stack, is_that_of_a_thread_on_the_cpus_that_are_named) {
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &all)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    struct seen named = seen_by_thread(&one), own = seen_by_thread(NULL);
    cr_expect(CPU_EQUAL(&named.cpus, &one));
    cr_expect(CPU_EQUAL(&own.cpus, &all), "those of the caller");
}

Test(stack, of_the_main_thread_is_used_by_what_the_process_was_started_with) {
    char here = 0;
    size_t used = stack_used(&here);
    size_t strings = 0;
    for (char **variable = environ; *variable != NULL; variable++) {
        strings += strlen(*variable);
    }
    cr_expect_gt(used, strings);
    cr_expect_lt(used, 1024 * 1024);
}
