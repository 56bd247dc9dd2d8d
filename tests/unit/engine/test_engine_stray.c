/* SPDX-License-Identifier: MIT
 *
 * Completions that nobody expects, as some kernels post them (https://github.com/axboe/liburing/issues/1246).
 *
 * They are put into the worker's completion queue from outside: by a ring of the test, with MSG_RING.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "deadline.h"
#include "dial.h"
#include "riposte/reply.h"

TestSuite(engine_stray, .timeout = 60);

enum { ANSWER_SIZE = 16 << 20, DESCRIPTORS_MAX = 1024 };

static void keep(void *owner) {
    (void)owner;
}

/* Answers anything with more than a socket holds. */
static struct progress large_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    (void)session;
    (void)context;
    static char answer[ANSWER_SIZE];
    reply_pin(reply, bytes_of(answer, sizeof(answer)), keep, NULL);
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

static const struct protocol large_protocol = {.name = "large", .on_input = large_on_input};

/* The only io_uring of this process; -1 when there is none. */
static int find_ring(void) {
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        char path[64], name[64] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "[io_uring]") != NULL) {
            return fd;
        }
    }
    return -1;
}

/* Posts a completion to another ring; a negative errno where the kernel does not. */
static int post(int ring_fd, uint64_t tag, int result) {
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    cr_assert_eq(io_uring_queue_init(8, &ring, 0), 0);
    io_uring_prep_msg_ring(io_uring_get_sqe(&ring), ring_fd, (unsigned)result, tag, 0);
    cr_assert_eq(io_uring_submit_and_wait(&ring, 1), 1);
    cr_assert_eq(io_uring_peek_cqe(&ring, &cqe), 0);
    int posted = cqe->res;
    io_uring_queue_exit(&ring);
    return posted;
}

Test(engine_stray, a_second_last_completion_of_a_receive_is_dropped) {
    struct engine_listen listen = dial_listen(&large_protocol);
    struct engine_config config = dial_config(ENGINE_URING, &listen);
    config.workers_count = 1;
    config.limits.output_size_max =
        2 * ANSWER_SIZE; /* the connection is not paused: its receive stays armed */
    struct engine *engine = dial_start(&config);
    int worker_ring = find_ring();
    int fd = dial(engine);
    dial_send(fd, "?", 1);
    struct deadline blocked = deadline_of("a send waits for the client");
    while (dial_counter(engine, sends_short) == 0) {
        deadline_wait(&blocked);
    }
    /* A reset that the kernel says twice: now, and again when the connection is closed. */
    if (post(worker_ring, tag_pack(OP_RECV, 0, 0), -ECONNRESET) < 0) {
        cr_skip_test("no MSG_RING to a ring like the worker's");
    }
    struct deadline closed = deadline_of("the connection is closed");
    while (dial_counter(engine, connections_current) > 0) {
        deadline_wait(&closed);
    }
    cr_expect_eq(dial_counter(engine, closed_error), 1);
    cr_expect_geq(dial_counter(engine, completions_stray), 1);
    close(fd);
    dial_stop(engine);
}
