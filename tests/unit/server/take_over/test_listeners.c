/* SPDX-License-Identifier: MIT
 *
 * Addresses and sockets of another server: gathered message by message, dealt out to the addresses of the flags. What a taker hears of
 * them, in and out of order: test_taker.c.
 */
#include "listeners.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "riposte/log.h"

static struct listeners_taken taken;
static struct inherited inherited;

static void open_all(void) {
    log_level_set(LOG_LEVEL_ERROR);
}

TestSuite(listeners, .init = open_all, .timeout = 60);

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static struct sockaddr_storage address_of(uint16_t port) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&address, &in, sizeof(in));
    return address;
}

static struct message_listener message_of(uint16_t port, unsigned fds_count) {
    return (struct message_listener){.address = address_of(port),
                                     .address_size = sizeof(struct sockaddr_in),
                                     .fds_count = fds_count,
                                     .protocol = "memcached"};
}

static struct channel_fds some_fds(unsigned count) {
    struct channel_fds fds = {.count = count};
    for (unsigned i = 0; i < count; i++) {
        fds.fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fds.fds[i], 0);
    }
    return fds;
}

static void take(uint16_t port, unsigned count) {
    struct message_listener message = message_of(port, count);
    struct channel_fds fds = some_fds(count);
    cr_assert_eq(listeners_take(&taken, &message, &fds), 0);
}

static void flags_name(struct listen_list *list, uint16_t port) {
    list->listens[list->count++] =
        (struct listen){.address = address_of(port),
                        .address_size = sizeof(struct sockaddr_in),
                        .protocol = protocols_find(bytes_from_string("memcached"))};
}

Test(listeners, of_one_address_that_follow_one_another_are_gathered) {
    take(1, 2);
    take(1, 1);
    take(2, 1);
    cr_expect_eq(taken.count, 2);
    cr_expect_eq(taken.listeners[0].fds_count, 3);
    cr_expect_eq(taken.fds_count, 4);
    cr_expect(listeners_are_known(&taken));
    listeners_close(&taken);
}

Test(listeners, with_another_number_of_sockets_than_is_said_are_closed) {
    struct message_listener message = message_of(1, 2);
    struct channel_fds fds = some_fds(3);
    int last = fds.fds[2];
    cr_expect_eq(listeners_take(&taken, &message, &fds), -EPROTO);
    cr_expect_eq(taken.fds_count, 0);
    cr_expect_not(is_open(last));
}

Test(listeners, of_a_protocol_that_this_build_does_not_know_are_told) {
    take(1, 1);
    strcpy(taken.listeners[0].protocol, "gopher");
    cr_expect_not(listeners_are_known(&taken));
    listeners_close(&taken);
}

Test(listeners, go_to_the_addresses_that_the_flags_name_and_the_others_are_closed) {
    struct listen_list list = {0};
    flags_name(&list, 3);
    flags_name(&list, 1);
    take(1, 2);
    take(2, 2);
    take(3, 1);
    int first = taken.fds[0], dropped = taken.fds[3], last = taken.fds[4];
    listeners_inherit(&taken, &inherited, &list);
    cr_assert_eq(inherited.count, 3);
    cr_expect_eq(inherited.fds[0], first);
    cr_expect_eq(inherited.listens[0], 1);
    cr_expect_eq(inherited.listens[1], 1);
    cr_expect_eq(inherited.fds[2], last);
    cr_expect_eq(inherited.listens[2], 0);
    cr_expect_not(is_open(dropped));
    cr_expect(list.listens[0].is_taken && list.listens[1].is_taken);
    listeners_close(&taken);
    cr_expect(is_open(first) && is_open(last), "they are the heir's");
    inherited_close(&inherited);
    cr_expect_not(is_open(first));
}

static void take_unix(const char *path, uint64_t inode) {
    struct message_listener message = message_of(0, 1);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct channel_fds fds = some_fds(1);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    message.address = (struct sockaddr_storage){0};
    memcpy(&message.address, &un, sizeof(un));
    message.address_size = sizeof(un);
    cr_assert_eq(listeners_take(&taken, &message, &fds), 0);
    if (inode > 0) {
        cr_assert(listeners_take_file(&taken, &(struct message_file){.device = 7, .inode = inode}));
    }
}

static struct listen unix_listen(const char *path) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct listen listen = {.address_size = sizeof(un),
                            .protocol = protocols_find(bytes_from_string("memcached"))};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    memcpy(&listen.address, &un, sizeof(un));
    return listen;
}

Test(listeners, that_are_dropped_leave_the_file_that_was_said) {
    struct listen_list list = {.count = 1, .listens = {unix_listen("/kept")}};
    struct socket_files dropped;
    take_unix("/dropped", 3);
    take_unix("/kept", 4);
    take_unix("/dropped/by/a/build/from/before", 0);
    take(1, 1);
    listeners_inherit(&taken, &inherited, &list);
    listeners_dropped(&taken, &dropped);
    cr_assert_eq(dropped.count, 1);
    cr_expect_str_eq(dropped.files[0].path, "/dropped");
    cr_expect(dropped.files[0].file.is_known);
    cr_expect_eq(dropped.files[0].file.device, 7);
    cr_expect_eq(dropped.files[0].file.inode, 3);
    cr_expect_eq(list.listens[0].file.inode, 4);
    inherited_close(&inherited);
}

Test(listeners, that_have_no_file_of_their_own_are_not_given_one) {
    const struct message_file file = {.device = 7, .inode = 3};
    struct channel_fds fds = some_fds(1);
    struct message_listener managed = message_of(1, 1);
    cr_expect_not(listeners_take_file(&taken, &file), "there is none");
    take(2, 1);
    cr_expect_not(listeners_take_file(&taken, &file), "TCP");
    take_unix("/a", 3);
    cr_expect_not(listeners_take_file(&taken, &file), "it has one");
    struct listen listen = unix_listen("/b");
    managed.address = listen.address;
    managed.address_size = listen.address_size;
    managed.is_inherited = true;
    cr_assert_eq(listeners_take(&taken, &managed, &fds), 0);
    cr_expect_not(listeners_take_file(&taken, &file), "it is a service manager's");
    listeners_close(&taken);
}

Test(listeners, that_nobody_inherits_are_closed) {
    take(1, 2);
    int first = taken.fds[0];
    listeners_close(&taken);
    cr_expect_not(is_open(first));
}
