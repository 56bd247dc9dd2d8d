/* SPDX-License-Identifier: MIT
 *
 * janitor: waits for the end of the server with the one right that it left behind. See janitor.h.
 */
#include "janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "capabilities.h"
#include "pidfile.h"

/* What a janitor is told. */
enum janitor_word {
    JANITOR_TAKEN = 'T', /* its server has taken over */
    JANITOR_LEFT = 'L',  /* another server has, from its own: that one's janitor has the sockets */
};

/* Those that the server has made, and those that it has taken, as it knows them. */
static void remove_sockets(const struct listen_list *list, bool has_taken) {
    for (unsigned i = 0; i < list->count; i++) {
        const struct socket_file file = {listen_own_path(&list->listens[i]), list->listens[i].file};
        if (file.path != NULL && (has_taken || !list->listens[i].is_taken)) {
            socket_file_remove(&file);
        }
    }
}

/* Only `fd` stays open, and no terminal or pipe of others is held: they would wait for this process as well. */
static void close_others(int fd) {
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO && null_fd >= 0; standard++) {
        dup2(null_fd, standard);
    }
    /* close_range(2), Linux 5.9; the library's wrapper is younger than some libraries. */
    syscall(SYS_close_range, STDERR_FILENO + 1, fd - 1, 0);
    syscall(SYS_close_range, fd + 1, ~0U, 0);
}

/* The last word, or JANITOR_TAKEN and the end; 0: the end came first. */
static char wait_for_end(int fd, const struct socket_files *dropped) {
    char word, last = 0;
    ssize_t size;
    while (last != JANITOR_LEFT && (size = read(fd, &word, sizeof(word))) != 0 &&
           (size > 0 || errno == EINTR)) {
        last = size > 0 ? word : last;
        if (last == JANITOR_TAKEN) {
            socket_files_remove(dropped);
        }
    }
    return last;
}

/* Signals are blocked since before the fork: who stops the whole group does not stop this before its work is done. */
static _Noreturn void janitor_serve(int fd, pid_t server, const char *pidfile, const struct listen_list *list,
                                    const struct socket_files *dropped, const struct victim *victim) {
    prctl(PR_SET_NAME, "riposte-janitor");
    victim_spare(victim);
    close_others(fd);
    capabilities_keep_file_removal();
    char word = wait_for_end(fd, dropped);
    if (word != JANITOR_LEFT) {
        remove_sockets(list, word == JANITOR_TAKEN);
    }
    if (pidfile != NULL) {
        pidfile_remove(pidfile, server);
    }
    _exit(EXIT_SUCCESS);
}

static bool has_unix(const struct listen_list *list) {
    for (unsigned i = 0; i < list->count; i++) {
        if (listen_own_path(&list->listens[i]) != NULL) {
            return true;
        }
    }
    return false;
}

bool janitor_begin(struct janitor *janitor, const char *pidfile, const struct listen_list *list,
                   const struct socket_files *dropped, const struct victim *victim, struct failure *failure) {
    int ends[2];
    pid_t server = getpid();
    if (geteuid() != 0 || (pidfile == NULL && dropped->count == 0 && !has_unix(list))) {
        return true;
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return failure_set(failure, EX_OSERR, "-u: no pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        janitor_serve(ends[0], server, pidfile, list, dropped, victim);
    }
    close(ends[0]);
    if (pid < 0) {
        int error = errno;
        close(ends[1]);
        return failure_set(failure, EX_OSERR, "-u: no process that removes files at the end: %s",
                           strerror(error));
    }
    *janitor = (struct janitor){.pid = pid, .fd = ends[1], .knows_words = true};
    return true;
}

static void janitor_tell(const struct janitor *janitor, enum janitor_word word) {
    char letter = (char)word;
    (void)!write(janitor->fd, &letter,
                 sizeof(letter)); /* it may have been killed; there is room for more than two */
}

void janitor_take(struct janitor *janitor, struct janitor *former) {
    if (janitor->pid != 0) {
        janitor_tell(janitor, JANITOR_TAKEN);
    }
    if (former->fd >= 0) {
        janitor_tell(former, JANITOR_LEFT);
        janitor_leave(former);
    }
}

void janitor_leave(struct janitor *janitor) {
    if (janitor->fd >= 0) {
        close(janitor->fd);
    }
    *janitor = (struct janitor){.pid = 0, .fd = -1};
}

void janitor_end(struct janitor *janitor) {
    if (janitor->pid == 0) {
        janitor_leave(janitor); /* of one that another server has begun */
        return;
    }
    close(janitor->fd);
    while (waitpid(janitor->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *janitor = (struct janitor){.pid = 0, .fd = -1};
}
