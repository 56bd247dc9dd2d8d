/* SPDX-License-Identifier: MIT
 *
 * deadline: a time on the monotonic clock. It ends the program by abort(3), which a Criterion test and a plain program
 * report alike, and which a thread that is not the test's own may call.
 */
#include "deadline.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "riposte/clock.h"

enum {
    LIMIT_S = 20,
    STEP_US = 100,
};

struct deadline deadline_of(const char *what) {
    return (struct deadline){.what = what, .end_ns = clock_monotonic_ns() + LIMIT_S * CLOCK_NS_PER_S};
}

void deadline_wait(const struct deadline *deadline) {
    if (clock_monotonic_ns() >= deadline->end_ns) {
        fprintf(stderr, "not within %d s: %s\n", LIMIT_S, deadline->what);
        abort();
    }
    const struct timespec step = {.tv_nsec = STEP_US * CLOCK_NS_PER_US};
    nanosleep(&step, NULL); /* a signal only makes it shorter */
}
