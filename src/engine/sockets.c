/* SPDX-License-Identifier: MIT
 *
 * sockets: opens, inherits and deals out the listening sockets of an engine, and closes them.
 */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int sockets_no_memory(struct engine_error *error) {
    error->error = -ENOMEM;
    snprintf(error->message, sizeof(error->message), "no memory for the listeners");
    return -ENOMEM;
}

/* From here on the engine owns `fd`. 0 or -ENOMEM, and `fd` is closed. */
static int sockets_keep(struct engine *engine, unsigned listen_index, int fd) {
    size_t size = (engine->sockets_count + 1) * sizeof(*engine->sockets);
    struct engine_socket *sockets = realloc(engine->sockets, size);
    if (sockets == NULL) {
        close(fd);
        return -ENOMEM;
    }
    sockets[engine->sockets_count++] = (struct engine_socket){.fd = fd, .listen = (uint8_t)listen_index};
    engine->sockets = sockets;
    return 0;
}

static int sockets_give(struct engine *engine, unsigned worker_index, unsigned listen_index, int fd,
                        bool shared) {
    const struct listener listener = {
        .fd = fd,
        .parked_fd = -1,
        .listen = (uint8_t)listen_index,
        .is_unix = engine->listens[listen_index].address.ss_family == AF_UNIX,
        .is_shared = shared,
        .is_new = engine->listens[listen_index].inherited_count > 0,
        .is_inherited =
            engine->listens[listen_index].inherited_count > 0 && !engine->listens[listen_index].is_taken,
        .single_shot = !engine->uring.accept_multishot,
    };
    return worker_add_listener(engine->workers[worker_index], &listener);
}

/* Deals `count` sockets of one listen out to the workers. The engine owns all of them after a success. */
static int sockets_deal(struct engine *engine, unsigned listen_index, const int *fds, unsigned count) {
    unsigned workers_count = engine->workers_count;
    for (unsigned i = 0; i < count; i++) {
        int result = sockets_keep(engine, listen_index, fds[i]);
        for (unsigned w = 0; result == 0 && w < workers_count; w++) {
            bool takes = count >= workers_count ? i % workers_count == w : w % count == i;
            result = takes ? sockets_give(engine, w, listen_index, fds[i], count < workers_count) : 0;
        }
        if (result < 0) {
            while (++i < count) {
                close(fds[i]);
            }
            return result;
        }
    }
    return 0;
}

static int sockets_open_tcp(struct engine *engine, unsigned listen_index, struct engine_error *error) {
    struct engine_listen *listen = &engine->listens[listen_index];
    int *fds = calloc(engine->workers_count, sizeof(*fds));
    if (fds == NULL) {
        return sockets_no_memory(error);
    }
    int result = listener_open_tcp(&listen->address, listen->address_size, engine->listen_backlog_wanted, fds,
                                   engine->workers_count, error);
    if (result == 0 && sockets_deal(engine, listen_index, fds, engine->workers_count) < 0) {
        result = sockets_no_memory(error);
    }
    free(fds);
    return result;
}

/* What the path names now: to be removed at the end only if it is still the same file. */
static struct engine_socket_file sockets_look_at(const char *path) {
    struct stat status;
    bool is_there = lstat(path, &status) == 0;
    return is_there ? (struct engine_socket_file){true, status.st_dev, status.st_ino}
                    : (struct engine_socket_file){0};
}

static const char *listen_path(const struct engine_listen *listen) {
    return ((const struct sockaddr_un *)(const void *)&listen->address)->sun_path;
}

static int sockets_open_unix(struct engine *engine, unsigned listen_index, struct engine_error *error) {
    struct engine_listen *listen = &engine->listens[listen_index];
    int fd = -1;
    int result = listener_open_unix(&listen->address, listen->address_size, listen->unix_mode,
                                    engine->listen_backlog_wanted, &fd, error);
    if (result < 0) {
        return result;
    }
    engine->files[listen_index].file = sockets_look_at(listen_path(listen));
    return sockets_deal(engine, listen_index, &fd, 1) < 0 ? sockets_no_memory(error) : 0;
}

/* Duplicates: the originals stay the caller's. Returns how many there are; fewer when descriptors have ended. */
static unsigned sockets_duplicate(const struct engine_listen *listen, int *fds) {
    unsigned count = 0;
    while (count < listen->inherited_count) {
        fds[count] = fcntl(listen->inherited_fds[count], F_DUPFD_CLOEXEC, 0);
        if (fds[count] < 0) {
            break;
        }
        count++;
    }
    return count;
}

static int sockets_take(struct engine *engine, unsigned listen_index, int *fds, struct engine_error *error) {
    struct engine_listen *listen = &engine->listens[listen_index];
    int result = 0;
    for (unsigned i = 0; i < listen->inherited_count && result == 0; i++) {
        result = listener_inherit(listen->inherited_fds[i], &listen->address, &listen->address_size, error);
    }
    if (result < 0) {
        return result;
    }
    unsigned count = sockets_duplicate(listen, fds);
    if (count < listen->inherited_count) {
        error->error = -errno;
        snprintf(error->message, sizeof(error->message),
                 "no file descriptor left for the inherited sockets; raise LimitNOFILE");
        while (count > 0) {
            close(fds[--count]);
        }
        return error->error;
    }
    if (listen->is_taken && listen->address.ss_family == AF_UNIX) {
        engine->files[listen_index].file =
            listen->taken_file.is_known ? listen->taken_file : sockets_look_at(listen_path(listen));
        engine->files[listen_index].is_taken = true;
    }
    return sockets_deal(engine, listen_index, fds, count) < 0 ? sockets_no_memory(error) : 0;
}

static int sockets_inherit(struct engine *engine, unsigned listen_index, struct engine_error *error) {
    int *fds = calloc(engine->listens[listen_index].inherited_count, sizeof(*fds));
    if (fds == NULL) {
        return sockets_no_memory(error);
    }
    int result = sockets_take(engine, listen_index, fds, error);
    free(fds);
    return result;
}

static int sockets_open_listen(struct engine *engine, unsigned listen_index, struct engine_error *error) {
    const struct engine_listen *listen = &engine->listens[listen_index];
    if (listen->inherited_count > 0) {
        return sockets_inherit(engine, listen_index, error);
    }
    if (listen->address.ss_family == AF_UNIX) {
        return sockets_open_unix(engine, listen_index, error);
    }
    return sockets_open_tcp(engine, listen_index, error);
}

int sockets_open(struct engine *engine, struct engine_error *error) {
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        int result = sockets_open_listen(engine, i, error);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static void sockets_remove_file(const struct engine_socket_file *file, const char *path) {
    const struct engine_socket_file found = sockets_look_at(path);
    /* Another server may have put its own socket there meanwhile. */
    if (file->is_known && found.is_known && found.device == file->device && found.inode == file->inode) {
        unlink(path);
    }
}

/* One that has never served has got nothing yet, and nobody has got what it made. */
static bool sockets_own_file(const struct engine *engine, const struct engine_file *file, bool hands_over) {
    return engine->has_served ? !hands_over : !file->is_taken;
}

void sockets_close(struct engine *engine, bool hands_over) {
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        if (sockets_own_file(engine, &engine->files[i], hands_over)) {
            sockets_remove_file(&engine->files[i].file, listen_path(&engine->listens[i]));
        }
    }
    for (unsigned i = 0; i < engine->sockets_count; i++) {
        close(engine->sockets[i].fd);
    }
    free(engine->sockets);
    engine->sockets = NULL;
    engine->sockets_count = 0;
}

struct engine_socket_file engine_listener_file(const struct engine *engine, unsigned listen_index) {
    return engine->files[listen_index].file;
}

unsigned engine_listener_fds(const struct engine *engine, unsigned listen_index, int *fds,
                             unsigned fds_count_max) {
    unsigned count = 0;
    for (unsigned i = 0; i < engine->sockets_count; i++) {
        if (engine->sockets[i].listen != listen_index) {
            continue;
        }
        if (count < fds_count_max) {
            fds[count] = engine->sockets[i].fd;
        }
        count++;
    }
    return count;
}
