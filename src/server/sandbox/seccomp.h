/* SPDX-License-Identifier: MIT
 *
 * seccomp: which system calls this process may still make (seccomp(2)). Others answer EPERM: what a library tries in vain costs
 * nothing but that.
 *
 * What it costs: some 40 ns for each system call, whatever the list, for the kernel's longer way in (6.18, one virtual machine;
 * what is allowed whatever its arguments has a bit of its own since 5.11, and only rare calls are looked at more closely). With 64
 * connections a ring makes 0.08 calls for each small get, epoll 1.6. What happens inside a ring is no system call: the ring has a list of its own
 * (restrict_rings of struct engine_config).
 */
#ifndef RIPOSTE_SERVER_SANDBOX_SECCOMP_H
#define RIPOSTE_SERVER_SANDBOX_SECCOMP_H

/*
 * All threads of the process, those that it will start included, have what a running server needs: no program can be started,
 * no socket made, no connection opened, no ring made, no thread started, no memory made executable. 0, or a negative errno:
 * -EINVAL and -ENOSYS where the kernel has no filters. The process has no_new_privs. Once; main thread.
 */
int seccomp_restrict(void);

#endif
