/* SPDX-License-Identifier: MIT
 *
 * Stops that come at an awkward time.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"

TestSuite(engine_stop, .timeout = 60);

DIAL_ON_BOTH_TRANSPORTS(engine_stop, is_remembered_by_an_engine_that_starts_later) {
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

/* --- under load: the clients' view ------------------------------------------------------------------------- */

enum { ASKERS = 64, ASKING_THREADS = 2, FRAME_SIZE = 3, DEPTH_MAX = 16 };

struct load {
    enum engine_transport transport;
    bool is_unix;
    unsigned depth; /* requests that a client sends at a time; it asks again when all are answered */
};

/* A client that asks again as soon as it has been answered, until it reads the end. */
struct asker {
    int fd;
    unsigned sent, answered_size; /* requests; bytes of answers */
    unsigned late;                /* requests sent when the server's end could be seen */
    int error;                    /* that ended it instead of the server's end */
};

struct asking_thread {
    pthread_t thread;
    unsigned depth;
    struct asker askers[ASKERS / ASKING_THREADS];
    _Atomic unsigned answers_count;
};

static void asker_ask(struct asker *asker, unsigned depth) {
    static const char frames[DEPTH_MAX * FRAME_SIZE] =
        "\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a\0\1a";
    ssize_t sent = send(asker->fd, frames, (size_t)depth * FRAME_SIZE, MSG_NOSIGNAL);
    if (sent < 0) {
        asker->error = errno == EPIPE ? 0 : errno; /* EPIPE: nothing was sent */
        return;
    }
    asker->sent += depth;
    struct pollfd end = {.fd = asker->fd, .events = POLLRDHUP};
    asker->late += poll(&end, 1, 0) > 0 ? depth : 0;
}

/* False when the connection has ended. */
static bool asker_read(struct asker *asker, unsigned depth) {
    char answers[DEPTH_MAX * FRAME_SIZE];
    ssize_t size = recv(asker->fd, answers, sizeof(answers), 0);
    if (size <= 0) {
        asker->error = size < 0 ? errno : asker->error;
        return false;
    }
    asker->answered_size += (unsigned)size;
    if (asker->answered_size == asker->sent * FRAME_SIZE) {
        asker_ask(asker, depth);
    }
    return true;
}

static void *asking_main(void *argument) {
    struct asking_thread *asking = argument;
    enum { COUNT = ASKERS / ASKING_THREADS };
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < COUNT; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, asking->askers[i].fd, &event);
        asker_ask(&asking->askers[i], asking->depth);
    }
    for (unsigned open_count = COUNT; open_count > 0;) {
        struct epoll_event events[COUNT];
        int count = epoll_wait(epoll_fd, events, COUNT, -1);
        for (int i = 0; i < count; i++) {
            struct asker *asker = &asking->askers[events[i].data.u32];
            atomic_fetch_add_explicit(&asking->answers_count, 1, memory_order_relaxed);
            if (!asker_read(asker, asking->depth)) {
                close(asker->fd);
                open_count--;
            }
        }
    }
    close(epoll_fd);
    return NULL;
}

static void asking_begin(struct asking_thread *asking, const struct engine *engine, const struct load *load,
                         const struct sockaddr_un *address) {
    *asking = (struct asking_thread){.depth = load->depth};
    for (unsigned i = 0; i < ASKERS / ASKING_THREADS; i++) {
        asking->askers[i].fd =
            load->is_unix ? dial_address(address, sizeof(*address), AF_UNIX) : dial(engine);
    }
    cr_assert_eq(pthread_create(&asking->thread, NULL, asking_main, asking), 0);
}

static void asking_expect_answers(struct asking_thread *asking) {
    pthread_join(asking->thread, NULL);
    for (unsigned i = 0; i < ASKERS / ASKING_THREADS; i++) {
        const struct asker *asker = &asking->askers[i];
        unsigned answered = asker->answered_size / FRAME_SIZE;
        cr_expect_eq(asker->error, 0, "a client is ended with: %s", strerror(asker->error));
        cr_expect_leq(asker->sent - answered, asker->late, "%u of %u requests have no answer, %u were late",
                      asker->sent - answered, asker->sent, asker->late);
    }
}

ParameterizedTestParameters(engine_stop, under_load_answers_all_that_was_sent_before_its_end_could_be_seen) {
    static struct load loads[] = {
        {ENGINE_URING, false, 1},         {ENGINE_URING, false, DEPTH_MAX}, {ENGINE_EPOLL, false, 1},
        {ENGINE_EPOLL, false, DEPTH_MAX}, {ENGINE_URING, true, 1},          {ENGINE_URING, true, DEPTH_MAX},
        {ENGINE_EPOLL, true, 1},          {ENGINE_EPOLL, true, DEPTH_MAX},
    };
    return cr_make_param_array(struct load, loads, sizeof(loads) / sizeof(loads[0]));
}

ParameterizedTest(struct load *load, engine_stop,
                  under_load_answers_all_that_was_sent_before_its_end_could_be_seen) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/riposte-stop-%d", (int)getpid());
    struct engine_listen listen =
        load->is_unix ? dial_listen_unix(&frames_protocol, address.sun_path) : dial_listen(&frames_protocol);
    struct engine_config config = dial_config(load->transport, &listen);
    struct engine *engine = dial_start(&config);
    static struct asking_thread asking[ASKING_THREADS];
    for (int i = 0; i < ASKING_THREADS; i++) {
        asking_begin(&asking[i], engine, load, &address);
    }
    struct deadline busy = deadline_of("the clients are busy");
    while (atomic_load(&asking[0].answers_count) < 20 * ASKERS ||
           atomic_load(&asking[1].answers_count) < 20 * ASKERS) {
        deadline_wait(&busy);
    }
    engine_stop(engine, ENGINE_STOP_CLOSE);
    for (int i = 0; i < ASKING_THREADS; i++) {
        asking_expect_answers(&asking[i]);
    }
    engine_join(engine);
    engine_destroy(engine);
}
