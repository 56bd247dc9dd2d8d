/* SPDX-License-Identifier: MIT
 *
 * landlock: which files this process may still open, by the system calls of landlock(7) themselves (Linux 5.13).
 *
 * What is not listed can neither be read, written, made, removed nor run; where the kernel knows of it (6.12), no process outside
 * gets a signal. What is open already stays open. It holds for the calling thread and those that it starts from then on, for
 * ever. Nothing is said of TCP: whoever can make no socket (seccomp.h) connects nowhere, and some kernels (6.7 to 6.18) with such
 * rules refuse the short address with which close.c ends a connection.
 */
#ifndef RIPOSTE_SERVER_SANDBOX_LANDLOCK_H
#define RIPOSTE_SERVER_SANDBOX_LANDLOCK_H

/* Bits of what may be done with the files in a folder and in those below, or with a single file. */
enum landlock_may {
    LANDLOCK_MAY_READ = 1 << 0,   /* open for reading */
    LANDLOCK_MAY_LIST = 1 << 1,   /* list the folder */
    LANDLOCK_MAY_WRITE = 1 << 2,  /* open for writing what is there */
    LANDLOCK_MAY_MAKE = 1 << 3,   /* make ordinary files */
    LANDLOCK_MAY_REMOVE = 1 << 4, /* remove files */
};

/* A set of rules without any, or a negative errno: -ENOSYS and -EOPNOTSUPP where the kernel has no Landlock. */
int landlock_open(void);

/*
 * Adds a folder or a file; `may` has bits of enum landlock_may. What does not exist now stays out of reach. 0 or a negative errno.
 */
int landlock_allow(int rules, const char *path, unsigned may);

/* The folder that a file is in: for one that is made, replaced by another of its name, or removed while the process runs. */
int landlock_allow_folder_of(int rules, const char *path, unsigned may);

/* Enters; `rules` is closed. The process has no_new_privs. 0 or a negative errno. */
int landlock_enter(int rules);

#endif
