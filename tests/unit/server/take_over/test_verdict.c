/* SPDX-License-Identifier: MIT
 *
 * The verdict: whoever is first decides, and who is late for an attempt finds it over.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verdict.h"

TestSuite(verdict, .timeout = 60);

static void pair_make(struct verdict *old, struct verdict *new) {
    cr_assert_eq(verdict_create(old), 0);
    verdict_begin(old);
    cr_assert_eq(verdict_open(new, dup(old->fd), old->attempt), 0);
}

static void pair_end(struct verdict *old, struct verdict *new) {
    verdict_close(old);
    verdict_close(new);
}

Test(verdict, the_first_change_is_the_last) {
    struct verdict old, new;
    for (int paused = 0; paused <= 1; paused++) {
        for (int taken = 0; taken <= 1; taken++) {
            pair_make(&old, &new);
            if (paused) {
                verdict_pause(&old);
            }
            for (int again = 0; again < 2; again++) {
                if (taken) {
                    cr_assert(verdict_take(&new));
                    cr_assert_not(verdict_keep(&old));
                } else {
                    cr_assert(verdict_keep(&old));
                    cr_assert_not(verdict_take(&new));
                }
                verdict_pause(&old); /* too late: changes nothing */
            }
            pair_end(&old, &new);
        }
    }
}

Test(verdict, of_an_attempt_that_is_over_nothing_can_be_taken) {
    struct verdict old, late, new;
    pair_make(&old, &late);
    cr_assert(verdict_keep(&old));
    verdict_begin(&old);
    cr_assert_eq(verdict_open(&new, dup(old.fd), old.attempt), 0);
    verdict_pause(&old);
    cr_assert_not(verdict_take(&late));
    cr_assert(verdict_take(&new));
    cr_assert_not(verdict_keep(&old));
    verdict_close(&late);
    pair_end(&old, &new);
}

Test(verdict, memory_that_could_be_made_shorter_is_refused) {
    struct verdict verdict;
    cr_assert_lt(verdict_open(&verdict, memfd_create("loose", MFD_CLOEXEC), 1), 0);
    cr_assert_eq(verdict.fd, -1);
    cr_assert_lt(verdict_open(&verdict, open("/dev/null", O_RDWR), 1), 0);
}

static void *take(void *argument) {
    return verdict_take(argument) ? argument : NULL;
}

Test(verdict, two_at_a_time_agree) {
    enum { ROUNDS = 2000 };
    for (int round = 0; round < ROUNDS; round++) {
        struct verdict old, new;
        pthread_t thread;
        void *taken;
        pair_make(&old, &new);
        verdict_pause(&old);
        cr_assert_eq(pthread_create(&thread, NULL, take, &new), 0);
        bool kept = verdict_keep(&old);
        pthread_join(thread, &taken);
        cr_assert_neq(kept, taken != NULL);
        pair_end(&old, &new);
    }
}
