/* SPDX-License-Identifier: MIT
 *
 * exit_code: what riposte-load exits with; a struct failure carries one of the last three.
 */
#ifndef LOAD_EXIT_CODE_H
#define LOAD_EXIT_CODE_H

enum exit_code {
    EXIT_CODE_CLEAN = 0,       /* measured, every reply was right (misses are no fault) */
    EXIT_CODE_REPLIES = 1,     /* measured, but there were error replies or wrong replies */
    EXIT_CODE_ENDED_EARLY = 2, /* the server was dead, stalled, or sent what is no reply: given up */
    EXIT_CODE_USAGE = 64,      /* EX_USAGE */
    EXIT_CODE_SYSTEM = 71,     /* EX_OSERR: no io_uring, too few descriptors, no memory */
};

#endif
