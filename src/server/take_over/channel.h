/* SPDX-License-Identifier: MIT
 *
 * channel: messages with their descriptors over the control socket, each with a limit of time.
 *
 * The socket is SOCK_SEQPACKET under an abstract name, "riposte-" and the process id: no file that could be left behind, and gone with the
 * process. Anybody may connect to such a name or take it first; who that is, the kernel says (SO_PEERCRED: of who connected, and of who
 * called listen(2)), and each side looks. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_CHANNEL_H
#define RIPOSTE_SERVER_TAKE_OVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "message.h"

struct channel_peer {
    pid_t pid;
    uid_t uid;
};

/* What came beside a message: descriptors, and whose word it is. */
struct channel_fds {
    int fds[MESSAGE_FDS_MAX];
    unsigned count;
    pid_t sender; /* as the kernel says; 0: this side has connected, and does not ask */
};

/* Listens under the name of this process, without waiting; SIGIO says that somebody is there. The descriptor, or -errno. */
int channel_listen(void);

/* -EAGAIN: nobody is there. Else the descriptor, which does not wait and says by SIGIO that there is something to read; or -errno. */
int channel_accept(int listen_fd, struct channel_peer *peer);

/* Nobody can connect any more; who has, and was not accepted, is refused with `text`. Takes listen_fd. */
void channel_end(int listen_fd, const char *text);

/* The descriptor, or -errno: -ECONNREFUSED: no such process listens; -EAGAIN: too many wait for it. */
int channel_connect(pid_t pid, struct channel_peer *peer);

/* From now on SIGIO says of a socket of channel_connect, too, that there is something to read. 0 or -errno. */
int channel_watch(int fd);

/* Whether a process of `uid` may take part: this one's user, or root. */
bool channel_may(uid_t uid);

/* 0; -ETIMEDOUT: not by deadline_ns (monotonic); -EPIPE: the other side has gone; other -errno. */
int channel_send(int fd, const struct message *message, const int *fds, unsigned fds_count,
                 uint64_t deadline_ns);

/* A REFUSED, if there is room for it. */
void channel_refuse(int fd, const char *text);

/*
 * 0 and a message, with descriptors that are the caller's, close-on-exec. -EAGAIN, with a deadline of 0: none is there. -ETIMEDOUT; -EPIPE: the end;
 * -EPROTO: what came is no message; -EPROTONOSUPPORT: one of another version; other -errno.
 */
int channel_receive(int fd, struct message *message, struct channel_fds *fds, uint64_t deadline_ns);

void channel_fds_close(struct channel_fds *fds);

#endif
