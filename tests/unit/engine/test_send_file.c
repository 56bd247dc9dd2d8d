/* SPDX-License-Identifier: MIT
 *
 * Answers with a file behind them, on both transports, over TCP and Unix sockets, and through a filter.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "riposte/filter.h"
#include "riposte/reply.h"

TestSuite(send_file, .timeout = 120);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(send_file, name)

enum { FILE_SIZE = 12 << 20, PART_AT = 4095, PART_SIZE = 100000 };

static char content[FILE_SIZE];
static _Atomic int given, released;

static void file_release(struct reply_file *file) {
    (void)file;
    atomic_fetch_add(&released, 1);
}

/* So many times the bytes are not there yet. */
static _Atomic int refusals;

static bool file_ready(struct reply_file *file, uint64_t offset, size_t size) {
    (void)file;
    cr_assert(size > 0 && offset + size <= FILE_SIZE + 1);
    if (atomic_load(&refusals) == 0) {
        return true;
    }
    atomic_fetch_sub(&refusals, 1);
    return false;
}

static struct reply_file file = {.ready = file_ready, .release = file_release};

static void file_make(void) {
    FILE *made = tmpfile();
    cr_assert_not_null(made);
    for (size_t i = 0; i < FILE_SIZE; i++) {
        content[i] = (char)(i * 2654435761u >> 13);
    }
    cr_assert_eq(fwrite(content, 1, FILE_SIZE, made), FILE_SIZE);
    cr_assert_eq(fflush(made), 0);
    file.fd = dup(fileno(made));
    fclose(made);
}

/* 'w': all of the file behind "<" and before ">"; 'p': a part of it; 'z': none of it; 'e': more than it has. */
static void answer(char letter, struct reply *reply) {
    uint64_t at = letter == 'p' ? PART_AT : 0;
    size_t size = letter == 'w' ? FILE_SIZE : letter == 'p' ? PART_SIZE : letter == 'e' ? FILE_SIZE + 1 : 0;
    reply_copy_string(reply, "<");
    atomic_fetch_add(&given, 1);
    reply_send_file(reply, &file, at, size);
    reply_copy_string(reply, ">");
}

static struct progress files_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    (void)session;
    (void)context;
    size_t consumed = 0;
    while (consumed < input->bytes.size && consumed < input->requests_max && !reply_full(reply)) {
        answer(input->bytes.data[consumed++], reply);
    }
    bool more = consumed < input->bytes.size;
    return (struct progress){.consumed = consumed,
                             .requests = (unsigned)consumed,
                             .next = more ? PROTOCOL_NEXT_AGAIN : PROTOCOL_NEXT_INPUT};
}

static const struct protocol files_protocol = {.name = "files", .on_input = files_on_input};

static void wait_until_released(void) {
    struct deadline all = deadline_of("every file is released");
    while (atomic_load(&released) < atomic_load(&given)) {
        deadline_wait(&all);
    }
    cr_assert_eq(atomic_load(&released), atomic_load(&given));
}

static void expect_file(int fd, size_t at, size_t size) {
    dial_expect(fd, "<", 1);
    dial_expect(fd, content + at, size);
    dial_expect(fd, ">", 1);
}

static void check_order(int fd) {
    dial_send(fd, "pzwwp", 5);
    expect_file(fd, PART_AT, PART_SIZE);
    expect_file(fd, 0, 0);
    expect_file(fd, 0, FILE_SIZE);
    expect_file(fd, 0, FILE_SIZE);
    expect_file(fd, PART_AT, PART_SIZE);
    dial_send(fd, "p", 1);
    expect_file(fd, PART_AT, PART_SIZE);
}

ON_BOTH_TRANSPORTS(keeps_the_order_of_bytes_and_files) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    check_order(fd);
    close(fd);
    wait_until_released();
    cr_assert_geq(dial_counter(engine, sends_file), 4);
    cr_assert_eq(dial_counter(engine, files_cut), 0);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(serves_unix_sockets_too) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    file_make();
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/riposte-file-%d", (int)getpid());
    struct engine_listen listen = dial_listen_unix(&files_protocol, address.sun_path);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial_address(&address, sizeof(address), AF_UNIX);
    check_order(fd);
    close(fd);
    wait_until_released();
    dial_stop(engine);
    unlink(address.sun_path);
}

ON_BOTH_TRANSPORTS(ends_the_connection_where_a_file_has_ended) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "e", 1);
    dial_expect(fd, "<", 1);
    dial_expect(fd, content, FILE_SIZE);
    dial_expect_end(fd);
    close(fd);
    wait_until_released();
    cr_assert_eq(dial_counter(engine, files_cut), 1);
    cr_assert_eq(dial_counter(engine, closed_error), 1);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(gives_the_file_back_when_a_client_resets_in_the_middle) {
    const struct linger reset = {.l_onoff = 1};
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    for (int i = 0; i < 20; i++) {
        int fd = dial(engine);
        dial_send(fd, "wwp", 3);
        dial_expect(fd, "<", 1);
        dial_expect(fd, content, (size_t)i * 100000);
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(fd);
    }
    int fd = dial(engine);
    check_order(fd);
    close(fd);
    wait_until_released();
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(waits_for_bytes_that_are_fetched_and_serves_others_meanwhile) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int waiting = dial(engine);
    int other = dial(engine);
    atomic_store(&refusals, INT_MAX);
    dial_send(waiting, "pzw", 3);
    struct deadline deadline = deadline_of("a file is asked for");
    while (atomic_load(&refusals) > INT_MAX - 3) {
        dial_send(other, "z", 1);
        expect_file(other, 0, 0);
        deadline_wait(&deadline);
    }
    atomic_store(&refusals, 5);
    expect_file(waiting, PART_AT, PART_SIZE);
    expect_file(waiting, 0, 0);
    expect_file(waiting, 0, FILE_SIZE);
    cr_assert_eq(atomic_load(&refusals), 0);
    cr_assert_geq(dial_counter(engine, file_waits), 6);
    close(waiting);
    close(other);
    wait_until_released();
    cr_assert_eq(dial_counter(engine, files_cut), 0);
    dial_stop(engine);
}

static void check_never_ready(enum engine_transport transport, const struct filter *filter) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    listen.filter = filter;
    struct engine_config config = dial_config(transport, &listen);
    config.write_timeout_ms = 200;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    atomic_store(&refusals, INT_MAX);
    dial_send(fd, "w", 1);
    dial_expect(fd, "<", 1);
    dial_expect_end(fd);
    close(fd);
    wait_until_released();
    cr_assert_eq(dial_counter(engine, files_cut), 1);
    cr_assert_eq(dial_counter(engine, closed_error), 1);
    cr_assert_eq(dial_counter(engine, closed_slow_reader), 0);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(ends_a_connection_whose_file_never_comes) {
    check_never_ready(*transport, NULL);
}

/* --- through a filter ----------------------------------------------------------------------------------------- */

static struct filter_progress odd_receive(void *state, struct bytes wire, char *plain, size_t plain_size_max,
                                          struct reply *output, void *context) {
    (void)state;
    (void)output;
    (void)context;
    size_t size = wire.size < plain_size_max ? wire.size : plain_size_max;
    memcpy(plain, wire.data, size);
    return (struct filter_progress){.consumed = size,
                                    .plain_size = size,
                                    .next = size < wire.size ? FILTER_NEXT_AGAIN : FILTER_NEXT_INPUT};
}

/* Takes 7001 bytes of the first piece at most. */
static size_t odd_send(void *state, const struct iovec *plain, unsigned plain_count, struct reply *output,
                       void *context) {
    (void)state;
    (void)context;
    cr_assert_geq(plain_count, 1);
    size_t size = plain[0].iov_len < 7001 ? plain[0].iov_len : 7001;
    reply_copy(output, bytes_of(plain[0].iov_base, size));
    return size;
}

static const struct filter odd = {.name = "odd", .receive = odd_receive, .send = odd_send};

ON_BOTH_TRANSPORTS(goes_through_a_filter_as_plain_bytes) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    listen.filter = &odd;
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    check_order(fd);
    cr_assert_eq(dial_counter(engine, sends_file), 0);
    dial_send(fd, "e", 1);
    dial_expect(fd, "<", 1);
    close(fd);
    fd = dial(engine);
    dial_send(fd, "pe", 2);
    expect_file(fd, PART_AT, PART_SIZE);
    dial_expect(fd, "<", 1);
    char *rest = malloc(FILE_SIZE + 1);
    size_t got = 0;
    for (ssize_t size = 1; size > 0; got += (size_t)(size > 0 ? size : 0)) {
        size = recv(fd, rest + got, FILE_SIZE + 1 - got, 0);
    }
    cr_assert_leq(got, FILE_SIZE);
    cr_assert_eq(memcmp(rest, content, got), 0);
    free(rest);
    close(fd);
    wait_until_released();
    cr_assert_geq(dial_counter(engine, files_cut), 1);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(waits_for_bytes_that_are_fetched_before_a_filter) {
    file_make();
    struct engine_listen listen = dial_listen(&files_protocol);
    listen.filter = &odd;
    struct engine_config config = dial_config(*transport, &listen);
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    atomic_store(&refusals, 5);
    check_order(fd);
    cr_assert_eq(atomic_load(&refusals), 0);
    close(fd);
    wait_until_released();
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(ends_a_connection_whose_file_never_comes_before_a_filter) {
    check_never_ready(*transport, &odd);
}
