/* SPDX-License-Identifier: MIT
 *
 * tally: see tally.h.
 */
#include "tally.h"

#include <string.h>

static void usage_add(struct tally_usage *target, const struct tally_usage *source) {
    target->elapsed_ns += source->elapsed_ns;
    target->user_ns += source->user_ns;
    target->system_ns += source->system_ns;
    target->idle_ns += source->idle_ns;
    target->preemptions += source->preemptions;
}

/* Both lines end in NUL and have the same room. */
static void line_keep_first(char *target, const char *source) {
    if (target[0] == '\0') {
        memcpy(target, source, CHECKER_LINE_SIZE_MAX);
    }
}

void tally_merge(struct tally *target, const struct tally *source) {
    histogram_merge(&target->latency, &source->latency);
    histogram_merge(&target->lateness, &source->lateness);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        target->outcomes[i] += source->outcomes[i];
    }
    target->replies_in_window += source->replies_in_window;
    target->bytes_received += source->bytes_received;
    target->bytes_sent += source->bytes_sent;
    target->connects += source->connects;
    target->unsent += source->unsent;
    target->buffers_empty += source->buffers_empty;
    target->window_ns = source->window_ns > target->window_ns ? source->window_ns : target->window_ns;
    usage_add(&target->usage, &source->usage);
    if (source->busy_share_max > target->busy_share_max) {
        target->busy_share_max = source->busy_share_max;
    }
    line_keep_first(target->error_line, source->error_line);
    line_keep_first(target->wrong_sample, source->wrong_sample);
}

uint64_t tally_wrong(const struct tally *tally) {
    return tally->outcomes[OUTCOME_WRONG_KIND] + tally->outcomes[OUTCOME_WRONG_KEY] +
           tally->outcomes[OUTCOME_WRONG_LENGTH] + tally->outcomes[OUTCOME_WRONG_VALUE];
}

uint64_t tally_faults(const struct tally *tally) {
    return tally->outcomes[OUTCOME_ERROR] + tally_wrong(tally);
}
