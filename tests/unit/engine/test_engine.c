/* SPDX-License-Identifier: MIT
 *
 * The engine as a library, with the example protocol of tests/support/frames.c, on both transports.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "riposte/engine.h"

/* A test that hangs has failed. */
TestSuite(engine, .timeout = 120);

/* A frame of `size` bytes of content; owned by the caller. */
static char *frame_of(size_t size, unsigned seed) {
    char *frame = malloc(size + 2);
    frame[0] = (char)(size >> 8);
    frame[1] = (char)size;
    for (size_t i = 0; i < size; i++) {
        frame[i + 2] = (char)(seed + i * 31);
    }
    return frame;
}

static void echo_once(int fd, size_t size, unsigned seed) {
    char *frame = frame_of(size, seed);
    dial_send(fd, frame, size + 2);
    dial_expect(fd, frame, size + 2);
    free(frame);
}

DIAL_ON_BOTH_TRANSPORTS(engine, echoes_frames_of_all_sizes) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    for (size_t size = 1; size < 65536; size = size * 3 + 1) {
        echo_once(fd, size, (unsigned)size);
    }
    close(fd);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, accepts_a_request_cut_at_every_byte) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    char *frame = frame_of(300, 7);
    for (size_t i = 0; i < 302; i++) {
        dial_send(fd, frame + i, 1);
    }
    dial_expect(fd, frame, 302);
    free(frame);
    close(fd);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, answers_a_pipeline_before_the_end_of_input) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    enum { COUNT = 500, SIZE = 40 };
    char *frame = frame_of(SIZE, 3);
    for (int i = 0; i < COUNT; i++) {
        dial_send(fd, frame, SIZE + 2);
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < COUNT; i++) {
        dial_expect(fd, frame, SIZE + 2);
    }
    dial_expect_end(fd);
    free(frame);
    close(fd);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, sends_the_last_reply_although_input_is_left_unread) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    char *unread = calloc(1, 100000);
    char farewell[2] = {0, 0};
    dial_send(fd, farewell, 2);
    dial_send(fd, unread, 100000);
    echo_once(dial(engine), 10, 1); /* somebody else is served meanwhile */
    char byte[3];
    size_t got = 0;
    ssize_t received = 0;
    while (got < sizeof(byte) && (received = recv(fd, byte + got, sizeof(byte) - got, 0)) > 0) {
        got += (size_t)received;
    }
    cr_assert_eq(received, 0, "reset instead of an end");
    cr_assert_eq(got, 0, "a frame is dropped behind reply_close");
    free(unread);
    close(fd);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, pauses_a_client_that_does_not_read) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.output_size_max = 64 * 1024;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    enum { SIZE = 60000, WANTED = 2000 };
    char *frame = frame_of(SIZE, 9);
    /* Writes until the server has stopped receiving for good. */
    struct deadline stopped = deadline_of("the server stops receiving");
    int whole = 0;
    size_t partial = 0;
    while (whole < WANTED) {
        ssize_t sent = send(fd, frame + partial, SIZE + 2 - partial, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct engine_counters sum;
        engine_counters_sum(engine, &sum);
        if (sent < 0) {
            if (counter_read(&sum.output_pauses) > 0) {
                break;
            }
            deadline_wait(&stopped);
        }
        partial += sent > 0 ? (size_t)sent : 0;
        whole += partial == SIZE + 2;
        partial = partial == SIZE + 2 ? 0 : partial;
    }
    cr_assert_lt(whole, WANTED, "the server took everything");
    for (int i = 0; i < whole; i++) {
        dial_expect(fd, frame, SIZE + 2);
    }
    dial_send(fd, frame + partial, SIZE + 2 - partial);
    dial_expect(fd, frame, SIZE + 2);
    free(frame);
    close(fd);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, turns_away_connections_over_the_limit) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    config.limits.connections_max = 2;
    struct engine *engine = dial_start(&config);
    int first = dial(engine), second = dial(engine);
    echo_once(first, 5, 1);
    echo_once(second, 5, 1);
    int third = dial(engine);
    dial_expect(third, "full\r\n", 6);
    dial_expect_end(third);
    close(first);
    struct deadline freed = deadline_of("the first one's place is free");
    for (;;) {
        int fourth = dial(engine);
        char *frame = frame_of(1, 1);
        char got[6];
        dial_send(fourth, frame, 3);
        ssize_t size = recv(fourth, got, sizeof(got), 0);
        close(fourth);
        free(frame);
        if (size == 3) {
            break;
        }
        cr_assert_eq(size, 6);
        deadline_wait(&freed);
    }
    close(second);
    close(third);
    dial_stop(engine);
}

DIAL_ON_BOTH_TRANSPORTS(engine, serves_a_unix_socket_and_removes_its_file) {
    char folder[] = "/tmp/riposte-test-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    struct engine_listen listen = {
        .protocol = &frames_protocol, .address_size = sizeof(struct sockaddr_un), .unix_mode = 0700};
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&listen.address;
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof(address->sun_path), "%s/socket", folder);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    for (int i = 0; i < 50; i++) {
        int fd = dial_address(address, sizeof(*address), AF_UNIX);
        echo_once(fd, 100, (unsigned)i);
        shutdown(fd, SHUT_WR);
        dial_expect_end(fd);
        close(fd);
    }
    dial_stop(engine);
    cr_assert_eq(access(address->sun_path, F_OK), -1);
    rmdir(folder);
}

Test(engine, goes_on_with_zero_copy_beside_a_socket_that_has_none) {
    char folder[] = "/tmp/riposte-test-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    struct engine_listen listens[] = {dial_listen(&frames_protocol),
                                      dial_listen_unix(&frames_protocol, path)};
    struct engine_config config = dial_config(ENGINE_URING, listens);
    config.listens_count = 2;
    config.workers_count = 1;
    config.send = ENGINE_SEND_ZERO_COPY;
    config.send_zero_copy_size_min = 1;
    struct engine *engine = dial_start(&config);
    if (strstr(engine_features(engine), "zero-copy") == NULL) {
        cr_skip_test("this kernel has no zero-copy sends");
    }
    int local = dial_address(&listens[1].address, sizeof(struct sockaddr_un), AF_UNIX);
    int remote = dial(engine);
    echo_once(local, 100, 1);
    echo_once(local, 100, 2);
    cr_expect_eq(dial_counter(engine, sends_zero_copy), 0);
    echo_once(remote, 100, 3);
    echo_once(remote, 100, 4);
    cr_expect_geq(dial_counter(engine, sends_zero_copy), 2);
    close(local);
    close(remote);
    dial_stop(engine);
    rmdir(folder);
}

Test(engine, refuses_a_port_that_is_taken_with_a_sentence) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_EPOLL, &listen);
    struct engine *engine = dial_start(&config);
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&listen.address;
    address->sin_port = htons(engine_port(engine, 0));
    struct engine *second = NULL;
    struct engine_error error;
    cr_assert_eq(engine_create(&config, &second, &error), -EADDRINUSE);
    cr_assert(strstr(error.message, "is in use by another process") != NULL, "%s", error.message);
    dial_stop(engine);
}

Test(engine, refuses_limits_that_cannot_be) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_EPOLL, &listen);
    config.limits.connections_max = 0;
    struct engine *engine = NULL;
    struct engine_error error;
    cr_assert_eq(engine_create(&config, &engine, &error), -EINVAL);
    cr_assert(error.usage);
    config = dial_config(ENGINE_EPOLL, &listen);
    config.limits.output_size_max = 0;
    cr_assert_eq(engine_create(&config, &engine, &error), -EINVAL);
    cr_assert(error.usage);
}
