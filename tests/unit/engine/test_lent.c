/* SPDX-License-Identifier: MIT
 *
 * What the kernel still sends from is kept until it says that it is done; a socket says when its queue is empty.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "lent.h"
#include "reply.h"

TestSuite(lent, .timeout = 30);

enum { SENDS = 20, SIZE = 1 << 20 };

static void count_end(void *owner) {
    ++*(int *)owner;
}

static struct reply reply_of(int *ends_count) {
    struct reply reply = {.unsent_size_max = UINT32_MAX, .closing_error = true};
    reply_copy_string(&reply, "head");
    reply_pin(&reply, bytes_from_string("value"), count_end, ends_count);
    return reply;
}

Test(lent, a_reply_is_kept_until_its_send_is_over) {
    struct lent lent = {0};
    int ends_counts[SENDS] = {0};
    for (uint64_t tag = 0; tag < SENDS; tag++) {
        struct reply reply = reply_of(&ends_counts[tag]);
        cr_assert(lent_add(&lent, tag, &reply));
        cr_expect_eq(reply.unsent_size, 0);
        cr_expect_null(reply.first);
        cr_expect(reply.closing_error, "what else it says stays");
        cr_expect_eq(lent_last(&lent)->unsent_size, strlen("headvalue"));
        reply_copy_string(&reply, "it can be used again");
        reply_discard(&reply);
    }
    for (uint64_t i = 0; i < SENDS; i++) {
        uint64_t tag = i * 7 % SENDS;
        cr_expect_eq(ends_counts[tag], 0);
        cr_expect(lent_return(&lent, tag));
        cr_expect_eq(ends_counts[tag], 1);
        cr_expect_not(lent_return(&lent, tag), "only once");
    }
    lent_abandon(&lent);
}

Test(lent, what_is_left_at_the_end_is_never_given_back) {
    struct lent lent = {0};
    int ends_count = 0;
    struct reply reply = reply_of(&ends_count);
    cr_assert(lent_add(&lent, 1, &reply));
    struct reply_chunk *chunk = lent_last(&lent)->first;
    lent_abandon(&lent);
    cr_expect_eq(ends_count, 0);
    cr_expect_eq(lent.count, 0);
    cr_expect_eq(memcmp((const char *)chunk + sizeof(*chunk), "head", 4), 0);
}

/* Two ends of a TCP connection. */
static void connect_pair(int fds[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fds[0], (struct sockaddr *)&address, size), 0);
    fds[1] = accept(listener, NULL, NULL);
    cr_assert_geq(fds[1], 0);
    close(listener);
}

static size_t fill(int fd) {
    static char bytes[SIZE];
    size_t size = 0;
    for (ssize_t sent; (sent = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;) {
        size += (size_t)sent;
    }
    return size;
}

static void expect_taken(int fd) {
    struct deadline deadline = deadline_of("an empty queue");
    while (!lent_is_taken(fd)) {
        deadline_wait(&deadline);
    }
}

Test(lent, a_queue_is_empty_when_the_other_side_has_taken_all) {
    static char bytes[SIZE];
    int fds[2];
    connect_pair(fds);
    expect_taken(fds[0]);
    size_t size = fill(fds[0]);
    cr_assert_gt(size, SIZE);
    cr_expect_not(lent_is_taken(fds[0]));
    while (size > 0) {
        ssize_t got = recv(fds[1], bytes, sizeof(bytes), 0);
        cr_assert_gt(got, 0);
        size -= (size_t)got;
    }
    expect_taken(fds[0]);
    close(fds[0]);
    close(fds[1]);
}

Test(lent, a_queue_is_empty_when_the_connection_is_reset) {
    int fds[2];
    connect_pair(fds);
    cr_assert_gt(fill(fds[0]), SIZE);
    cr_expect_not(lent_is_taken(fds[0]));
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    cr_assert_eq(connect(fds[0], &none, sizeof(none.sa_family)), 0);
    expect_taken(fds[0]);
    close(fds[0]);
    close(fds[1]);
}

Test(lent, what_is_no_socket_says_nothing) {
    cr_expect_not(lent_is_taken(-1));
}
