/* SPDX-License-Identifier: MIT
 *
 * tie: compares what was waited in a window with its bound, and counts rests.
 */
#include "tie.h"

#include "riposte/clock.h"

static uint64_t ns_of_ms(uint64_t ms) {
    return ms * CLOCK_NS_PER_MS;
}

void tie_init(struct tie *tie, uint64_t now_ns, const struct run_delay *seen) {
    *tie = (struct tie){.rest_ms = TIE_REST_MS_MIN, .changed_ns = now_ns, .window_ns = now_ns, .seen = *seen};
}

/* What of the window was waited, less what is usual. Two looks that come in the wrong order have seen nothing. */
static uint64_t tie_waited_ns(const struct tie *tie, const struct run_delay *seen) {
    uint64_t waited_ns = seen->waited_ns > tie->seen.waited_ns ? seen->waited_ns - tie->seen.waited_ns : 0;
    uint64_t runs = seen->runs_count > tie->seen.runs_count ? seen->runs_count - tie->seen.runs_count : 0;
    uint64_t usual_ns = runs * TIE_FREE_WAIT_NS;
    return waited_ns > usual_ns ? waited_ns - usual_ns : 0;
}

static enum tie_advice tie_let_go(struct tie *tie, uint64_t now_ns) {
    bool in_vain = tie->is_trial && now_ns - tie->changed_ns < ns_of_ms(tie->rest_ms);
    uint32_t twice_ms = tie->rest_ms < TIE_REST_MS_MAX / 2 ? tie->rest_ms * 2 : TIE_REST_MS_MAX;
    tie->rest_ms = in_vain ? twice_ms : TIE_REST_MS_MIN;
    tie->is_loose = true;
    tie->changed_ns = now_ns;
    return TIE_LET_GO;
}

static enum tie_advice tie_again(struct tie *tie, uint64_t now_ns) {
    tie->is_loose = false;
    tie->is_trial = true;
    tie->changed_ns = now_ns;
    return TIE_AGAIN;
}

enum tie_advice tie_judge(struct tie *tie, uint64_t now_ns, const struct run_delay *seen) {
    const uint64_t window_ns = ns_of_ms(TIE_WINDOW_MS);
    uint64_t passed_ns = now_ns - tie->window_ns;
    /* A worker that had nothing to do was not looked at: the same share of a longer window. */
    uint64_t bound_ns = ns_of_ms(TIE_WAIT_MS_MAX);
    bound_ns = passed_ns > window_ns ? passed_ns / window_ns * bound_ns : bound_ns;
    bool is_busy = tie_waited_ns(tie, seen) >= bound_ns;
    if (passed_ns < window_ns && !is_busy) {
        return TIE_STAY;
    }
    tie->window_ns = now_ns;
    tie->seen = *seen;
    if (is_busy) {
        return tie->is_loose ? TIE_STAY : tie_let_go(tie, now_ns);
    }
    bool has_rested = now_ns - tie->changed_ns >= ns_of_ms(tie->rest_ms);
    return tie->is_loose && has_rested ? tie_again(tie, now_ns) : TIE_STAY;
}
