/* SPDX-License-Identifier: MIT
 *
 * sandbox: --sandbox: what a server that serves has no use for, it gives up before it is ready.
 *
 *      no_new_privs      always (capabilities.h)
 *      capabilities      none but locking memory, which -k and rings of root may need
 *      Landlock          the files that flags name, and what the kernel tells of the machine (landlock.h): before the workers
 *      rings             the operations that the engine uses (restrict_rings of struct engine_config)
 *      seccomp           the calls of a running server (seccomp.h): after the workers have started
 *
 * Main thread only.
 */
#ifndef RIPOSTE_SERVER_SANDBOX_H
#define RIPOSTE_SERVER_SANDBOX_H

#include <stdbool.h>

#include "failure.h"
#include "listen.h"
#include "options_table.h"
#include "socket_files.h"

/* The values of --sandbox, in the order of its words. */
enum sandbox_wanted {
    SANDBOX_AUTO, /* as much as the kernel has; what it lacks is said in a line. None in builds with a sanitizer */
    SANDBOX_ON, /* all of it, or the start fails */
    SANDBOX_OFF,
};

/* Whether any of it is wanted, by this build of the program. */
bool sandbox_wanted(const struct options *options);

/* Before other threads of the server exist, after everything was opened that is opened once. False and *failure: EX_UNAVAILABLE,
 * only with --sandbox=on, and then also where the kernel refuses what sandbox_close_calls asks for: a child has tried. */
bool sandbox_close_files(const struct options *options, const struct listen_list *list,
                         const struct socket_files *dropped, struct failure *failure);

/* After the workers have started. As above; what is left to fail is memory of the kernel. */
bool sandbox_close_calls(const struct options *options, struct failure *failure);

/* What the kernel said to one who shut itself in: 0, or a negative errno. */
struct sandbox_trial {
    int landlock_result;
    int calls_result;
};

/*
 * Tries both in a child, which ends at once: nothing is given up here. -EAGAIN or -ENOMEM where no child can be had. Before
 * there are other threads.
 */
struct sandbox_trial sandbox_try(void);

#endif
