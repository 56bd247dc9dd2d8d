/* SPDX-License-Identifier: MIT
 *
 * What is looked at while the server runs: certificates that change, keys of tickets that have served a day. The time is the
 * one that encryption_turn is given.
 */
#include "encryption.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "certificate.h"
#include "protocols.h"
#include "riposte/clock.h"

TestSuite(encryption, .timeout = 60);

enum { MINUTE_MS = 60 * 1000 };
static const uint64_t minute_ns = 60 * CLOCK_NS_PER_S, day_ns = 24 * 60 * 60 * CLOCK_NS_PER_S;

static char folder[CERTIFICATE_PATH_SIZE_MAX];
static struct certificate own;
static struct encryption encryption;
static uint64_t first_look_ns;

static void own_make(void) {
    own = certificate_make(folder, "server", &(struct certificate_wish){.name = "server.test", .days = 90});
}

static void begin(void) {
    static struct options options = {.ssl_session_cache = true, .threads = 1};
    static struct listen_list listens = {.listens = {{.tls = LISTEN_TLS_ON}}, .count = 1};
    struct failure failure = {0};
    certificate_folder_make(folder);
    own_make();
    listens.listens[0].protocol = protocols_find(bytes_from_string("memcached"));
    options.ssl_chain_cert.texts[0] = own.chain_path;
    options.ssl_key.texts[0] = own.key_path;
    options.ssl_chain_cert.count = options.ssl_key.count = 1;
    cr_assert(encryption_open(&encryption, &options, &listens, NULL, &failure), "%s", failure.text);
    first_look_ns = encryption.look_next_ns;
}

static void end(void) {
    encryption_close(&encryption);
    certificate_folder_remove(folder);
}

Test(encryption, looks_once_a_minute_for_files_that_have_changed, .init = begin, .fini = end) {
    own_make();
    int wait_ms = encryption_turn(&encryption, first_look_ns - minute_ns / 2);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 0, "it is not time");
    cr_expect(wait_ms > MINUTE_MS / 2 - 2 && wait_ms < MINUTE_MS / 2 + 2, "%d", wait_ms);
    wait_ms = encryption_turn(&encryption, first_look_ns);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 1);
    cr_expect(wait_ms > MINUTE_MS - 2 && wait_ms < MINUTE_MS + 2, "%d", wait_ms);
    encryption_turn(&encryption, first_look_ns + minute_ns);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 1, "they are the same");
    own_make();
    encryption_turn(&encryption, first_look_ns + 2 * minute_ns - 1);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 1);
    encryption_turn(&encryption, first_look_ns + 2 * minute_ns);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 2);
}

Test(encryption, goes_on_with_what_it_has_while_files_cannot_be_used, .init = begin, .fini = end) {
    FILE *file = fopen(own.key_path, "we");
    cr_assert_not_null(file);
    fputs("half of a key, still being written\n", file);
    fclose(file);
    encryption_turn(&encryption, first_look_ns);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 0);
    cr_expect_eq(tls_status(encryption.tls).refresh_errors, 1);
    own_make();
    encryption_turn(&encryption, first_look_ns + minute_ns);
    cr_expect_eq(tls_status(encryption.tls).refreshes, 1);
}

static struct tls_tickets tickets_at(uint64_t now_ns) {
    struct tls_tickets tickets;
    encryption_turn(&encryption, now_ns);
    tls_tickets_export(encryption.tls, now_ns, &tickets);
    return tickets;
}

Test(encryption, keys_of_tickets_change_after_a_day, .init = begin, .fini = end) {
    struct tls_tickets first = tickets_at(first_look_ns);
    struct tls_tickets same = tickets_at(first_look_ns + day_ns - 2 * minute_ns);
    cr_expect_eq(same.count, 1U);
    cr_expect_eq(memcmp(first.keys[0], same.keys[0], TLS_TICKET_KEY_SIZE), 0);
    struct tls_tickets next = tickets_at(first_look_ns + day_ns);
    cr_expect_eq(next.count, 2U);
    cr_expect_neq(memcmp(first.keys[0], next.keys[0], TLS_TICKET_KEY_SIZE), 0);
    cr_expect_eq(memcmp(first.keys[0], next.keys[1], TLS_TICKET_KEY_SIZE), 0, "the one before still opens");
    struct tls_tickets last = tickets_at(first_look_ns + 2 * day_ns);
    cr_expect_eq(memcmp(next.keys[0], last.keys[1], TLS_TICKET_KEY_SIZE), 0);
}
