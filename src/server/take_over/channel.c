/* SPDX-License-Identifier: MIT
 *
 * channel: packets of a Unix socket. See channel.h.
 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "riposte/clock.h"

enum { CHANNEL_BACKLOG = 4 };

static socklen_t channel_address(pid_t pid, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* The first byte stays NUL: an abstract name (unix(7)). */
    int size = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "riposte-%jd", (intmax_t)pid);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

/*
 * SIGIO to this process when there is something to do (fcntl(2), O_ASYNC): the main thread waits for signals and for nothing else. It
 * is blocked, and comes once however often it was sent.
 */
static int channel_signals(int fd) {
    return fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) < 0 ? -errno
                                                                                                      : 0;
}

static int channel_peer(int fd, struct channel_peer *peer) {
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
        return -errno;
    }
    *peer = (struct channel_peer){.pid = credentials.pid, .uid = credentials.uid};
    return 0;
}

/* From now on each message says which process has sent it: with -d it is not the one that has connected, but its child. */
static int channel_ask_senders(int fd) {
    const int yes = 1;
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0 ? -errno : 0;
}

static int channel_close_with(int fd, int result) {
    close(fd);
    return result;
}

/* SEQPACKET: messages stay whole, and the end of the other side is seen. NONBLOCK: this side serves on meanwhile. */
static int channel_socket(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* NONBLOCK: as above; who is accepted does not inherit it. */
static int channel_accept_now(int listen_fd) {
    return accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int channel_listen(void) {
    struct sockaddr_un address;
    socklen_t size = channel_address(getpid(), &address);
    int fd = channel_socket();
    if (fd < 0) {
        return -errno;
    }
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, CHANNEL_BACKLOG) < 0) {
        return channel_close_with(fd, -errno);
    }
    int result = channel_signals(fd);
    return result < 0 ? channel_close_with(fd, result) : fd;
}

int channel_accept(int listen_fd, struct channel_peer *peer) {
    int fd = channel_accept_now(listen_fd);
    if (fd < 0) {
        return -errno;
    }
    int result = channel_peer(fd, peer);
    result = result < 0 ? result : channel_ask_senders(fd);
    result = result < 0 ? result : channel_signals(fd);
    return result < 0 ? channel_close_with(fd, result) : fd;
}

/* What was queued by then is accepted yet (unix_accept, Linux 6.18), and nothing is queued any more. */
void channel_end(int listen_fd, const char *text) {
    shutdown(listen_fd, SHUT_RD);
    for (int fd; (fd = channel_accept_now(listen_fd)) >= 0; close(fd)) {
        channel_refuse(fd, text);
    }
    close(listen_fd);
}

int channel_connect(pid_t pid, struct channel_peer *peer) {
    struct sockaddr_un address;
    socklen_t size = channel_address(pid, &address);
    int fd = channel_socket();
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (struct sockaddr *)&address, size) < 0) {
        return channel_close_with(fd, -errno);
    }
    int result = channel_peer(fd, peer);
    return result < 0 ? channel_close_with(fd, result) : fd;
}

int channel_watch(int fd) {
    return channel_signals(fd);
}

bool channel_may(uid_t uid) {
    return uid == geteuid() || uid == 0;
}

/* Room for as many descriptors as a message may have, and for who has sent it, aligned. */
union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
};

/* 0: it is ready; -ETIMEDOUT. */
static int channel_wait(int fd, short events, uint64_t deadline_ns) {
    struct pollfd waiting = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        int left_ms = now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
        int ready = poll(&waiting, 1, left_ms);
        if (ready > 0) {
            return 0;
        }
        if (ready < 0 && errno != EINTR) {
            return -errno;
        }
        if (ready == 0 && left_ms == 0) {
            return -ETIMEDOUT;
        }
    }
}

static int channel_pause(uint64_t deadline_ns) {
    const struct timespec time = {.tv_nsec = CLOCK_NS_PER_MS};
    nanosleep(&time, NULL);
    return clock_monotonic_ns() < deadline_ns ? 0 : -ETIMEDOUT;
}

/* --- sending ---------------------------------------------------------------------------------------------- */

int channel_send(int fd, const struct message *message, const int *fds, unsigned fds_count,
                 uint64_t deadline_ns) {
    char bytes[MESSAGE_SIZE_MAX];
    union control control;
    struct iovec iov = {.iov_base = bytes, .iov_len = message_write(message, bytes)};
    struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
    fault_strike(message->kind, bytes, &iov.iov_len);
    if (fds_count > 0) {
        memset(&control, 0, sizeof(control));
        head.msg_control = control.bytes;
        head.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * fds_count);
        memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * fds_count);
    }
    for (;;) {
        /* NOSIGNAL: a process that is gone is EPIPE. DONTWAIT: the deadline is ours. */
        if (sendmsg(fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            fault_strike_behind(message->kind);
            return 0;
        }
        if (errno == ECONNRESET) {
            return -EPIPE; /* it went with something unread */
        }
        if (errno != EAGAIN && errno != EINTR && errno != ETOOMANYREFS) {
            return -errno;
        }
        /* As many descriptors as the process may have are on their way: the other one takes them out (unix(7)). */
        bool too_many = errno == ETOOMANYREFS;
        int result = too_many ? channel_pause(deadline_ns) : channel_wait(fd, POLLOUT, deadline_ns);
        if (result < 0) {
            return result;
        }
    }
}

void channel_refuse(int fd, const char *text) {
    struct message message = {.kind = MESSAGE_REFUSED};
    snprintf(message.refused.text, sizeof(message.refused.text), "%s", text);
    channel_send(fd, &message, NULL, 0, 0);
}

/* --- receiving -------------------------------------------------------------------------------------------- */

void channel_fds_close(struct channel_fds *fds) {
    while (fds->count > 0) {
        close(fds->fds[--fds->count]);
    }
}

static pid_t channel_sender(struct cmsghdr *credentials) {
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(credentials), sizeof(sender));
    return sender.pid;
}

/* More than MESSAGE_FDS_MAX come where nobody's credentials need the room: those are closed, and false is returned. */
static bool channel_take_fds(struct cmsghdr *rights, struct channel_fds *fds) {
    unsigned count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(rights) + i * sizeof(fd), sizeof(fd));
        if (fds->count < MESSAGE_FDS_MAX) {
            fds->fds[fds->count++] = fd;
        } else {
            close(fd);
        }
    }
    return count <= MESSAGE_FDS_MAX;
}

/* False: they are too many. */
static bool channel_take_control(struct msghdr *head, struct channel_fds *fds) {
    bool good = true;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(head); each != NULL; each = CMSG_NXTHDR(head, each)) {
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_CREDENTIALS) {
            fds->sender = channel_sender(each);
        } else if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) {
            good = channel_take_fds(each, fds) && good;
        }
    }
    return good;
}

static int channel_judge(const struct msghdr *head, struct bytes packet, unsigned fds_count,
                         struct message *message) {
    if ((head->msg_flags & MSG_CTRUNC) != 0 && fds_count < MESSAGE_FDS_MAX) {
        return -EMFILE; /* there was room for more: this process may not have them (unix(7)) */
    }
    if ((head->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return -EPROTO; /* too long, or too many */
    }
    switch (message_read(packet, message)) {
    case MESSAGE_OK:
        return 0;
    case MESSAGE_BAD:
        return -EPROTO;
    case MESSAGE_OTHER:
        return -EPROTONOSUPPORT;
    case MESSAGE_EXTRA:
        return -ENOMSG;
    }
    return -EPROTO;
}

int channel_receive(int fd, struct message *message, struct channel_fds *fds, uint64_t deadline_ns) {
    char bytes[MESSAGE_SIZE_MAX];
    union control control;
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    bool reset = false;
    fds->count = 0;
    fds->sender = 0;
    for (;;) {
        struct msghdr head = {.msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control)};
        /* CMSG_CLOEXEC: as all descriptors here. */
        ssize_t size = recvmsg(fd, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (size < 0 && errno == ECONNRESET && !reset) {
            reset =
                true; /* it went with something unread; what it had said before is still there (unix(7)) */
            continue;
        }
        if (size == 0 || (size < 0 && errno == ECONNRESET)) {
            return -EPIPE;
        }
        if (size > 0) {
            bool good = channel_take_control(&head, fds);
            int result =
                good ? channel_judge(&head, bytes_of(bytes, (size_t)size), fds->count, message) : -EPROTO;
            if (result < 0) {
                channel_fds_close(fds);
            }
            if (result == -ENOMSG) {
                continue; /* it is for others */
            }
            if (result == 0) {
                fault_strike_at(message->kind);
            }
            return result;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        if (deadline_ns == 0) {
            return -EAGAIN;
        }
        int result = channel_wait(fd, POLLIN, deadline_ns);
        if (result < 0) {
            return result;
        }
    }
}
