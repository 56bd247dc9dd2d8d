/* SPDX-License-Identifier: MIT
 *
 * probe: answers that are none: nobody, silence, a few bytes, other bytes, more than it reads.
 */
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"
#include "riposte/bytes.h"
#include "riposte/clock.h"

enum { TIMEOUT_MS = 300 };

/* Answers one client with `answer`, and closes where that is told; else it stays. */
struct teller {
    int listener, client;
    struct bytes answer;
    bool closes;
    char address[32];
};

static void *teller_main(void *user) {
    struct teller *teller = user;
    teller->client = accept(teller->listener, NULL, NULL);
    if (teller->answer.size > 0) {
        send(teller->client, teller->answer.data, teller->answer.size, MSG_NOSIGNAL);
    }
    if (teller->closes) {
        shutdown(teller->client, SHUT_WR);
    }
    return NULL;
}

static void teller_open(struct teller *teller) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    teller->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(teller->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(teller->listener, 1), 0);
    cr_assert_eq(getsockname(teller->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(teller->address, sizeof(teller->address), "127.0.0.1:%u", ntohs(address.sin_port));
}

/* What the probe says of one that answers so. */
static int probe_of(struct bytes answer, bool closes, char *said, size_t said_size) {
    struct teller teller = {.answer = answer, .closes = closes};
    pthread_t thread;
    teller_open(&teller);
    cr_assert_eq(pthread_create(&thread, NULL, teller_main, &teller), 0);
    FILE *file = fmemopen(said, said_size, "w");
    int status = probe_run(teller.address, TIMEOUT_MS, file);
    fclose(file);
    pthread_join(thread, NULL);
    close(teller.client);
    close(teller.listener);
    return status;
}

static int probe_of_text(const char *answer, bool closes, char *said, size_t said_size) {
    return probe_of(bytes_from_string(answer), closes, said, said_size);
}

TestSuite(probe, .timeout = 30);

Test(probe, an_answer_of_a_server_that_serves_is_well) {
    char said[512];
    cr_expect_eq(probe_of_text("VERSION 1.6.45\r\n", false, said, sizeof(said)), 0);
    cr_expect_eq(probe_of_text("CLIENT_ERROR unauthenticated\r\n", false, said, sizeof(said)), 0);
    cr_expect_neq(strstr(said, ": serves\n"), NULL);
}

Test(probe, silence_and_half_a_line_are_not_and_take_no_longer_than_they_may) {
    char said[512];
    uint64_t begin_ns = clock_monotonic_ns();
    cr_expect_eq(probe_of_text("", false, said, sizeof(said)), 1);
    cr_expect_eq(probe_of_text("VERSION 1.6", false, said, sizeof(said)), 1);
    uint64_t passed_ms = (clock_monotonic_ns() - begin_ns) / CLOCK_NS_PER_MS;
    cr_expect_geq(passed_ms, 2 * TIMEOUT_MS);
    cr_expect_leq(passed_ms, 20 * TIMEOUT_MS);
    cr_expect_eq(probe_of_text("VERSION 1.6", true, said, sizeof(said)), 1);
}

Test(probe, another_answer_is_shown_cut_and_without_what_a_terminal_obeys) {
    char said[512];
    static char endless[4096];
    cr_expect_eq(probe_of_text("ERROR \x1b[2J\r\n", false, said, sizeof(said)), 1);
    cr_expect_neq(strstr(said, "    ERROR ?[2J\n"), NULL, "%s", said);
    memset(endless, 'x', sizeof(endless));
    cr_expect_eq(probe_of(bytes_of(endless, sizeof(endless)), false, said, sizeof(said)), 1);
    cr_expect_lt(strlen(said), 256);
}

Test(probe, nobody_is_not_and_one_address_of_several_is_enough) {
    char said[512];
    struct teller teller = {.answer = bytes_from_string("VERSION 1\r\n")};
    char both[96];
    pthread_t thread;
    teller_open(&teller);
    cr_assert_eq(pthread_create(&thread, NULL, teller_main, &teller), 0);
    FILE *file = fmemopen(said, sizeof(said), "w");
    cr_expect_eq(probe_run("127.0.0.1:1", TIMEOUT_MS, file), 1);
    snprintf(both, sizeof(both), "127.0.0.1:1,%s", teller.address);
    cr_expect_eq(probe_run(both, TIMEOUT_MS, file), 0);
    fclose(file);
    pthread_join(thread, NULL);
    close(teller.client);
    close(teller.listener);
}
