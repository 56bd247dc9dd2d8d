/* SPDX-License-Identifier: MIT
 *
 * listener: opens listening sockets, or checks inherited ones, and sets what all of them have.
 */
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "riposte/clock.h"

enum {
    /*
     * The kernel closes the sockets of a killed server's rings a moment after the process is gone (8 ms seen
     * on Linux 6.18): a server that is started in its place waits that long for the address.
     */
    BIND_RETRY_MS = 250,
    BIND_RETRY_STEP_MS = 25, /* a living server behind a Unix socket sees each try as a connection */
};

/* One sentence for the operator: what failed, and where the cause is known, the cure. */
static int listener_fail(struct engine_error *error, int number, const char *what,
                         const struct sockaddr_storage *address) {
    char text[ADDRESS_TEXT_SIZE_MAX];
    address_text(address, text);
    error->error = number;
    if (number == -EADDRINUSE) {
        snprintf(error->message, sizeof(error->message),
                 "%s is in use by another process; stop it or choose another %s", text,
                 address->ss_family == AF_UNIX ? "path" : "port");
    } else if (number == -EEXIST) {
        snprintf(error->message, sizeof(error->message),
                 "%s is there and is no socket; remove it or choose another path", text);
    } else if (number == -EACCES) {
        snprintf(error->message, sizeof(error->message),
                 "cannot %s %s: permission denied; ports below 1024 and foreign folders need privileges",
                 what, text);
    } else if (number == -EADDRNOTAVAIL) {
        snprintf(error->message, sizeof(error->message),
                 "cannot %s %s: this machine has no such address; see `ip address`", what, text);
    } else {
        snprintf(error->message, sizeof(error->message), "cannot %s %s: %s", what, text, strerror(-number));
    }
    return number;
}

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/*
 * Options that accepted sockets inherit from the listener on Linux (tcp(7)): none has to be set per
 * connection.
 */
static int listener_set_tcp_options(int fd, int family) {
    /* A restarted server must not be refused by connections in TIME_WAIT. */
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    /* Replies are gathered by the server itself: waiting for more (Nagle) only adds latency. */
    error = error < 0 ? error : set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    /* Peers that vanished without a word are noticed in the end (tcp_keepalive_time). */
    error = error < 0 ? error : set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    /* "[::]" and "0.0.0.0" are two addresses; the operator who wants both names both. */
    return error < 0 || family != AF_INET6 ? error : set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

/* A socket bound to the address; `share` asks for SO_REUSEPORT before the bind. */
static int listener_bind_tcp(const struct sockaddr_storage *address, socklen_t address_size, bool share) {
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int error = listener_set_tcp_options(fd, address->ss_family);
    /* Each worker has a socket and a queue of its own; the kernel spreads connections over them. */
    error = error < 0 || !share ? error : set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(fd, (const struct sockaddr *)address, address_size) < 0) {
        error = -errno;
    }
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* The socket, which listens; or it is closed. */
static int listener_listen(int fd, uint32_t backlog) {
    int error = listen(fd, (int)backlog) < 0 ? -errno : 0;
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/*
 * The first socket of an address: finds out whether anybody else is there, and learns the port. It stays, since a client that
 * has connected by then would be reset by its end.
 */
static int listener_open_first(struct sockaddr_storage *address, socklen_t address_size) {
    int fd = listener_bind_tcp(address, address_size, false);
    /*
     * bind(2) with SO_REUSEADDR succeeds beside a socket that is bound but does not listen yet: listen(2) tells. The
     * backlog is set by the next listen(2).
     */
    fd = fd < 0 ? fd : listener_listen(fd, SOMAXCONN);
    if (fd < 0) {
        return fd;
    }
    /* Others may join from here on: the kernel asks a socket that listens when it binds another, and makes them a group then. */
    int error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    socklen_t size = sizeof(*address);
    if (error == 0 && getsockname(fd, (struct sockaddr *)address, &size) < 0) {
        error = -errno;
    }
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

/* What finds the address in use is asked again for a while. */
static int listener_retry(int (*look)(struct sockaddr_storage *address, socklen_t address_size),
                          struct sockaddr_storage *address, socklen_t address_size) {
    const struct timespec step = {.tv_nsec = BIND_RETRY_STEP_MS * CLOCK_NS_PER_MS};
    int result = look(address, address_size);
    for (int left_ms = BIND_RETRY_MS; result == -EADDRINUSE && left_ms > 0; left_ms -= BIND_RETRY_STEP_MS) {
        nanosleep(&step, NULL); /* a signal only makes it shorter */
        result = look(address, address_size);
    }
    return result;
}

static int listener_open_shared(const struct sockaddr_storage *address, socklen_t address_size,
                                uint32_t backlog) {
    int fd = listener_bind_tcp(address, address_size, true);
    return fd < 0 ? fd : listener_listen(fd, backlog);
}

int listener_open_tcp(struct sockaddr_storage *address, socklen_t address_size, uint32_t backlog, int *fds,
                      unsigned fds_count, struct engine_error *error) {
    int first = listener_retry(listener_open_first, address, address_size);
    if (first < 0) {
        return listener_fail(error, first, "bind", address);
    }
    unsigned opened = 0;
    bool is_anew = false;
    int fd = listener_listen(first, backlog);
    while (fd >= 0) {
        fds[opened++] = fd;
        if (opened == fds_count) {
            return 0;
        }
        fd = listener_open_shared(address, address_size, backlog);
        if (fd == -EADDRINUSE && opened == 1 && !is_anew) {
            /* Some kernels look only at what a socket was bound with (gVisor): the first one is bound anew. */
            is_anew = true;
            close(fds[--opened]);
            fd = listener_open_shared(address, address_size, backlog);
        }
    }
    while (opened > 0) {
        close(fds[--opened]);
    }
    return listener_fail(error, fd, "listen on", address);
}

/* True when a server answers behind the path: only a dead one's file may be removed. */
static bool listener_unix_alive(const struct sockaddr_storage *address, socklen_t address_size) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    /* EAGAIN: its queue is full, so it lives. */
    bool alive = connect(fd, (const struct sockaddr *)address, address_size) == 0 || errno == EAGAIN;
    close(fd);
    return alive;
}

static int listener_remove_stale(struct sockaddr_storage *address, socklen_t address_size) {
    const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;
    struct stat status;
    if (lstat(path, &status) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EEXIST;
    }
    if (listener_unix_alive(address, address_size)) {
        return -EADDRINUSE;
    }
    return unlink(path) < 0 ? -errno : 0;
}

int listener_open_unix(struct sockaddr_storage *address, socklen_t address_size, unsigned mode,
                       uint32_t backlog, int *fd, struct engine_error *error) {
    int result = listener_retry(listener_remove_stale, address, address_size);
    if (result < 0) {
        return listener_fail(error, result, "replace", address);
    }
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return listener_fail(error, -errno, "open a socket for", address);
    }
    const char *path = ((const struct sockaddr_un *)(const void *)address)->sun_path;
    /* The file appears with no permission at all and gets its mode before anybody can connect. */
    mode_t old_mask = umask(0777);
    result = bind(*fd, (const struct sockaddr *)address, address_size) < 0 ? -errno : 0;
    umask(old_mask);
    if (result == 0 && chmod(path, (mode_t)mode) < 0) {
        result = -errno;
    }
    if (result == 0 && listen(*fd, (int)backlog) < 0) {
        result = -errno;
    }
    if (result < 0) {
        close(*fd);
        return listener_fail(error, result, "listen on", address);
    }
    return 0;
}

void listener_set_nonblocking(int fd) {
    int failed = fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    assert(failed == 0);
    (void)failed;
}

void listener_set_blocking(int fd) {
    int failed = fcntl(fd, F_SETFL, O_RDWR);
    assert(failed == 0);
    (void)failed;
}

int listener_accept_now(int fd, bool nonblocking) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (poll(&waiting, 1, 0) <= 0) {
        return -EAGAIN;
    }
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
    return accepted < 0 ? -errno : accepted;
}

/* True when the option of a socket has that value. */
static bool listener_has(int fd, int name, int value) {
    int found = 0;
    socklen_t size = sizeof(found);
    return getsockopt(fd, SOL_SOCKET, name, &found, &size) == 0 && found == value;
}

int listener_inherit(int fd, struct sockaddr_storage *address, socklen_t *address_size,
                     struct engine_error *error) {
    int result = -EINVAL;
    *address_size = sizeof(*address);
    bool listens = listener_has(fd, SO_TYPE, SOCK_STREAM) && listener_has(fd, SO_ACCEPTCONN, 1);
    if (listens && getsockname(fd, (struct sockaddr *)address, address_size) == 0) {
        result = 0;
    }
    if (result < 0) {
        error->error = result;
        snprintf(error->message, sizeof(error->message),
                 "descriptor %d cannot be taken over: it is no stream socket that listens (%s); see "
                 "ListenStream= and Accept=no of the socket unit",
                 fd, strerror(-result));
    }
    return result;
}

void listener_adopt(int fd, bool is_unix, uint32_t backlog) {
    /* A second listen(2) only changes the backlog, and of a Unix socket whose process a client is told (SO_PEERCRED). */
    int failed = listen(fd, (int)backlog);
    if (!is_unix) {
        failed |= set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) | set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    (void)
        failed; /* nothing of it can fail on a socket that listens, and without it clients are served, too */
}
