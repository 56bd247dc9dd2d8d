/* SPDX-License-Identifier: MIT
 *
 * notify: what the service manager is told, as sd_notify(3) does it and without its library: a datagram of lines NAME=value
 * to the Unix socket that NOTIFY_SOCKET names ("/path", or "@name" of one without a file).
 *
 * Main thread only. A message that does not leave within a second is lost; nothing hangs on one.
 */
#ifndef RIPOSTE_SERVER_NOTIFY_H
#define RIPOSTE_SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum { NOTIFY_TEXT_SIZE_MAX = 256 };

struct notify {
    int fd;               /* owned, connected; -1: nobody wants to hear */
    uint64_t watchdog_us; /* WATCHDOG_USEC: a sign of life is missed after so long; 0: none is wanted */
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are gone from the environment afterwards, so that no program
 * started later speaks in this one's name. A socket that cannot be reached costs a warning.
 */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

static inline bool notify_is_open(const struct notify *notify) {
    return notify->fd >= 0;
}

/* One message; `format` makes its lines, of at most NOTIFY_TEXT_SIZE_MAX bytes. Nothing where nobody wants to hear. */
void notify_send(const struct notify *notify, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
