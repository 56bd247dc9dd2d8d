/* SPDX-License-Identifier: MIT
 *
 * The receive buffers against the running kernel: what a peer sends lies where buffers_take says, a lent buffer is not
 * used twice, and one that was given back is used again.
 */
#include "buffers.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

enum { GROUP = 3, SIZE = 1024, COUNT = 4 };

TestSuite(buffers, .timeout = 60);

/* A ring with buffers, and a pair of connected sockets: the peer sends on one, the ring receives from the other. */
struct receiver {
    struct ring ring;
    struct buffers buffers;
    int peer, fd;
};

static struct receiver receiver_open(bool incremental) {
    struct receiver receiver = {.ring = fixture_ring(8, 16)};
    int sockets[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    receiver.peer = sockets[0];
    receiver.fd = sockets[1];
    int result = buffers_init(&receiver.buffers, &receiver.ring, GROUP, SIZE, COUNT, incremental);
    if (result == -EINVAL) {
        cr_skip_test("this kernel has no %s",
                     incremental ? "incremental buffers" : "rings of provided buffers");
    }
    cr_assert_eq(result, 0, "%s", strerror(-result));
    return receiver;
}

static void receiver_close(struct receiver *receiver) {
    buffers_deinit(&receiver->buffers, &receiver->ring, GROUP);
    ring_deinit(&receiver->ring);
    close(receiver->peer);
    close(receiver->fd);
}

/* Receives into a buffer of the kernel's choice, once; the raw completion. */
static struct fixture_completion receive_any(struct receiver *receiver) {
    struct io_uring_sqe *sqe = ring_sqe(&receiver->ring);
    cr_assert_not_null(sqe);
    io_uring_prep_recv(sqe, receiver->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return fixture_reap(&receiver->ring);
}

static char *take(struct receiver *receiver, struct fixture_completion completion) {
    struct io_uring_cqe *cqe = &(struct io_uring_cqe){.res = completion.result, .flags = completion.flags};
    return buffers_take(&receiver->buffers, cqe);
}

/* Sends and receives `size` bytes of `letter`; where they lie. */
static char *echo(struct receiver *receiver, char letter, size_t size) {
    char sent[SIZE];
    memset(sent, letter, size);
    cr_assert_eq(send(receiver->peer, sent, size, 0), (ssize_t)size);
    struct fixture_completion completion = receive_any(receiver);
    cr_assert_eq(completion.result, (int)size, "%s", strerror(-completion.result));
    cr_assert(completion.flags & IORING_CQE_F_BUFFER);
    char *data = take(receiver, completion);
    cr_assert_eq(memcmp(data, sent, size), 0);
    return data;
}

Test(buffers, hold_what_has_come_until_they_are_returned) {
    struct receiver receiver = receiver_open(false);
    char *data[COUNT];
    for (int i = 0; i < COUNT; i++) {
        data[i] = echo(&receiver, (char)('a' + i), SIZE);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(data[i][0], 'a' + i);
        cr_assert_eq(data[i][SIZE - 1], 'a' + i);
    }
    receiver_close(&receiver);
}

Test(buffers, are_not_used_again_before_they_are_returned) {
    struct receiver receiver = receiver_open(false);
    for (int i = 0; i < COUNT; i++) {
        echo(&receiver, '.', 1);
    }
    cr_assert_eq(receiver.buffers.finished_count, COUNT);
    cr_assert_eq(send(receiver.peer, "x", 1, 0), 1);
    cr_assert_eq(receive_any(&receiver).result, -ENOBUFS);
    buffers_return(&receiver.buffers);
    cr_assert_eq(receiver.buffers.finished_count, 0);
    struct fixture_completion completion = receive_any(&receiver);
    cr_assert_eq(completion.result, 1);
    cr_assert_eq(*take(&receiver, completion), 'x');
    receiver_close(&receiver);
}

/* More rounds than the ring has 16-bit places: its counters wrap. */
Test(buffers, go_round_and_round) {
    enum { ROUNDS = 70000 / COUNT };
    struct receiver receiver = receiver_open(false);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            echo(&receiver, (char)round, 1 + (size_t)(round + i) % 8);
        }
        buffers_return(&receiver.buffers);
    }
    receiver_close(&receiver);
}

Test(buffers, are_in_the_kernels_hands_when_none_is_finished) {
    struct receiver receiver = receiver_open(false);
    buffers_return(&receiver.buffers);
    buffers_return(&receiver.buffers);
    for (int i = 0; i < COUNT; i++) {
        echo(&receiver, 'r', 10);
    }
    receiver_close(&receiver);
}

Test(buffers, incremental_ones_are_used_up_piece_by_piece) {
    enum { PIECE = SIZE / 4 };
    struct receiver receiver = receiver_open(true);
    char *first = echo(&receiver, 'a', PIECE);
    cr_assert_eq(echo(&receiver, 'b', PIECE), first + PIECE);
    cr_assert_eq(echo(&receiver, 'c', PIECE), first + 2 * PIECE);
    cr_assert_eq(receiver.buffers.finished_count, 0, "the kernel goes on using it");
    cr_assert_eq(echo(&receiver, 'd', PIECE), first + 3 * PIECE);
    cr_assert_eq(receiver.buffers.finished_count, 1, "its last byte is taken");
    for (int i = 0; i < SIZE; i++) {
        cr_assert_eq(first[i], 'a' + i / PIECE);
    }
    receiver_close(&receiver);
}

Test(buffers, incremental_ones_begin_at_their_first_byte_again_once_returned) {
    struct receiver receiver = receiver_open(true);
    for (int round = 0; round < 100; round++) {
        char *first = echo(&receiver, 'a', SIZE / 2);
        cr_assert_eq((size_t)(first - receiver.buffers.memory) % SIZE, 0);
        cr_assert_eq(echo(&receiver, 'b', SIZE / 2), first + SIZE / 2);
        cr_assert_eq(receiver.buffers.finished_count, 1);
        buffers_return(&receiver.buffers);
    }
    receiver_close(&receiver);
}

Test(buffers, a_group_is_registered_once) {
    struct receiver receiver = receiver_open(false);
    struct buffers second;
    cr_assert_eq(buffers_init(&second, &receiver.ring, GROUP, SIZE, COUNT, false), -EEXIST);
    cr_assert_null(second.memory, "what was refused holds no memory");
    receiver_close(&receiver);
}

Test(buffers, a_group_is_free_again_after_deinit) {
    struct receiver receiver = receiver_open(false);
    for (int i = 0; i < 3; i++) {
        buffers_deinit(&receiver.buffers, &receiver.ring, GROUP);
        cr_assert_eq(buffers_init(&receiver.buffers, &receiver.ring, GROUP, SIZE, COUNT, false), 0);
    }
    echo(&receiver, 'x', SIZE);
    receiver_close(&receiver);
}

Test(buffers, memory_that_cannot_be_had_is_an_error) {
    struct receiver receiver = receiver_open(false);
    struct buffers huge;
    /* 128 TiB, all that a process may address; the list of them is small, because it is asked for page by page. */
    cr_assert_eq(buffers_init(&huge, &receiver.ring, GROUP + 1, UINT32_MAX, 1U << 15, false), -ENOMEM);
    receiver_close(&receiver);
}
