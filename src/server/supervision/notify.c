/* SPDX-License-Identifier: MIT
 *
 * notify: a connected datagram socket, and what the environment says about it.
 */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "riposte/bytes.h"
#include "riposte/log.h"

enum { NOTIFY_SEND_TIMEOUT_S = 1 };

/* A day: whoever waits longer gets a sign of life each day. */
#define WATCHDOG_US_MAX (UINT64_C(86400) * 1000000)

/* 0 where `text` is neither a path nor a name, or does not fit. */
static socklen_t notify_address(const char *text, struct sockaddr_un *address) {
    size_t size = strlen(text);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || size >= sizeof(address->sun_path)) {
        return 0;
    }
    memcpy(address->sun_path, text, size);
    if (text[0] == '@') {
        address->sun_path[0] = '\0'; /* unix(7): an abstract name; its size says where it ends */
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

/* A socket that is connected there; a negative errno. */
static int notify_connect(const char *text) {
    struct sockaddr_un address;
    socklen_t size = notify_address(text, &address);
    if (size == 0) {
        return -EAFNOSUPPORT;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    const struct timeval timeout = {.tv_sec = NOTIFY_SEND_TIMEOUT_S};
    if (connect(fd, (const struct sockaddr *)&address, size) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* sd_watchdog_enabled(3): a watchdog for another process is none. */
static uint64_t watchdog_us(void) {
    const char *text = getenv("WATCHDOG_USEC");
    const char *pid_text = getenv("WATCHDOG_PID");
    uint64_t us;
    uint64_t pid;
    if (text == NULL || !bytes_parse_u64(bytes_from_string(text), &us)) {
        return 0;
    }
    bool is_ours =
        pid_text == NULL || (bytes_parse_u64(bytes_from_string(pid_text), &pid) && pid == (uint64_t)getpid());
    if (!is_ours) {
        return 0;
    }
    return us < WATCHDOG_US_MAX ? us : WATCHDOG_US_MAX;
}

void notify_open(struct notify *notify) {
    const char *text = getenv("NOTIFY_SOCKET");
    *notify = (struct notify){.fd = -1};
    if (text != NULL) {
        int fd = notify_connect(text);
        if (fd < 0) {
            log_line(LOG_LEVEL_WARNING,
                     "NOTIFY_SOCKET=%s cannot be used: %s; the service manager is told nothing", text,
                     strerror(-fd));
        }
        notify->fd = fd < 0 ? -1 : fd;
        notify->watchdog_us = fd < 0 ? 0 : watchdog_us();
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify) {
    if (notify->fd >= 0) {
        close(notify->fd);
    }
    notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *format, ...) {
    char text[NOTIFY_TEXT_SIZE_MAX];
    va_list arguments;
    if (notify->fd < 0) {
        return;
    }
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size > 0 && size < (int)sizeof(text)) {
        /* NOSIGNAL: a manager that is gone is EPIPE. */
        ssize_t sent = send(notify->fd, text, (size_t)size, MSG_NOSIGNAL);
        (void)sent; /* a manager that is gone or busy for long has missed it */
    }
}
