/* SPDX-License-Identifier: MIT
 *
 * A server's certificates: what is refused and how that is said, and what a refresh changes.
 */
#include "riposte/tls.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "tls_talk.h"

TestSuite(tls, .timeout = 60);

enum { DAY_S = 24 * 60 * 60 };

static struct tls_place place;
static char message[TLS_MESSAGE_SIZE_MAX];

static void begin(void) {
    tls_place_init(&place);
}

static void end(void) {
    tls_place_close(&place);
}

static void expect_refused(const char *text) {
    struct tls *none = NULL;
    cr_expect_eq(tls_create(&place.config, &none, message), -EINVAL);
    cr_expect_not_null(strstr(message, text), "%s", message);
}

static void file_write(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(tls, refuses_a_key_of_another_certificate, .init = begin, .fini = end) {
    place.config.certificates[0].key_path = place.mine.key_path;
    expect_refused("ssl_key ");
    expect_refused("key values mismatch");
}

Test(tls, refuses_what_is_no_certificate_no_key_and_no_cipher, .init = begin, .fini = end) {
    place.config.ciphers = "TLS_NO_SUCH";
    expect_refused("ssl_ciphers TLS_NO_SUCH");
    place.config.ciphers = "NO-SUCH";
    expect_refused("ssl_ciphers NO-SUCH: no cipher match");
    place.config.ciphers = NULL;
    place.config.certificates[0].key_path = place.own.chain_path;
    expect_refused("ssl_key");
    place.config.certificates[0].key_path = place.own.key_path;
    place.config.ca_path = place.own.key_path;
    expect_refused("ssl_ca_cert");
    place.config.ca_path = NULL;
    file_write(place.own.chain_path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_refused("ssl_chain_cert");
    file_write(place.own.chain_path, "nothing\n");
    expect_refused("ssl_chain_cert");
}

Test(tls, says_when_the_first_certificate_ends, .init = begin, .fini = end) {
    struct certificate soon = certificate_make(
        place.folder, "soon",
        &(struct certificate_wish){.name = "soon.test", .issuer = &place.authority, .days = 5});
    place.config.certificates[1] = (struct tls_certificate){soon.chain_path, soon.key_path};
    place.config.certificates_count = 2;
    tls_place_open(&place);
    int64_t left_s = tls_status(place.tls).certificate_ends_s - (int64_t)(clock_real_ns() / CLOCK_NS_PER_S);
    cr_expect(left_s > 5 * DAY_S - 60 && left_s <= 5 * DAY_S, "%ld", (long)left_s);
}

/* Of P-256 it takes 0.02 to 0.1 ms, of RSA with 4096 bits 2 to 20; its time is that of the CPU. */
Test(tls, says_what_a_signature_with_the_slowest_key_takes, .init = begin, .fini = end) {
    tls_place_open(&place);
    uint64_t before_ns = tls_status(place.tls).signature_ns;
    certificate_make(place.folder, "server",
                     &(struct certificate_wish){
                         .name = "server.test", .issuer = &place.authority, .days = 30, .rsa_bits = 4096});
    cr_assert_eq(tls_refresh(place.tls, message), 0, "%s", message);
    uint64_t after_ns = tls_status(place.tls).signature_ns;
    cr_expect_gt(before_ns, 0);
    cr_expect_gt(after_ns, 5 * before_ns, "%lu and %lu ns", before_ns, after_ns);
}

/* The name that the server shows to a client that comes now. */
static void expect_shown(const char *name) {
    struct tls_talk talk;
    tls_talk_begin(&talk, &place);
    cr_assert(tls_talk_shake(&talk));
    X509 *shown = SSL_get1_peer_certificate(talk.client);
    cr_expect_eq(X509_check_host(shown, name, 0, 0, NULL), 1, "%s", name);
    X509_free(shown);
    tls_talk_end(&talk);
}

Test(tls, a_refresh_is_for_connections_that_come_from_then_on, .init = begin, .fini = end) {
    struct tls_talk before;
    char heard[8];
    int error;
    tls_place_open(&place);
    tls_talk_begin(&before, &place);
    cr_assert(tls_talk_shake(&before));
    certificate_make(place.folder, "server",
                     &(struct certificate_wish){.name = "new.test", .issuer = &place.authority, .days = 30});
    cr_expect(tls_files_changed(place.tls));
    cr_assert_eq(tls_refresh(place.tls, message), 0);
    cr_assert_eq(tls_refresh(place.tls, message), 0, "twice before the worker has looked");
    cr_expect_not(tls_files_changed(place.tls));
    expect_shown("new.test");
    cr_expect_eq(tls_talk_send(&before, "still", 5, 1), 5);
    cr_expect_eq(tls_talk_hear(&before, heard, sizeof(heard), &error), 5);
    tls_talk_end(&before);
    cr_expect_eq(tls_status(place.tls).refreshes, 2);
}

Test(tls, a_refresh_that_fails_leaves_what_was, .init = begin, .fini = end) {
    tls_place_open(&place);
    file_write(place.own.key_path, "nothing\n");
    cr_expect_eq(tls_refresh(place.tls, message), -EINVAL);
    cr_expect_not_null(strstr(message, "ssl_key"), "%s", message);
    cr_assert_eq(unlink(place.own.key_path), 0);
    cr_expect_eq(tls_refresh(place.tls, message), -ENOENT);
    cr_expect_eq(tls_status(place.tls).refresh_errors, 2);
    cr_expect_eq(tls_status(place.tls).refreshes, 0);
    expect_shown("server.test");
}

/* A handshake of a client with `session`, or with none. The session that comes of it, and whether it was an old one. */
static SSL_SESSION *session_shake(SSL_SESSION *session, bool *reused) {
    struct tls_talk talk;
    char heard[8];
    int error;
    tls_talk_begin(&talk, &place);
    if (session != NULL) {
        SSL_set_session(talk.client, session);
    }
    cr_assert(tls_talk_shake(&talk));
    tls_talk_hear(&talk, heard, sizeof(heard), &error); /* the ticket of 1.3 comes behind the handshake */
    *reused = SSL_session_reused(talk.client) != 0;
    SSL_SESSION *next = SSL_get1_session(talk.client);
    SSL_shutdown(talk.client);
    tls_talk_end(&talk);
    return next;
}

Test(tls, sessions_go_on_in_the_process_that_gets_the_keys, .init = begin, .fini = end) {
    struct tls_tickets tickets;
    bool reused;
    tls_place_open(&place);
    SSL_SESSION *session = session_shake(NULL, &reused);
    tls_tickets_export(place.tls, clock_monotonic_ns(), &tickets);
    tls_worker_destroy(place.worker);
    tls_destroy(place.tls);
    tls_place_open(&place);
    SSL_SESSION *lost = session_shake(session, &reused);
    cr_expect_not(reused, "keys of its own");
    SSL_SESSION_free(lost);
    cr_assert(tls_tickets_import(place.tls, clock_monotonic_ns(), &tickets));
    SSL_SESSION *kept = session_shake(session, &reused);
    cr_expect(reused);
    SSL_SESSION_free(kept);
    SSL_SESSION_free(session);
}
