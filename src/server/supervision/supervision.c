/* SPDX-License-Identifier: MIT
 *
 * supervision: messages by event and by time.
 */
#include "supervision.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "riposte/clock.h"
#include "riposte/store.h"

enum {
    STATUS_INTERVAL_S = 10,
    STOP_MARGIN_MS = 5000, /* beyond the drain time: aborting, and giving memory back */
};

void supervision_open(struct supervision *supervision) {
    notify_open(&supervision->notify);
    supervision->status_next_ns = UINT64_MAX;
    supervision->watchdog_next_ns = UINT64_MAX;
}

void supervision_close(struct supervision *supervision) {
    notify_close(&supervision->notify);
}

void supervision_adopt(struct supervision *supervision, int fd, uint64_t watchdog_us) {
    notify_close(&supervision->notify);
    supervision->notify = (struct notify){.fd = fd, .watchdog_us = watchdog_us};
}

void supervision_given(struct supervision *supervision, pid_t pid) {
    notify_send(&supervision->notify, "MAINPID=%jd", (intmax_t)pid);
}

/* Half of what the manager waits for, as sd_watchdog_enabled(3) advises. */
static uint64_t watchdog_interval_ns(const struct supervision *supervision) {
    return supervision->notify.watchdog_us * CLOCK_NS_PER_US / 2;
}

void supervision_ready(struct supervision *supervision, struct engine *engine, struct store *store) {
    if (!notify_is_open(&supervision->notify)) {
        return;
    }
    uint64_t now_ns = clock_monotonic_ns();
    supervision->store = store;
    supervision->status_next_ns = now_ns;
    /* A sign of life, too: the process that this one has taken over from may have given its last a while ago. */
    notify_send(&supervision->notify,
                supervision->notify.watchdog_us > 0 ? "READY=1\nWATCHDOG=1" : "READY=1");
    watchdog_begin(&supervision->watchdog, engine);
    if (supervision->notify.watchdog_us > 0) {
        supervision->watchdog_next_ns = now_ns + watchdog_interval_ns(supervision);
    }
}

static void status_send(struct supervision *supervision) {
    char status[NOTIFY_TEXT_SIZE_MAX];
    struct store_levels levels;
    struct engine_counters sum;
    store_stats(supervision->store, &levels);
    engine_counters_sum(supervision->watchdog.engine, &sum);
    snprintf(status, sizeof(status), "STATUS=%" PRIu64 " items, %" PRIu64 " connections",
             (uint64_t)levels.items_count, counter_read(&sum.connections_current));
    if (strcmp(status, supervision->status) != 0) {
        memcpy(supervision->status, status, sizeof(status));
        notify_send(&supervision->notify, "%s", status);
    }
}

static int ms_until(uint64_t then_ns, uint64_t now_ns) {
    if (then_ns == UINT64_MAX) {
        return -1;
    }
    return then_ns <= now_ns ? 0 : (int)((then_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
}

int supervision_turn(struct supervision *supervision, uint64_t now_ns) {
    if (now_ns >= supervision->watchdog_next_ns) {
        if (watchdog_passed(&supervision->watchdog)) {
            notify_send(&supervision->notify, "WATCHDOG=1");
        }
        supervision->watchdog_next_ns = now_ns + watchdog_interval_ns(supervision);
    }
    if (now_ns >= supervision->status_next_ns) {
        status_send(supervision);
        supervision->status_next_ns = now_ns + STATUS_INTERVAL_S * CLOCK_NS_PER_S;
    }
    int watchdog_ms = ms_until(supervision->watchdog_next_ns, now_ns);
    int status_ms = ms_until(supervision->status_next_ns, now_ns);
    return watchdog_ms < 0 || (status_ms >= 0 && status_ms < watchdog_ms) ? status_ms : watchdog_ms;
}

void supervision_reloading(struct supervision *supervision) {
    /* The time lets the manager tell this reload from one before it (Type=notify-reload of systemd 253). */
    notify_send(&supervision->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                clock_monotonic_ns() / CLOCK_NS_PER_US);
}

void supervision_reloaded(struct supervision *supervision) {
    notify_send(&supervision->notify, "READY=1");
}

void supervision_stopping(struct supervision *supervision, uint32_t drain_timeout_ms) {
    uint64_t longest_us = ((uint64_t)drain_timeout_ms + STOP_MARGIN_MS) * 1000;
    notify_send(&supervision->notify, "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                longest_us);
}
