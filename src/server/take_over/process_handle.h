/* SPDX-License-Identifier: MIT
 *
 * process_handle: another process, of which is to be known for certain whether it has ended (pidfd_open(2), Linux 5.3). Any thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_PROCESS_HANDLE_H
#define RIPOSTE_SERVER_TAKE_OVER_PROCESS_HANDLE_H

#include <stdbool.h>
#include <sys/types.h>

/* The descriptor, close-on-exec, to be closed; or -errno: -ESRCH: there is none; -ENOSYS, -EPERM: the system, or a sandbox, has no such call. */
int process_handle_open(pid_t pid);

/* `handle`: what process_handle_open has said. True: it has ended, or does so within timeout_ms. False: it has not, or nobody knows. */
bool process_handle_ended(int handle, int timeout_ms);

#endif
