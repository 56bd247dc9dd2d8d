/* SPDX-License-Identifier: MIT
 *
 * handover: reads the environment, starts the successor.
 */
#include "handover.h"

#include <fcntl.h>
#include <riposte/bytes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

extern char **environ;

/* How many sockets the environment speaks of; 0 when it speaks to another process. */
static unsigned inherited_count(void) {
    const char *count_text = getenv("LISTEN_FDS");
    const char *pid_text = getenv("LISTEN_PID"); /* a successor has none: its predecessor could not know it */
    uint32_t count;
    uint32_t pid;
    if (count_text == NULL || !bytes_parse_u32(bytes_from_string(count_text), &count)) {
        return 0;
    }
    if (pid_text != NULL &&
        (!bytes_parse_u32(bytes_from_string(pid_text), &pid) || pid != (uint32_t)getpid())) {
        return 0;
    }
    return count < HANDOVER_SOCKETS_MAX ? count : HANDOVER_SOCKETS_MAX;
}

unsigned handover_take(int family, int fds[HANDOVER_SOCKETS_MAX]) {
    unsigned end = inherited_count();
    unsigned count = 0;
    for (int fd = FIRST_FD; fd < FIRST_FD + (int)end; fd++) {
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        socklen_t size = sizeof(address);
        if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family == family) {
            fcntl(fd, F_SETFD, FD_CLOEXEC); /* programs that this one starts get them in one way only */
            fds[count++] = fd;
        }
    }
    return count;
}

/* Duplicates with numbers above those that the successor's have: giving one its number must not close another. */
static unsigned sockets_raise(const struct engine *engine, unsigned listens_count,
                              int fds[HANDOVER_SOCKETS_MAX]) {
    unsigned count = 0;
    for (unsigned i = 0; i < listens_count && count < HANDOVER_SOCKETS_MAX; i++) {
        unsigned room = HANDOVER_SOCKETS_MAX - count;
        unsigned found = engine_listener_fds(engine, i, fds + count, room);
        count += found < room ? found : room;
    }
    for (unsigned i = 0; i < count; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + HANDOVER_SOCKETS_MAX);
    }
    return count;
}

static int successor_spawn(char **arguments, const int *fds, unsigned count) {
    posix_spawn_file_actions_t actions;
    char count_text[BYTES_U64_DIGITS_MAX + 1];
    pid_t pid = -1;
    snprintf(count_text, sizeof(count_text), "%u", count);
    setenv("LISTEN_FDS", count_text, 1);
    unsetenv("LISTEN_PID");
    posix_spawn_file_actions_init(&actions);
    for (unsigned i = 0; i < count; i++) {
        posix_spawn_file_actions_adddup2(&actions, fds[i], FIRST_FD + (int)i); /* without close-on-exec */
    }
    int error = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? pid : -1;
}

int handover_start(const struct engine *engine, unsigned listens_count, char **arguments) {
    int fds[HANDOVER_SOCKETS_MAX];
    unsigned count = sockets_raise(engine, listens_count, fds);
    int pid = successor_spawn(arguments, fds, count);
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]);
    }
    return pid;
}
