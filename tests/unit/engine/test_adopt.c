/* SPDX-License-Identifier: MIT
 *
 * Output that lies elsewhere, or is part of a file, goes on where it was; so does what comes over a Unix socket; and what is too much
 * is closed rather than held.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"
#include "move.h"
#include "riposte/record.h"
#include "riposte/reply.h"

TestSuite(adopt, .timeout = 60);

enum { CONTENT_SIZE = 6 << 20, SHORT_SIZE = 1 << 20 };

static char content[CONTENT_SIZE];
static _Atomic int taken, released; /* pins and files */

static void pin_release(void *owner) {
    (void)owner;
    atomic_fetch_add(&released, 1);
}

static void file_release(struct reply_file *file) {
    (void)file;
    atomic_fetch_add(&released, 1);
}

static struct reply_file file = {.release = file_release};

static void content_make(void) {
    FILE *made = tmpfile();
    cr_assert_not_null(made);
    for (size_t i = 0; i < CONTENT_SIZE; i++) {
        content[i] = (char)(i * 2654435761u >> 13);
    }
    cr_assert_eq(fwrite(content, 1, CONTENT_SIZE, made), CONTENT_SIZE);
    cr_assert_eq(fflush(made), 0);
    file.fd = dup(fileno(made));
    fclose(made);
}

static size_t letter_size(char letter) {
    return letter == 's' ? SHORT_SIZE : CONTENT_SIZE;
}

/* 'p': the content, pinned; 'f': from a file; 's': its first part; each between "<" and ">". */
static struct progress letters_on_input(void *session, const struct protocol_input *input,
                                        struct reply *reply, void *context) {
    size_t consumed = 0;
    (void)session;
    (void)context;
    while (consumed < input->bytes.size && consumed < input->requests_max && !reply_full(reply)) {
        reply_copy_string(reply, "<");
        atomic_fetch_add(&taken, 1);
        char letter = input->bytes.data[consumed++];
        if (letter == 'p') {
            reply_pin(reply, bytes_of(content, CONTENT_SIZE), pin_release, NULL);
        } else {
            reply_send_file(reply, &file, 0, letter_size(letter));
        }
        reply_copy_string(reply, ">");
    }
    bool more = consumed < input->bytes.size;
    return (struct progress){.consumed = consumed,
                             .requests = (unsigned)consumed,
                             .next = more ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT};
}

/* frames' session is empty, too. */
static struct protocol letters_protocol(void) {
    struct protocol protocol = frames_protocol;
    protocol.name = "letters";
    protocol.on_input = letters_on_input;
    return protocol;
}

static void expect_frame(int fd) {
    static const char frame[] = {0, 3, 'a', 'b', 'c'};
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
}

/* Takes a piece of what comes, so that the rest is in the middle of being sent. */
static void take_begin(int fd) {
    dial_expect(fd, "<", 1);
    dial_expect(fd, content, 100000);
}

static void take_rest(int fd, size_t size) {
    dial_expect(fd, content + 100000, size - 100000);
    dial_expect(fd, ">", 1);
}

static void take_whole(int fd, char letter) {
    take_begin(fd);
    take_rest(fd, letter_size(letter));
}

static void check_output(const struct move_way *way, const char *letters) {
    const struct protocol protocol = letters_protocol();
    struct engine_listen listen = dial_listen(&protocol);
    struct engine_config config = dial_config(way->from, &listen);
    config.limits.output_size_max = 64 << 20; /* all of them at a time */
    content_make();
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, letters, strlen(letters));
    take_begin(fd);
    engine = move_along(way, engine, &config);
    cr_assert_eq(atomic_load(&released) == atomic_load(&taken), true, "nothing of the old one's is held");
    take_rest(fd, letter_size(letters[0]));
    for (size_t i = 1; i < strlen(letters); i++) {
        take_whole(fd, letters[i]);
    }
    /* The client may have its bytes before the engine hears that they are sent. */
    struct deadline deadline = deadline_of("the last piece is let go");
    while (atomic_load(&released) != atomic_load(&taken)) {
        deadline_wait(&deadline);
    }
    close(fd);
    dial_stop(engine);
}

MOVE_TEST(adopt, pinned_values_are_copied_and_let_go) {
    check_output(way, "ppp");
}

MOVE_TEST(adopt, a_file_goes_on_where_it_was) {
    check_output(way, "f");
}

/* More than are armed in one turn; twice, the second time with most of them not armed yet. */
MOVE_TEST(adopt, who_was_quiet_is_served_too) {
    enum { CLIENTS = 700, QUIET_MS = 150 };
    static int fds[CLIENTS];
    const struct timespec quiet = {.tv_nsec = QUIET_MS * 1000000L};
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(way->from, &listen);
    struct engine *engine = dial_start(&config);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        expect_frame(fds[i]);
    }
    nanosleep(&quiet, NULL);
    expect_frame(fds[CLIENTS - 1]); /* that one goes before the others */
    for (int round = 0; round < 2; round++) {
        engine = move_along(way, engine, &config);
        cr_assert_eq(dial_counter(engine, connections_current), CLIENTS);
        expect_frame(fds[CLIENTS - 1]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        expect_frame(fds[i]);
        close(fds[i]);
    }
    dial_stop(engine);
}

MOVE_TEST(adopt, files_and_values_in_a_row_keep_their_order) {
    check_output(way, "pfpsp");
}

/* What is behind a file is asked for again by who takes over: nothing of it is read while all clients wait. */
MOVE_TEST(adopt, a_file_behind_another_waits_for_its_end_and_goes_along) {
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    const struct protocol protocol = letters_protocol();
    struct engine_listen listen = dial_listen(&protocol);
    struct engine_config config = dial_config(way->from, &listen);
    config.limits.output_size_max = 64 << 20;
    content_make();
    struct engine *engine = dial_start(&config);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        dial_send(fds[i], "fpffs", 5);
        take_begin(fds[i]);
    }
    cr_assert_eq(atomic_load(&taken), CLIENTS, "the first of each");
    engine = move_along(way, engine, &config);
    for (int i = 0; i < CLIENTS; i++) {
        take_rest(fds[i], CONTENT_SIZE);
        for (const char *letter = "pffs"; *letter != '\0'; letter++) {
            take_whole(fds[i], *letter);
        }
        close(fds[i]);
    }
    cr_assert_eq(atomic_load(&taken), 5 * CLIENTS);
    cr_assert_eq(atomic_load(&released), 5 * CLIENTS);
    dial_stop(engine);
}

MOVE_TEST(adopt, a_unix_socket_is_one_afterwards) {
    static const char frame[] = {0, 3, 'a', 'b', 'c'};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/riposte-adopt-%d", (int)getpid());
    struct engine_listen listen = dial_listen_unix(&frames_protocol, address.sun_path);
    struct engine_config config = dial_config(way->from, &listen);
    struct engine *engine = dial_start(&config);
    int whole = dial_address(&address, sizeof(address), AF_UNIX),
        cut = dial_address(&address, sizeof(address), AF_UNIX);
    dial_send(whole, frame, sizeof(frame));
    dial_expect(whole, frame, sizeof(frame));
    dial_send(cut, frame, 2);
    engine = move_along(way, engine, &config);
    dial_send(cut, frame + 2, sizeof(frame) - 2);
    dial_expect(cut, frame, sizeof(frame));
    dial_send(whole, frame, sizeof(frame));
    dial_expect(whole, frame, sizeof(frame));
    close(whole);
    close(cut);
    dial_stop(engine);
    unlink(address.sun_path);
}

MOVE_TEST(adopt, more_output_than_all_may_hold_is_closed_and_the_rest_goes_on) {
    enum { CLIENTS = 6 };
    const struct protocol protocol = letters_protocol();
    struct engine_listen listen = dial_listen(&protocol);
    struct engine_config config = dial_config(way->from, &listen);
    config.conn_memory_size_max = 8 << 20; /* of which one value has room */
    content_make();
    struct engine *engine = dial_start(&config);
    int fds[CLIENTS], idle = dial(engine);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(engine);
        dial_send(fds[i], "p", 1);
        dial_expect(fds[i], "<", 1);
    }
    move_freeze(engine);
    unsigned kept = engine_frozen(engine).connections_count;
    cr_assert_eq(dial_counter(engine, closed_conn_memory), CLIENTS + 1 - kept);
    cr_assert(kept >= 2 && kept < CLIENTS + 1, "%u", kept);
    move_take_back(engine);
    dial_send(idle, "f", 1);
    take_whole(idle, 'f');
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    close(idle);
    dial_stop(engine);
}
