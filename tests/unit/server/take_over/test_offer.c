/* SPDX-License-Identifier: MIT
 *
 * What a server says of itself to who says hello, and what descriptors come with it.
 */
#include "offer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "giver_fixture.h"

TestSuite(offer, .init = old_open, .fini = old_close, .timeout = 60);

static const struct message_settings *expect_settings(const struct message *message) {
    const struct message_settings *settings = &message->settings;
    cr_assert_eq(message->kind, MESSAGE_SETTINGS);
    cr_expect_str_eq(settings->version, RIPOSTE_VERSION);
    cr_expect_eq(settings->attempt, old.giver.verdict.attempt);
    cr_expect_eq(settings->memory_limit, old.options.memory_limit);
    cr_expect_eq(settings->item_size_max, old.options.max_item_size);
    cr_expect_eq(settings->items_count, 1);
    cr_expect_eq(settings->connections_count, 1);
    cr_expect_eq(settings->file_inode, 0);
    cr_expect_eq(settings->workers_count, 2);
    cr_expect_eq(settings->listeners_count, 1);
    return settings;
}

static unsigned port_of(int listen_fd) {
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    cr_assert_eq(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

Test(offer, is_what_the_server_is) {
    struct channel_fds fds;
    int other = come();
    say(other, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    struct message message = hear(other, &fds);
    const struct message_settings *settings = expect_settings(&message);
    cr_expect_not(settings->has_notify);
    cr_expect_not(settings->has_janitor);
    cr_expect_eq(fds.count, 1);
    channel_fds_close(&fds);
    message = hear(other, &fds);
    cr_assert_eq(message.kind, MESSAGE_LISTENER);
    cr_expect_str_eq(message.listener.protocol, "frames");
    cr_expect_eq(fds.count, 2, "a socket of each worker");
    cr_expect_eq(port_of(fds.fds[1]), engine_port(old.engine, 0));
    channel_fds_close(&fds);
    message = hear(other, NULL);
    cr_assert_eq(message.kind, MESSAGE_ABILITIES);
    cr_expect_eq(message.abilities.abilities, MESSAGE_CAN_SEND_ITEMS | MESSAGE_CAN_NAME_VALUES);
    cr_expect_eq(hear(other, NULL).kind, MESSAGE_OFFERED);
    cr_expect_eq(old.giver.taker, getpid(), "who has sent it, as the kernel says");
    expect_served();
    close(other);
    cr_expect_eq(turn(), GIVER_IDLE);
}

Test(offer, passes_on_the_sockets_of_manager_and_janitor_and_names_its_file) {
    struct channel_fds fds;
    struct stat pipe_status, passed_status, file_status;
    int pipes[2], other = come();
    cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
    old.options.memory_file = "a file";
    old.parts.notify_fd = pipes[0];
    old.parts.janitor_fd = pipes[1];
    giver_begin(&old.giver, &old.parts);
    say(other, MESSAGE_HELLO);
    cr_assert_eq(turn(), GIVER_OFFERED);
    struct message message = hear(other, &fds);
    cr_expect(message.settings.has_notify);
    cr_expect(message.settings.has_janitor);
    cr_assert_eq(fds.count, 3);
    cr_assert_eq(fstat(pipes[1], &pipe_status), 0);
    cr_assert_eq(fstat(fds.fds[2], &passed_status), 0);
    cr_expect_eq(passed_status.st_ino, pipe_status.st_ino, "the janitor's comes last");
    cr_expect_eq(fcntl(fds.fds[2], F_GETFL) & O_ACCMODE, O_WRONLY);
    cr_assert_eq(fstat(store_file_fd(old.store), &file_status), 0);
    cr_expect_eq(message.settings.file_inode, file_status.st_ino);
    channel_fds_close(&fds);
    close(other);
    cr_expect_eq(turn(), GIVER_IDLE);
    close(pipes[0]);
    close(pipes[1]);
}
