/* SPDX-License-Identifier: MIT
 *
 * resources: limits, standard files, and how memory behaves. See resources.h.
 */
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/log.h"
#include "stack.h"

enum {
    DESCRIPTORS_OF_PROCESS = 32, /* standard files, libraries, a margin */
    STACK_ROUND = 64 * 1024,     /* so that the next start, whose stack begins elsewhere, finds enough */
    DESCRIPTORS_OF_WORKER = 5,   /* ring or epoll instance, wake-up, one spare to refuse with, schedstat */
};

bool resources_raise_stack(const void *frame, struct failure *failure) {
    size_t used = stack_used(frame), needed = used + STACK_MAIN_SIZE;
    struct rlimit current;
    if (getrlimit(RLIMIT_STACK, &current) < 0 || current.rlim_cur >= needed) {
        return true;
    }
    struct rlimit wanted = {.rlim_cur = needed,
                            .rlim_max = current.rlim_max > needed ? current.rlim_max : needed};
    if (setrlimit(RLIMIT_STACK, &wanted) == 0) {
        return true;
    }
    size_t kib = (needed + STACK_ROUND - 1) / STACK_ROUND * STACK_ROUND / 1024;
    return failure_set(
        failure, EX_OSERR,
        "the stack is limited to %ju KiB, %zu are needed (%zu for command line and environment): "
        "raise it (ulimit -s %zu; systemd: LimitSTACK=%zuK; Docker: --ulimit stack=%zu)",
        (uintmax_t)current.rlim_cur / 1024, kib, used / 1024, kib, kib, kib * 1024);
}

uint64_t resources_descriptors_needed(uint32_t connections_max, uint32_t workers_count,
                                      uint32_t addresses_count) {
    uint64_t of_workers = (uint64_t)workers_count * (DESCRIPTORS_OF_WORKER + addresses_count);
    return connections_max + of_workers + DESCRIPTORS_OF_PROCESS;
}

/* The hard limit may be raised with CAP_SYS_RESOURCE only; below the need it costs nothing to try. */
static bool descriptors_set(const struct rlimit *current, uint64_t count) {
    struct rlimit wanted = {.rlim_cur = count,
                            .rlim_max = current->rlim_max > count ? current->rlim_max : count};
    return setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

bool resources_raise_descriptors(uint64_t needed, uint32_t *connections_max, bool may_lower, uint64_t *limit,
                                 struct failure *failure) {
    struct rlimit current;
    if (getrlimit(RLIMIT_NOFILE, &current) < 0) {
        return failure_set(failure, EX_OSERR, "the descriptor limit cannot be read: %s", strerror(errno));
    }
    *limit = current.rlim_cur;
    if (current.rlim_cur >= needed) {
        return true;
    }
    *limit = needed;
    if (descriptors_set(&current, needed)) {
        return true;
    }
    uint64_t others = needed - *connections_max;
    uint64_t possible = current.rlim_max > others ? current.rlim_max - others : 0;
    if (may_lower && possible > 0 && descriptors_set(&current, current.rlim_max)) {
        log_line(LOG_LEVEL_WARNING,
                 "-c is lowered from %" PRIu32 " to %" PRIu64 ": the hard limit of descriptors is %" PRIu64
                 " (systemd: LimitNOFILE=%" PRIu64 "; Docker: --ulimit nofile=%" PRIu64 ")",
                 *connections_max, possible, (uint64_t)current.rlim_max, needed, needed);
        *limit = current.rlim_max;
        *connections_max = (uint32_t)possible;
        return true;
    }
    char or_less[48] = "";
    if (possible > 0) {
        snprintf(or_less, sizeof(or_less), " or take -c %" PRIu64, possible);
    }
    return failure_set(failure, EX_OSERR,
                       "-c %" PRIu32 " needs %" PRIu64 " descriptors, the hard limit is %" PRIu64
                       ": raise it (systemd: LimitNOFILE=%" PRIu64 "; Docker: --ulimit nofile=%" PRIu64 ")%s",
                       *connections_max, needed, (uint64_t)current.rlim_max, needed, needed, or_less);
}

void resources_raise_descriptors_further(uint64_t wanted, uint64_t *limit) {
    struct rlimit current;
    if (getrlimit(RLIMIT_NOFILE, &current) < 0) {
        return;
    }
    uint64_t possible = wanted < current.rlim_max ? wanted : current.rlim_max;
    if (possible > current.rlim_cur && descriptors_set(&current, possible)) {
        *limit = possible;
    }
}

bool resources_allow_core_files(struct failure *failure) {
    struct rlimit current;
    struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &unlimited) == 0) {
        return true;
    }
    if (getrlimit(RLIMIT_CORE, &current) == 0 && current.rlim_max > 0) {
        current.rlim_cur = current.rlim_max;
        if (setrlimit(RLIMIT_CORE, &current) == 0) {
            return true;
        }
    }
    return failure_set(failure, EX_OSERR, "-r: core files are not allowed here, the hard limit is 0");
}

bool resources_open_standard_files(struct failure *failure) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest number that is free. */
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return failure_set(failure, EX_OSERR,
                               "descriptor %d is closed, and /dev/null cannot take its place: %s; start with "
                               "descriptors 0, 1 and 2, or mount /dev",
                               fd, strerror(errno));
        }
    }
    return true;
}

/* --- memory -----------------------------------------------------------------------------------------------
 */

/* Raised to unlimited where the process may; true when that is what holds now. */
static bool lock_limit_lift(struct rlimit *limit) {
    struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) {
        return true;
    }
    return getrlimit(RLIMIT_MEMLOCK, limit) == 0 && limit->rlim_cur == RLIM_INFINITY;
}

void resources_lock_memory(bool stays_root) {
    struct rlimit limit = {0};
    if (!lock_limit_lift(&limit) && !stays_root) {
        /* MCL_FUTURE would make every allocation above the limit fail. */
        log_line(LOG_LEVEL_WARNING,
                 "-k has no effect: RLIMIT_MEMLOCK is %juk; LimitMEMLOCK=infinity (systemd), --ulimit "
                 "memlock=-1 (Docker)",
                 (uintmax_t)limit.rlim_cur / 1024);
        return;
    }
    /*
     * ONFAULT (Linux 4.4): a page is locked when it is first used, so that the reserve of a stack or a heap
     * costs nothing.
     */
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0) {
        log_line(LOG_LEVEL_WARNING, "-k has no effect: memory cannot be locked: %s", strerror(errno));
    }
}
