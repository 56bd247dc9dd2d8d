/* SPDX-License-Identifier: MIT
 *
 * The channel over a pair of sockets: what is said is heard, with its descriptors; what is none of it is named, and leaks nothing.
 */
#include "channel.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "riposte/clock.h"

enum { NEW, OLD, KERNEL_FDS_MAX = 253 /* SCM_MAX_FD */ };

static int ends[2];

static void open_all(void) {
    signal(SIGIO, SIG_IGN);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_all(void) {
    close(ends[NEW]);
    close(ends[OLD]);
}

TestSuite(channel, .init = open_all, .fini = close_all, .timeout = 30);

static unsigned open_fds_count(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;
    cr_assert_not_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* Bytes as they are, and the same descriptor so many times. */
static void send_raw(const void *bytes, size_t size, unsigned fds_count) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * KERNEL_FDS_MAX)];
    } control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
    memset(&control, 0, sizeof(control));
    if (fds_count > 0) {
        head.msg_control = control.bytes;
        head.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int) * fds_count);
    }
    for (unsigned i = 0; i < fds_count; i++) {
        memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &ends[OLD], sizeof(int));
    }
    cr_assert_eq(sendmsg(ends[OLD], &head, 0), (ssize_t)size);
}

static int hear(struct message *message, struct channel_fds *fds) {
    return channel_receive(ends[NEW], message, fds, 0);
}

/* A READY that is changed at `offset`, and sent with so many descriptors. */
static int hear_changed(size_t offset, uint16_t value, unsigned fds_count) {
    char bytes[MESSAGE_SIZE_MAX];
    struct message message = {.kind = MESSAGE_READY};
    struct channel_fds fds;
    unsigned before = open_fds_count();
    size_t size = message_write(&message, bytes);
    memcpy(bytes + offset, &value, sizeof(value));
    send_raw(bytes, size, fds_count);
    int result = hear(&message, &fds);
    if (result < 0) {
        cr_expect_eq(fds.count, 0);
    }
    channel_fds_close(&fds);
    cr_expect_eq(open_fds_count(), before, "nothing is left open");
    return result;
}

Test(channel, descriptors_come_with_their_message_up_to_the_limit) {
    static int sent[MESSAGE_FDS_MAX];
    for (int i = 0; i < MESSAGE_FDS_MAX; i++) {
        sent[i] = ends[OLD];
    }
    const unsigned counts[] = {0, 1, MESSAGE_FDS_MAX};
    for (unsigned i = 0; i < 3; i++) {
        struct message message = {.kind = MESSAGE_LISTENER, .listener = {.fds_count = counts[i]}};
        struct channel_fds fds;
        cr_assert_eq(channel_send(ends[OLD], &message, sent, counts[i], 0), 0);
        memset(&message, 0, sizeof(message));
        cr_assert_eq(hear(&message, &fds), 0);
        cr_assert_eq(message.kind, MESSAGE_LISTENER);
        cr_assert_eq(fds.count, counts[i]);
        for (unsigned at = 0; at < fds.count; at++) {
            cr_assert_neq(fcntl(fds.fds[at], F_GETFD) & FD_CLOEXEC, 0);
        }
        channel_fds_close(&fds);
    }
}

Test(channel, one_descriptor_past_the_limit_is_no_message) {
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, MESSAGE_FDS_MAX), 0);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, MESSAGE_FDS_MAX + 1), -EPROTO);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, KERNEL_FDS_MAX), -EPROTO);
    const int yes = 1;
    cr_assert_eq(setsockopt(ends[NEW], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), 0);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, MESSAGE_FDS_MAX), 0);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, MESSAGE_FDS_MAX + 1), -EPROTO);
}

/* As a process sees it whose limit is too low; those that have come are closed. */
Test(channel, descriptors_that_it_may_not_have_are_named_so) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    unsigned before = open_fds_count();
    limit.rlim_cur = before + 4;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, 20), -EMFILE);
    cr_expect_eq(open_fds_count(), before);
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION, 1), 0);
}

Test(channel, what_is_no_message_is_named_and_its_descriptors_are_closed) {
    cr_expect_eq(hear_changed(0, 0x5555, 3), -EPROTO, "no magic");
    cr_expect_eq(hear_changed(6, MESSAGE_KINDS_END, 3), -EPROTO, "a kind that there is not");
    cr_expect_eq(hear_changed(8, 13, 3), -EPROTO, "a size that it has not");
    cr_expect_eq(hear_changed(4, MESSAGE_VERSION + 1, 3), -EPROTONOSUPPORT);
}

Test(channel, a_packet_has_a_byte_or_as_many_as_a_message_may_have) {
    static char bytes[MESSAGE_SIZE_MAX + 1];
    struct message message;
    struct channel_fds fds;
    const size_t sizes[] = {1, MESSAGE_SIZE_MAX, MESSAGE_SIZE_MAX + 1};
    for (unsigned i = 0; i < 3; i++) {
        send_raw(bytes, sizes[i], 2);
        cr_expect_eq(hear(&message, &fds), -EPROTO);
        cr_expect_eq(fds.count, 0);
    }
}

Test(channel, a_kind_that_one_may_do_without_is_passed_over) {
    struct message message = {.kind = MESSAGE_MINE};
    struct channel_fds fds;
    cr_expect_eq(hear_changed(6, MESSAGE_EXTRA_KINDS, 5), -EAGAIN, "nothing else has come");
    cr_assert_eq(channel_send(ends[OLD], &message, NULL, 0, 0), 0);
    cr_assert_eq(hear(&message, &fds), 0);
    cr_expect_eq(message.kind, MESSAGE_MINE);
}

Test(channel, silence_ends_at_the_deadline) {
    struct message message;
    struct channel_fds fds;
    cr_expect_eq(hear(&message, &fds), -EAGAIN);
    uint64_t began_ns = clock_monotonic_ns();
    cr_expect_eq(channel_receive(ends[NEW], &message, &fds, began_ns + 20 * CLOCK_NS_PER_MS), -ETIMEDOUT);
    cr_expect_geq(clock_monotonic_ns() - began_ns, 20 * CLOCK_NS_PER_MS);
    message = (struct message){.kind = MESSAGE_READY};
    int result = 0;
    while (result == 0) {
        result = channel_send(ends[OLD], &message, NULL, 0, clock_monotonic_ns() + CLOCK_NS_PER_MS);
    }
    cr_expect_eq(result, -ETIMEDOUT, "there is no room");
}

/* The other one goes with something unread, which the system says first. */
Test(channel, the_last_words_are_heard_before_the_end) {
    struct message message = {.kind = MESSAGE_HELLO};
    struct channel_fds fds;
    cr_assert_eq(channel_send(ends[NEW], &message, NULL, 0, 0), 0);
    channel_refuse(ends[OLD], "no");
    close(ends[OLD]);
    cr_assert_eq(hear(&message, &fds), 0);
    cr_expect_eq(message.kind, MESSAGE_REFUSED);
    cr_expect_str_eq(message.refused.text, "no");
    cr_expect_eq(hear(&message, &fds), -EPIPE);
    cr_expect_eq(channel_send(ends[NEW], &message, NULL, 0, 0), -EPIPE);
    ends[OLD] = dup(ends[NEW]);
}

Test(channel, who_waits_when_it_ends_is_refused_and_nobody_comes_behind) {
    struct channel_peer peer;
    struct message message = {.kind = MESSAGE_HELLO};
    struct channel_fds fds;
    int waiting[3], listening = channel_listen();
    cr_assert_geq(listening, 0);
    for (int i = 0; i < 3; i++) {
        waiting[i] = channel_connect(getpid(), &peer);
        cr_assert_geq(waiting[i], 0);
        cr_expect_eq(peer.pid, getpid());
        cr_assert_eq(channel_send(waiting[i], &message, NULL, 0, 0), 0);
    }
    channel_end(listening, "it stops");
    for (int i = 0; i < 3; i++) {
        struct message heard;
        cr_assert_eq(channel_receive(waiting[i], &heard, &fds, 0), 0);
        cr_expect_str_eq(heard.refused.text, "it stops");
        close(waiting[i]);
    }
    cr_expect_eq(channel_connect(getpid(), &peer), -ECONNREFUSED);
}
