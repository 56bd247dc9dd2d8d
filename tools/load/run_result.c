/* SPDX-License-Identifier: MIT
 *
 * run_result: what follows from the results of a run. See run.h.
 */
#include <stdlib.h>

#include "run.h"

void run_result_deinit(struct run_result *result) {
    free(result->steps);
    result->steps = NULL;
    result->steps_count = 0;
}

bool step_kept_up(const struct step_result *step) {
    const struct tally *tally = &step->tally;
    double answered =
        (double)tally->replies_in_window * 1e9 / (double)(tally->window_ns + (tally->window_ns == 0));
    /*
     * A Poisson load of n requests differs from its mean by about sqrt(n): ten percent is far outside for any
     * n worth measuring.
     */
    return step->rate_per_s == 0 || answered >= 0.9 * (double)step->rate_per_s;
}

enum exit_code run_exit_code(const struct run_result *result) {
    if (failure_happened(&result->failure)) {
        return result->failure.code;
    }
    for (unsigned i = 0; i < result->steps_count; i++) {
        if (tally_faults(&result->steps[i].tally) > 0) {
            return EXIT_CODE_REPLIES;
        }
    }
    return EXIT_CODE_CLEAN;
}
