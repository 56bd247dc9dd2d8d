/* SPDX-License-Identifier: MIT
 *
 * Frozen connections go on where they were, in the same engine or in another one, whatever its transport.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "move.h"
#include "riposte/record.h"

TestSuite(freeze, .timeout = 60);

enum { FRAME_SIZE_MAX = 2 + UINT16_MAX };
static const char frame[] = {0, 3, 'a', 'b', 'c'};

static void expect_answer(int fd) {
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
}

static struct engine *start(const struct move_way *way, const struct protocol *protocol) {
    struct engine_listen listen = dial_listen(protocol);
    struct engine_config config = dial_config(way->from, &listen);
    return dial_start(&config);
}

/* Soon there are so many connections. */
static void expect_count(struct engine *engine, unsigned count) {
    struct deadline deadline = deadline_of("the connections that should be left");
    while (dial_counter(engine, connections_current) != count) {
        deadline_wait(&deadline);
    }
}

/* Its connections are where the way leads. */
static struct engine *move(const struct move_way *way, struct engine *engine,
                           const struct protocol *protocol) {
    struct engine_listen listen = dial_listen(protocol);
    struct engine_config config = dial_config(way->to, &listen);
    return move_along(way, engine, &config);
}

MOVE_TEST(freeze, who_waits_between_two_requests_is_answered_afterwards) {
    enum { CLIENTS = 20, ROUNDS = 5 };
    struct engine *engine = start(way, &frames_protocol);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        expect_answer(fds[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        engine = move(way, engine, &frames_protocol);
        cr_assert_eq(dial_counter(engine, connections_current), CLIENTS);
        for (int i = 0; i < CLIENTS; i++) {
            expect_answer(fds[i]);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    dial_stop(engine);
}

MOVE_TEST(freeze, a_request_may_be_cut_anywhere) {
    struct engine *engine = start(way, &frames_protocol);
    int fds[sizeof(frame)];
    for (size_t i = 0; i < sizeof(frame); i++) {
        fds[i] = dial(engine);
        expect_answer(fds[i]);
        dial_send(fds[i], frame, i);
    }
    engine = move(way, engine, &frames_protocol);
    for (size_t i = 0; i < sizeof(frame); i++) {
        dial_expect_open(fds[i], 0);
        dial_send(fds[i], frame + i, sizeof(frame) - i);
        dial_expect(fds[i], frame, sizeof(frame));
        close(fds[i]);
    }
    dial_stop(engine);
}

/* Sends frames that nobody takes the answers of until the engine reads no more; returns how many bytes. */
static size_t fill(const struct engine *engine, int fd, const char *data, size_t size) {
    size_t total = 0;
    struct deadline deadline = deadline_of("a client that is not read from");
    for (;;) {
        size_t at = total % size;
        ssize_t sent = send(fd, data + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        total += sent > 0 ? (size_t)sent : 0;
        if (sent < 0 && dial_counter(engine, output_pauses) > 0) {
            return total;
        }
        if (sent < 0) {
            deadline_wait(&deadline);
        }
    }
}

MOVE_TEST(freeze, what_a_client_does_not_take_comes_whole_and_in_order) {
    static char large[FRAME_SIZE_MAX];
    large[0] = large[1] = (char)0xff;
    for (size_t i = 2; i < sizeof(large); i++) {
        large[i] = (char)(i * 7 + i / 251);
    }
    struct engine *engine = start(way, &frames_protocol);
    int fd = dial(engine);
    size_t sent = fill(engine, fd, large, sizeof(large));
    engine = move(way, engine, &frames_protocol);
    size_t whole = sent / sizeof(large);
    for (size_t i = 0; i < whole; i++) {
        dial_expect(fd, large, sizeof(large));
    }
    size_t rest = sent % sizeof(large);
    dial_send(fd, large + rest, sizeof(large) - rest);
    dial_expect(fd, large, sizeof(large));
    cr_assert_gt(whole, 10);
    close(fd);
    dial_stop(engine);
}

MOVE_TEST(freeze, a_last_answer_that_waits_comes_whole_and_the_end_behind_it) {
    enum { FRAMES = 100 };
    static const char end[] = {0, 0};
    static char large[FRAME_SIZE_MAX];
    large[0] = large[1] = (char)0xff;
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(way->from, &listen);
    config.limits.input_size_max = config.limits.output_size_max = 64 * 1024 * 1024;
    struct engine *engine = dial_start(&config);
    int flushing = dial(engine), lingering = dial(engine);
    for (int i = 0; i < FRAMES; i++) {
        dial_send(flushing, large, sizeof(large));
    }
    dial_send(flushing, end, sizeof(end));
    dial_send(lingering, end, sizeof(end));
    dial_expect_end(lingering);
    engine = move(way, engine, &frames_protocol);
    for (int i = 0; i < FRAMES; i++) {
        dial_expect(flushing, large, sizeof(large));
    }
    dial_expect_end(flushing);
    close(lingering);
    close(flushing);
    expect_count(engine, 0);
    cr_assert_eq(dial_counter(engine, closed_by_protocol), 2);
    dial_stop(engine);
}

MOVE_TEST(freeze, a_client_that_has_ended_its_side_gets_its_answers) {
    struct engine *engine = start(way, &frames_protocol);
    int fd = dial(engine);
    expect_answer(fd);
    move_freeze(engine);
    dial_send(fd, frame, sizeof(frame));
    shutdown(fd, SHUT_WR);
    move_take_back(engine);
    dial_expect(fd, frame, sizeof(frame));
    dial_expect_end(fd);
    close(fd);
    dial_stop(engine);
}

MOVE_TEST(freeze, who_is_gone_meanwhile_is_let_go) {
    struct engine *engine = start(way, &frames_protocol);
    int fd = dial(engine), other = dial(engine);
    expect_answer(fd);
    expect_answer(other);
    move_freeze(engine);
    close(fd);
    move_take_back(engine);
    expect_answer(other);
    expect_count(engine, 1);
    close(other);
    dial_stop(engine);
}

MOVE_TEST(freeze, who_comes_meanwhile_is_answered_afterwards) {
    struct engine *engine = start(way, &frames_protocol);
    int before = dial(engine);
    expect_answer(before);
    move_freeze(engine);
    int meanwhile = dial(engine);
    dial_send(meanwhile, frame, sizeof(frame));
    dial_send(before, frame, sizeof(frame));
    dial_expect_open(before, 20);
    dial_expect_open(meanwhile, 0);
    move_take_back(engine);
    dial_expect(before, frame, sizeof(frame));
    dial_expect(meanwhile, frame, sizeof(frame));
    close(before);
    close(meanwhile);
    dial_stop(engine);
}

MOVE_TEST(freeze, who_waits_for_a_place_is_moved_too) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(way->from, &listen);
    config.workers_count = 1;
    config.limits.connections_max = 1;
    config.limits.reject_when_full = false;
    struct engine *engine = dial_start(&config);
    int first = dial(engine);
    expect_answer(first);
    int parked = dial(engine);
    dial_send(parked, frame, sizeof(frame));
    struct deadline deadline = deadline_of("a connection that waits for a place");
    while (dial_counter(engine, accept_backoffs) == 0) {
        deadline_wait(&deadline);
    }
    engine = move(way, engine, &frames_protocol);
    dial_expect(parked, frame, sizeof(frame));
    expect_answer(first);
    close(parked);
    close(first);
    dial_stop(engine);
}

MOVE_TEST(freeze, a_protocol_that_cannot_be_saved_has_its_clients_told) {
    struct protocol unsaved = frames_protocol;
    unsaved.session_save = NULL;
    struct engine *engine = start(way, &unsaved);
    int idle = dial(engine), cut = dial(engine);
    expect_answer(idle);
    dial_send(cut, frame, 1);
    move_freeze(engine);
    dial_expect_end(idle);
    dial_expect_end(cut);
    move_take_back(engine); /* they linger: their clients have not ended their side */
    close(idle);
    close(cut);
    expect_count(engine, 0);
    cr_assert_eq(dial_counter(engine, closed_handed_over), 2);
    dial_stop(engine);
}

/* More than any reader takes; the pages are never touched. */
static void save_too_much(void *session, struct record_writer *writer, void *context) {
    (void)session;
    (void)context;
    record_reserve(writer, (size_t)PROTOCOL_SAVED_SIZE_MAX + 1);
}

MOVE_TEST(freeze, who_does_not_fit_into_a_record_is_closed_and_the_engine_goes_on) {
    struct protocol large = frames_protocol;
    large.session_save = save_too_much;
    struct engine *engine = start(way, &large);
    int fd = dial(engine);
    expect_answer(fd);
    move_freeze(engine);
    cr_assert_eq(engine_frozen(engine).connections_count, 0);
    move_take_back(engine);
    cr_assert_eq(dial_counter(engine, closed_conn_memory), 1);
    int other = dial(engine);
    expect_answer(other);
    close(other);
    close(fd);
    dial_stop(engine);
}

MOVE_TEST(freeze, a_frozen_engine_may_be_stopped) {
    struct engine *engine = start(way, &frames_protocol);
    int fd = dial(engine);
    expect_answer(fd);
    move_freeze(engine);
    cr_assert_eq(engine_frozen(engine).connections_count, 1);
    dial_stop(engine);
    dial_expect_end(fd);
    close(fd);
}

/* --- what is refused ---------------------------------------------------------------------------------------- */

static bool try_damaged(void *user, const struct engine_moved *moved) {
    struct engine *engine = user;
    struct engine_moved copy = *moved;
    char *data = malloc(moved->record.size);
    memcpy(data, moved->record.data, moved->record.size);
    copy.record.data = data;
    data[0] ^= 1;
    cr_expect_eq(engine_adopt(engine, 0, &copy), ENGINE_ADOPT_BAD);
    data[0] ^= 1;
    copy.record.size--;
    cr_expect_eq(engine_adopt(engine, 0, &copy), ENGINE_ADOPT_BAD);
    copy.record.size++;
    copy.file_fd = 0; /* of which the record says nothing */
    cr_expect_eq(engine_adopt(engine, 0, &copy), ENGINE_ADOPT_BAD);
    copy.file_fd = -1;
    cr_expect_eq(engine_adopt(engine, 0, &copy), ENGINE_ADOPT_UNKNOWN, "another port");
    free(data);
    return true;
}

Test(freeze, a_record_that_does_not_fit_is_refused_before_anything_happens) {
    struct move_way way = {ENGINE_EPOLL, ENGINE_EPOLL, false};
    struct engine *old = start(&way, &frames_protocol), *other = start(&way, &frames_protocol);
    int fd = dial(old);
    expect_answer(fd);
    move_freeze(old);
    move_freeze(other);
    cr_assert_eq(engine_export(old, try_damaged, other), 1);
    cr_assert_eq(engine_frozen(other).connections_count, 0);
    move_take_back(old);
    move_take_back(other);
    expect_answer(fd);
    close(fd);
    dial_stop(old);
    dial_stop(other);
}
