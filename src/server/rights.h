/* SPDX-License-Identifier: MIT
 *
 * rights: what a process may never have again. One thread only: capabilities belong to threads (capabilities(7)).
 */
#ifndef RIPOSTE_SERVER_RIGHTS_H
#define RIPOSTE_SERVER_RIGHTS_H

#include <stdbool.h>

/*
 * No program that this process starts, should it ever be made to, gets rights from its file (setuid bits, file
 * capabilities). Always.
 */
void rights_never_more(void);

/*
 * Before the user changes: no capability can come back. Without CAP_SETPCAP the kernel refuses; rights_never_more holds all
 * the same.
 */
void rights_bound(void);

/* Gives every capability away. False, with errno set, when that failed. */
bool rights_give_away(void);

/* Gives all away but that of locking memory, where it is there: for the calling thread, and those that it starts from then on. */
void rights_keep_to_lock_memory(void);

/* Gives all away but those that removing files from anybody's folder takes. As root. */
void rights_keep_to_remove_files(void);

#endif
