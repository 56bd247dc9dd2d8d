/* SPDX-License-Identifier: MIT
 *
 * allocator: the options of mimalloc. See allocator.h.
 */
#include "allocator.h"

#ifdef RIPOSTE_SYSTEM_ALLOCATOR

#include "riposte/log.h"

void allocator_use_large_pages(void) {
    log_line(LOG_LEVEL_WARNING, "-L has no effect: this build uses the system's allocator");
}

void allocator_return_soon(bool soon) {
    (void)soon;
}

#else

#include <mimalloc.h>

/* mimalloc 2.1 has changed the names of both, not what they do. */
#if MI_MALLOC_VERSION < 210
enum { PURGE_DELAY = mi_option_decommit_delay, PURGE_EXTEND_DELAY = mi_option_decommit_extend_delay };
#else
enum { PURGE_DELAY = mi_option_purge_delay, PURGE_EXTEND_DELAY = mi_option_purge_extend_delay };
#endif

enum {
    ALLOCATOR_KEEPS_MS = 25, /* mimalloc 2.0's own */
    ALLOCATOR_KEEPS_SOON_MS = 1,
    /* Each further free puts it off by so much: under load for ever. */
    ALLOCATOR_EXTENDS_MS = 1,
    ALLOCATOR_EXTENDS_SOON_MS = 0,
};

void allocator_use_large_pages(void) {
    mi_option_enable(mi_option_large_os_pages);
}

void allocator_return_soon(bool soon) {
    mi_option_set((mi_option_t)PURGE_DELAY, soon ? ALLOCATOR_KEEPS_SOON_MS : ALLOCATOR_KEEPS_MS);
    mi_option_set((mi_option_t)PURGE_EXTEND_DELAY, soon ? ALLOCATOR_EXTENDS_SOON_MS : ALLOCATOR_EXTENDS_MS);
}

#endif
