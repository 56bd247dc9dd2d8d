/* SPDX-License-Identifier: MIT
 *
 * inherited: reads three variables, looks at the descriptors.
 */
#include "inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { INHERITED_FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

/* How many there are for this process; 0 where the variables speak to another one. */
static bool inherited_count(unsigned *count, struct failure *failure) {
    const char *pid_text = getenv("LISTEN_PID");
    const char *count_text = getenv("LISTEN_FDS");
    uint64_t pid;
    uint32_t number;
    *count = 0;
    if (pid_text == NULL || count_text == NULL || !bytes_parse_u64(bytes_from_string(pid_text), &pid) ||
        pid != (uint64_t)getpid()) {
        return true;
    }
    if (!bytes_parse_u32(bytes_from_string(count_text), &number) || number > INHERITED_MAX) {
        return failure_set(failure, EX_USAGE, "LISTEN_FDS=%s: expected a number of sockets up to %d",
                           count_text, INHERITED_MAX);
    }
    *count = number;
    return true;
}

static bool socket_has(int fd, int name, int value) {
    int found = 0;
    socklen_t size = sizeof(found);
    return getsockopt(fd, SOL_SOCKET, name, &found, &size) == 0 && found == value;
}

/* NULL, or why it cannot be one to accept from. */
static const char *socket_fault(int fd, struct sockaddr_storage *address, socklen_t *address_size) {
    *address_size = sizeof(*address);
    if (fcntl(fd, F_GETFD) < 0) {
        return "is not open";
    }
    if (!socket_has(fd, SO_TYPE, SOCK_STREAM)) {
        return "is no stream socket";
    }
    if (!socket_has(fd, SO_ACCEPTCONN, 1)) {
        return "does not listen";
    }
    if (getsockname(fd, (struct sockaddr *)address, address_size) < 0 ||
        (address->ss_family != AF_INET && address->ss_family != AF_INET6 && address->ss_family != AF_UNIX)) {
        return "has an address that is neither IPv4, IPv6 nor of a Unix socket";
    }
    return NULL;
}

/* The address as listen.c writes it: a path with zeros behind it. */
static struct listen socket_listen(const struct sockaddr_storage *address, socklen_t address_size,
                                   struct bytes name) {
    const struct server_protocol *protocol = protocols_find(name);
    struct listen listen = {.address_size = address_size,
                            .protocol =
                                protocol != NULL ? protocol : protocols_find(bytes_from_string("memcached")),
                            .is_inherited = true,
                            .is_named = protocol != NULL};
    memcpy(&listen.address, address, address_size);
    if (address_unix_path(&listen.address) != NULL) {
        listen.address_size = (socklen_t)sizeof(struct sockaddr_un);
    }
    return listen;
}

static bool socket_take(struct inherited *inherited, struct listen_list *list, int fd, struct bytes name,
                        struct failure *failure) {
    struct sockaddr_storage address = {0};
    socklen_t address_size = 0;
    unsigned index = 0;
    const char *fault = socket_fault(fd, &address, &address_size);
    if (fault != NULL) {
        return failure_set(failure, EX_USAGE,
                           "LISTEN_FDS: descriptor %d (%.*s) %s; the socket unit wants ListenStream= and "
                           "Accept=no",
                           fd, (int)name.size, name.data, fault);
    }
    struct listen listen = socket_listen(&address, address_size, name);
    if (!listen_list_inherit(list, &listen, &index, failure)) {
        return false;
    }
    inherited->fds[inherited->count] = fd;
    inherited->listens[inherited->count++] = (uint8_t)index;
    return true;
}

/* The next of LISTEN_FDNAMES. */
static struct bytes names_next(struct bytes *names) {
    size_t size = bytes_before(*names, ':');
    struct bytes name = bytes_of(names->data, size);
    *names = bytes_after(*names, size < names->size ? size + 1 : size);
    return name;
}

bool inherited_take(struct inherited *inherited, struct listen_list *list, struct failure *failure) {
    unsigned count;
    const char *text = getenv("LISTEN_FDNAMES");
    struct bytes names = bytes_from_string(text != NULL ? text : "");
    inherited->count = 0;
    bool taken = inherited_count(&count, failure);
    for (unsigned i = 0; i < count; i++) {
        fcntl(INHERITED_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC); /* what is not open is found below */
    }
    for (unsigned i = 0; i < count && taken; i++) {
        taken = socket_take(inherited, list, INHERITED_FIRST_FD + (int)i, names_next(&names), failure);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return taken;
}

unsigned inherited_of(const struct inherited *inherited, unsigned listen_index, int fds[INHERITED_MAX]) {
    unsigned count = 0;
    for (unsigned i = 0; i < inherited->count; i++) {
        if (inherited->listens[i] == listen_index) {
            fds[count++] = inherited->fds[i];
        }
    }
    return count;
}

void inherited_close(struct inherited *inherited) {
    while (inherited->count > 0) {
        close(inherited->fds[--inherited->count]);
    }
}
