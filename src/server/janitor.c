/* SPDX-License-Identifier: MIT
 *
 * janitor: waits for the end of the server with the one right that it left behind. See janitor.h.
 */
#include "janitor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
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
    JANITOR_DROP = 'D',  /* behind it which: another server has, and serves there no more */
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

/* Which file is meant; written at once with its word. */
struct janitor_drop {
    char word;
    char file[2 * sizeof(uint64_t)]; /* device, inode */
};

/* False: the end. */
static bool read_whole(int fd, char *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, to + done, size - done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Whoever asks, only what was the server's before the fork is removed. */
static void drop(int fd, const struct listen_list *list) {
    uint64_t wanted[2];
    if (!read_whole(fd, (char *)wanted, sizeof(wanted))) {
        return;
    }
    for (unsigned i = 0; i < list->count; i++) {
        const struct socket_file file = {listen_own_path(&list->listens[i]), list->listens[i].file};
        if (file.path != NULL && file.file.device == wanted[0] && file.file.inode == wanted[1]) {
            socket_file_remove(&file);
        }
    }
}

/* The last word, or JANITOR_TAKEN and the end; 0: the end came first. */
static char wait_for_end(int fd, const struct listen_list *list, const struct socket_files *dropped) {
    char word, last = 0;
    while (last != JANITOR_LEFT && read_whole(fd, &word, sizeof(word))) {
        if (word == JANITOR_DROP) {
            drop(fd, list);
            continue;
        }
        last = word;
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
    char word = wait_for_end(fd, list, dropped);
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

/* One that does not know this word hears JANITOR_LEFT behind it. */
static void janitor_tell_drop(const struct janitor *janitor, const struct socket_file *file) {
    struct janitor_drop message = {.word = JANITOR_DROP};
    const uint64_t numbers[] = {file->file.device, file->file.inode};
    static_assert(sizeof(numbers) == sizeof(message.file), "what another build reads");
    memcpy(message.file, numbers, sizeof(numbers));
    (void)!write(janitor->fd, &message, sizeof(message)); /* as above */
}

void janitor_take(struct janitor *janitor, struct janitor *former, const struct socket_files *dropped) {
    if (janitor->pid != 0) {
        janitor_tell(janitor, JANITOR_TAKEN);
    }
    if (former->fd >= 0) {
        for (unsigned i = 0; i < dropped->count; i++) {
            janitor_tell_drop(former, &dropped->files[i]);
        }
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
