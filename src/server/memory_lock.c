/* SPDX-License-Identifier: MIT */
#include "memory_lock.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef RIPOSTE_SYSTEM_ALLOCATOR
#include <mimalloc.h>
#endif

#include "riposte/log.h"

/* Raised to unlimited where the process may; true when that is what holds now. */
static bool lock_limit_lift(struct rlimit *limit) {
    struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) {
        return true;
    }
    return getrlimit(RLIMIT_MEMLOCK, limit) == 0 && limit->rlim_cur == RLIM_INFINITY;
}

void memory_lock(bool stays_root) {
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

#ifdef RIPOSTE_SYSTEM_ALLOCATOR

void memory_use_large_pages(void) {
    log_line(LOG_LEVEL_WARNING, "-L has no effect: this build uses the system's allocator");
}

#else

void memory_use_large_pages(void) {
    mi_option_enable(mi_option_large_os_pages);
}

#endif
