/* SPDX-License-Identifier: MIT
 *
 * counts: adds up what threads counted, and says what follows from it.
 */
#include "counts.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "riposte/bytes.h"
#include "riposte/clock.h"

static uint64_t time_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * CLOCK_NS_PER_S + (uint64_t)time.tv_usec * CLOCK_NS_PER_US;
}

/* "123 456 7": in nanoseconds what it ran, and what it was ready to run and had no CPU; how often it ran (proc(5)). */
static uint64_t wait_ns_read(void) {
    char text[128] = "";
    uint64_t wait_ns = 0;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    const char *wait = text + strcspn(text, " ") + 1;
    return size > 0 && wait < text + size && bytes_parse_u64(bytes_of(wait, strcspn(wait, " ")), &wait_ns)
               ? wait_ns
               : 0;
}

struct counts_usage counts_usage_read(void) {
    struct rusage usage;
    int status = getrusage(RUSAGE_THREAD, &usage);
    assert(status == 0); /* fails only for a bad argument (getrusage(2)) */
    (void)status;
    return (struct counts_usage){
        .user_ns = time_ns(usage.ru_utime),
        .system_ns = time_ns(usage.ru_stime),
        .preemptions = (uint64_t)usage.ru_nivcsw,
        .wait_ns = wait_ns_read(),
    };
}

static void usage_add(struct counts_usage *target, const struct counts_usage *source) {
    target->elapsed_ns += source->elapsed_ns;
    target->user_ns += source->user_ns;
    target->system_ns += source->system_ns;
    target->idle_ns += source->idle_ns;
    target->preemptions += source->preemptions;
    target->wait_ns += source->wait_ns;
}

/* Both lines end in NUL and have the same room. */
static void line_keep_first(char *target, const char *source) {
    if (target[0] == '\0') {
        memcpy(target, source, CHECKER_LINE_SIZE_MAX);
    }
}

void counts_merge(struct counts *target, const struct counts *source) {
    histogram_merge(&target->latency, &source->latency);
    histogram_merge(&target->lateness, &source->lateness);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        target->outcomes[i] += source->outcomes[i];
    }
    target->replies_in_window += source->replies_in_window;
    target->bytes_received += source->bytes_received;
    target->bytes_sent += source->bytes_sent;
    target->connects += source->connects;
    target->resumed += source->resumed;
    target->unsent += source->unsent;
    target->buffers_empty += source->buffers_empty;
    target->window_ns = source->window_ns > target->window_ns ? source->window_ns : target->window_ns;
    usage_add(&target->usage, &source->usage);
    if (source->busy_share_max > target->busy_share_max) {
        target->busy_share_max = source->busy_share_max;
    }
    if (target->tls_suite[0] == '\0') {
        memcpy(target->tls_suite, source->tls_suite, sizeof(target->tls_suite));
    }
    line_keep_first(target->error_line, source->error_line);
    line_keep_first(target->wrong_sample, source->wrong_sample);
}

uint64_t counts_wrong(const struct counts *counts) {
    return counts->outcomes[OUTCOME_WRONG_KIND] + counts->outcomes[OUTCOME_WRONG_KEY] +
           counts->outcomes[OUTCOME_WRONG_LENGTH] + counts->outcomes[OUTCOME_WRONG_VALUE];
}

uint64_t counts_faults(const struct counts *counts) {
    return counts->outcomes[OUTCOME_ERROR] + counts_wrong(counts);
}

void run_result_deinit(struct run_result *result) {
    free(result->steps);
    result->steps = NULL;
    result->steps_count = 0;
}

bool step_kept_up(const struct step_result *step) {
    const struct counts *counts = &step->counts;
    double answered =
        (double)counts->replies_in_window * 1e9 / (double)(counts->window_ns + (counts->window_ns == 0));
    /*
     * A Poisson load of n requests differs from its mean by about sqrt(n): ten percent is far outside for any
     * n worth measuring.
     */
    return step->rate_per_s == 0 || answered >= 0.9 * (double)step->rate_per_s;
}

enum exit_code run_exit_code(const struct run_result *result) {
    if (failure_happened(&result->failure)) {
        return (enum exit_code)result->failure.exit_status;
    }
    for (unsigned i = 0; i < result->steps_count; i++) {
        if (counts_faults(&result->steps[i].counts) > 0) {
            return EXIT_CODE_REPLIES;
        }
    }
    return EXIT_CODE_CLEAN;
}
