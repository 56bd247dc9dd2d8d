/* SPDX-License-Identifier: MIT
 *
 * victim: one number of /proc. See victim.h.
 */
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "capabilities.h"

static int score_open(void) {
    return open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
}

static int score_write(int fd, const char *text, size_t size) {
    ssize_t written = write(fd, text, size);
    return written == (ssize_t)size ? 0 : written < 0 ? -errno : -EIO;
}

/*
 * Who raises it with the right to lower it (CAP_SYS_RESOURCE) makes what is raised the least that it may have without: and without it will
 * be, in its sandbox. So it is raised without.
 */
static bool score_raise(int fd) {
    static const char most[] = "1000";
    struct capabilities before;
    if (!capabilities_suspend_resource(&before)) {
        return false;
    }
    bool raised = score_write(fd, most, sizeof(most) - 1) == 0;
    capabilities_resume(&before);
    return raised;
}

void victim_offer(struct victim *victim) {
    int fd = score_open();
    *victim = (struct victim){.fd = -1};
    if (fd < 0) {
        return;
    }
    ssize_t size = read(fd, victim->before, sizeof(victim->before));
    if (size > 0 && score_raise(fd)) {
        victim->before_size = (size_t)size;
    }
    close(fd);
}

void victim_spare(const struct victim *victim) {
    int fd = victim->before_size == 0 ? -1 : score_open();
    if (fd >= 0) {
        (void)score_write(fd, victim->before, victim->before_size); /* it is no worse then */
        close(fd);
    }
}

int victim_hold(struct victim *victim) {
    if (victim->before_size == 0) {
        return 0;
    }
    victim->fd = score_open();
    return victim->fd < 0 ? -errno : 0;
}

int victim_end(struct victim *victim) {
    if (victim->before_size == 0) {
        return 0;
    }
    int result = score_write(victim->fd, victim->before, victim->before_size);
    close(victim->fd);
    *victim = (struct victim){.fd = -1};
    return result;
}
