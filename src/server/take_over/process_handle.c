/* SPDX-License-Identifier: MIT
 *
 * process_handle: asks the kernel, whose answer stays true when the number belongs to somebody else. See process_handle.h.
 */
#include "process_handle.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "riposte/clock.h"

int process_handle_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0); /* close-on-exec as it comes (pidfd_open(2)) */
    return fd < 0 ? -errno : (int)fd;
}

bool process_handle_ended(int handle, int timeout_ms) {
    struct pollfd waiting = {.fd = handle, .events = POLLIN};
    uint64_t end_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * CLOCK_NS_PER_MS;
    if (handle < 0) {
        return handle == -ESRCH;
    }
    int ready = poll(&waiting, 1, timeout_ms);
    while (ready < 0 && errno == EINTR) {
        uint64_t now_ns = clock_monotonic_ns();
        ready = poll(&waiting, 1, now_ns < end_ns ? (int)((end_ns - now_ns) / CLOCK_NS_PER_MS) : 0);
    }
    return ready > 0 && (waiting.revents & POLLIN) != 0;
}
