/* SPDX-License-Identifier: MIT */
#include "memory_lock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef RIPOSTE_SYSTEM_ALLOCATOR
#include <mimalloc.h>
#endif

#include "riposte/log.h"

void memory_lock(void) {
    /* Root may lift its own limit, and has to before it becomes somebody else: MCL_FUTURE would fail allocations then. */
    struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    int lifted = setrlimit(RLIMIT_MEMLOCK, &unlimited);
    (void)lifted; /* without the right the present limit has to do */

    /* ONFAULT (Linux 4.4): a page is locked when it is first used, so that the reserve of a stack or a heap costs nothing. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0) {
        log_line(LOG_WARNING, "-k has no effect: memory cannot be locked (%s); raise RLIMIT_MEMLOCK",
                 strerror(errno));
    }
}

#ifdef RIPOSTE_SYSTEM_ALLOCATOR

void memory_use_large_pages(void) {
    log_line(LOG_WARNING, "-L has no effect: this build uses the system's allocator");
}

#else

void memory_use_large_pages(void) {
    mi_option_enable(mi_option_large_os_pages);
}

#endif
