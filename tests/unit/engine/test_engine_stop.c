/* SPDX-License-Identifier: MIT
 *
 * Stops that come at an awkward time.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"

TestSuite(engine_stop, .timeout = 60);

ParameterizedTestParameters(engine_stop, is_remembered_by_an_engine_that_starts_later) {
    static enum engine_transport transports[] = {ENGINE_URING, ENGINE_EPOLL};
    return cr_make_param_array(enum engine_transport, transports, 2);
}

ParameterizedTest(enum engine_transport *transport, engine_stop,
                  is_remembered_by_an_engine_that_starts_later) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = NULL;
    struct engine_error error;
    cr_assert_eq(engine_create(&config, &engine, &error), 0);
    engine_stop(engine, ENGINE_STOP_CLOSE);
    cr_assert_eq(engine_start(engine, &error), 0);
    engine_join(engine);
    engine_destroy(engine);
}

ParameterizedTestParameters(engine_stop, ends_although_a_client_does_not_read) {
    static enum engine_send sends[] = {ENGINE_SEND_PLAIN, ENGINE_SEND_BUNDLE, ENGINE_SEND_ZERO_COPY};
    return cr_make_param_array(enum engine_send, sends, 3);
}

ParameterizedTest(enum engine_send *way, engine_stop, ends_although_a_client_does_not_read) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_URING, &listen);
    config.send = *way;
    config.send_zero_copy_size_min = 1;
    config.limits.output_size_max = 64 * 1024;
    config.drain_timeout_ms = 200;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    enum { SIZE = 60000 };
    char *frame = calloc(1, SIZE + 2);
    frame[0] = (char)(SIZE >> 8);
    frame[1] = (char)(SIZE & 0xff);
    /* Whole frames until the server has stopped to receive because nobody takes its answers. */
    struct deadline stopped = deadline_of("the server stops receiving");
    size_t at = 0;
    for (;;) {
        ssize_t sent = send(fd, frame + at, SIZE + 2 - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (dial_counter(engine, output_pauses) > 0) {
                break;
            }
            deadline_wait(&stopped);
        }
        at = (at + (sent > 0 ? (size_t)sent : 0)) % (SIZE + 2);
    }
    dial_stop(engine);
    free(frame);
    close(fd);
}
