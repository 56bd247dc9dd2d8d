/* SPDX-License-Identifier: MIT
 *
 * capabilities: what a process gives away and can never have again. One thread only: capabilities belong to threads (capabilities(7)).
 */
#ifndef RIPOSTE_SERVER_CAPABILITIES_H
#define RIPOSTE_SERVER_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * No program that this process starts, should it ever be made to, gets rights from its file (setuid bits, file
 * capabilities). Always.
 */
void capabilities_set_no_new_privs(void);

/*
 * Before the user changes: no capability can come back. Without CAP_SETPCAP the kernel refuses; capabilities_set_no_new_privs holds all
 * the same.
 */
void capabilities_clear_bounding_set(void);

/* What the calling thread has, a bit each. */
struct capabilities {
    uint64_t effective, permitted, inheritable;
};

/* Without CAP_SYS_RESOURCE until capabilities_resume. False where that cannot be: nothing has changed. */
bool capabilities_suspend_resource(struct capabilities *before);
void capabilities_resume(const struct capabilities *before);

/* Gives every capability away. False, with errno set, when that failed. */
bool capabilities_drop(void);

/* Gives all away but that of locking memory, where it is there: for the calling thread, and those that it starts from then on. */
void capabilities_keep_memory_lock(void);

/* Gives all away but those that removing files from anybody's folder takes. As root. */
void capabilities_keep_file_removal(void);

#endif
