/* SPDX-License-Identifier: MIT
 *
 * The files of Unix sockets: only a dead server's is removed, and nobody gets in before the mode is set.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "dial.h"
#include "listener.h"

enum { BACKLOG = 16 };

TestSuite(listener_unix, .timeout = 60);

struct place {
    char folder[32];
    struct sockaddr_storage address;
    const char *path; /* in address */
};

static void place_make(struct place *place) {
    strcpy(place->folder, "/tmp/riposte-test-XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&place->address;
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s/socket", place->folder);
    place->path = un->sun_path;
}

static void place_remove(struct place *place) {
    unlink(place->path);
    rmdir(place->folder);
}

static int open_unix(struct place *place, unsigned mode, int *fd, struct engine_error *error) {
    return listener_open_unix(&place->address, sizeof(struct sockaddr_un), mode, BACKLOG, fd, error);
}

/* Whoever connects to the path reaches this listener. */
static void expect_served(const struct place *place, int fd) {
    int client = dial_address(&place->address, sizeof(struct sockaddr_un), AF_UNIX);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&waiting, 1, 20000), 1, "nobody waits");
    int accepted = listener_accept_now(fd, false);
    cr_assert_geq(accepted, 0, "%s", strerror(-accepted));
    close(accepted);
    close(client);
}

Test(listener_unix, a_file_has_the_permissions_asked_for_whatever_the_mask) {
    static const unsigned modes[] = {0700, 0666, 0777, 0};
    struct place place;
    place_make(&place);
    mode_t old_mask = umask(0027);
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        int fd;
        struct engine_error error;
        struct stat status;
        cr_assert_eq(open_unix(&place, modes[i], &fd, &error), 0, "%s", error.message);
        cr_assert_eq(stat(place.path, &status), 0);
        cr_assert_eq(status.st_mode & 0777, modes[i]);
        close(fd);
        unlink(place.path);
    }
    cr_assert_eq(umask(old_mask), 0027, "the mask is as before");
    place_remove(&place);
}

Test(listener_unix, a_dead_servers_file_is_replaced) {
    struct place place;
    struct engine_error error;
    int fd;
    place_make(&place);
    cr_assert_eq(open_unix(&place, 0700, &fd, &error), 0);
    close(fd); /* the file stays */
    cr_assert_eq(access(place.path, F_OK), 0);
    cr_assert_eq(open_unix(&place, 0700, &fd, &error), 0, "%s", error.message);
    expect_served(&place, fd);
    close(fd);
    place_remove(&place);
}

Test(listener_unix, a_living_servers_file_is_left_alone) {
    struct place place;
    struct engine_error error;
    int first, second;
    place_make(&place);
    cr_assert_eq(open_unix(&place, 0700, &first, &error), 0);
    cr_assert_eq(open_unix(&place, 0700, &second, &error), -EADDRINUSE);
    cr_assert_not_null(strstr(error.message, place.path), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "choose another path"), "%s", error.message);
    for (int asked; (asked = listener_accept_now(first, false)) >= 0;) {
        close(asked); /* it was asked whether it lives */
    }
    expect_served(&place, first);
    close(first);
    place_remove(&place);
}

/* A queue that is full refuses to connect, and is alive all the same. */
Test(listener_unix, a_living_server_with_a_full_queue_is_left_alone) {
    struct place place;
    struct engine_error error;
    int second;
    place_make(&place);
    int first = socket(AF_UNIX, SOCK_STREAM, 0), clients[64], count = 0;
    cr_assert_eq(bind(first, (struct sockaddr *)&place.address, sizeof(struct sockaddr_un)), 0);
    cr_assert_eq(listen(first, 0), 0);
    do {
        cr_assert_lt(count, 64, "the queue does not fill");
        clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(clients[count++], (struct sockaddr *)&place.address, sizeof(struct sockaddr_un)) == 0);
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(open_unix(&place, 0700, &second, &error), -EADDRINUSE);
    while (count > 0) {
        close(clients[--count]);
    }
    close(first);
    place_remove(&place);
}

Test(listener_unix, a_file_that_is_no_socket_is_left_alone) {
    struct place place;
    struct engine_error error;
    struct stat status;
    int fd;
    place_make(&place);
    close(open(place.path, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(open_unix(&place, 0700, &fd, &error), -EEXIST);
    cr_assert_not_null(strstr(error.message, "is there and is no socket"), "%s", error.message);
    cr_assert_eq(stat(place.path, &status), 0);
    cr_assert(S_ISREG(status.st_mode));
    place_remove(&place);
}

Test(listener_unix, a_link_is_not_followed) {
    struct place place;
    struct engine_error error;
    char target[64];
    int fd;
    place_make(&place);
    snprintf(target, sizeof(target), "%s/target", place.folder);
    close(open(target, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(symlink(target, place.path), 0);
    cr_assert_eq(open_unix(&place, 0700, &fd, &error), -EEXIST);
    cr_assert_eq(access(target, F_OK), 0);
    unlink(target);
    place_remove(&place);
}

Test(listener_unix, a_folder_that_is_not_there_is_an_error_that_names_the_path) {
    struct place place;
    struct engine_error error;
    int fd;
    place_make(&place);
    rmdir(place.folder);
    cr_assert_eq(open_unix(&place, 0700, &fd, &error), -ENOENT);
    cr_assert_not_null(strstr(error.message, place.path), "%s", error.message);
}

Test(listener_unix, an_inherited_socket_is_taken_with_its_path) {
    struct place place;
    struct sockaddr_storage address;
    socklen_t size;
    struct engine_error error;
    place_make(&place);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&place.address, sizeof(struct sockaddr_un)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(listener_inherit(fd, &address, &size, &error), 0, "%s", error.message);
    cr_assert_str_eq(address_unix_path(&address), place.path);
    listener_adopt(fd, true, BACKLOG);
    close(fd);
    place_remove(&place);
}
