/* SPDX-License-Identifier: MIT
 *
 * memory_lock: -k and -L, how the process's memory behaves. Main thread, before others exist and while rights
 * last.
 */
#ifndef RIPOSTE_SERVER_MEMORY_LOCK_H
#define RIPOSTE_SERVER_MEMORY_LOCK_H

#include <stdbool.h>

/*
 * Keeps all memory, present and future, from being paged out; a warning where the system refuses. stays_root:
 * the process keeps the rights that lift RLIMIT_MEMLOCK for it.
 */
void memory_lock(bool stays_root);

/* Lets the allocator ask for large pages; it falls back to ordinary ones by itself. */
void memory_use_large_pages(void);

#endif
