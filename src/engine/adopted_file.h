/* SPDX-License-Identifier: MIT
 *
 * adopted_file: a file that a connection was being sent by another engine. Whoever opened it has stayed there, and with it what was known of
 * it: only the descriptor has come.
 *
 *      before each part   are its bytes in memory? one of each 64 KiB is read without waiting (RWF_NOWAIT, Linux 4.14)
 *                         no:  the kernel is told to bring them (POSIX_FADV_WILLNEED), and it is asked again
 *                         for a second: the part is sent, however long that takes
 *
 * The worker that sends.
 */
#ifndef RIPOSTE_ENGINE_ADOPTED_FILE_H
#define RIPOSTE_ENGINE_ADOPTED_FILE_H

#include "riposte/reply.h"

/* Takes `fd`; released, it closes it and is gone. NULL when memory ends: the descriptor stays the caller's. */
struct reply_file *adopted_file_create(int fd);

#endif
