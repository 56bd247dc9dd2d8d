/* SPDX-License-Identifier: MIT
 *
 * A session of tools/tls against OpenSSL's server, both in memory: what one writes the other is given, as a whole or byte
 * by byte.
 */
#include "tls.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_STATUS = 64, ROUNDS_MAX = 20, LARGE_SIZE = 100000 };

static struct tls_settings settings;
static struct failure failure;
static struct tls_context *context;
static struct tls *client;
static SSL_CTX *server_context;
static SSL *server;
static EVP_PKEY *key;
static X509 *certificate;
static char certificate_path[64];

/* For "cache.test", signed by itself, a P-256 key. */
static void certificate_make(void) {
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"cache.test", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:cache.test");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    cr_assert(X509_sign(certificate, key, EVP_sha256()) > 0);
}

static void certificate_save(void) {
    snprintf(certificate_path, sizeof(certificate_path), "/tmp/riposte-tls-XXXXXX");
    int fd = mkstemp(certificate_path);
    cr_assert(fd >= 0);
    FILE *file = fdopen(fd, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
}

static void server_begin(void) {
    server = SSL_new(server_context);
    SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(server);
}

static void setup(void) {
    certificate_make();
    certificate_save();
    server_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server_context, certificate);
    SSL_CTX_use_PrivateKey(server_context, key);
    server_begin();
    settings = (struct tls_settings){.is_on = true, .ca_path = certificate_path, .name = "cache.test"};
    failure = (struct failure){0};
}

static void teardown(void) {
    unlink(certificate_path);
    tls_destroy(client);
    tls_context_destroy(context);
    SSL_free(server);
    SSL_CTX_free(server_context);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

TestSuite(tls, .init = setup, .fini = teardown, .timeout = 60);

static void client_make(void) {
    context = tls_context_create(&settings, "127.0.0.1", NULL, EXIT_STATUS, &failure);
    cr_assert_not_null(context, "%s", failure.text);
    client = tls_create(context);
    cr_assert(tls_begin(client));
}

/* Everything that the client has for the wire. */
static void client_to_server(void) {
    while (tls_has_output(client)) {
        struct bytes output = tls_output_take(client);
        size_t size = output.size > 7 ? output.size - 3 : output.size; /* as a socket may: not all at once */
        BIO_write(SSL_get_rbio(server), output.data, (int)size);
        tls_output_sent(client, size);
    }
}

/* At most `size` bytes of what the server has for the wire; 0: there are none. */
static size_t server_to(char *bytes, size_t size) {
    int got = BIO_read(SSL_get_wbio(server), bytes, (int)size);
    return got > 0 ? (size_t)got : 0;
}

/* Both until neither has anything to say; the client gets at most `step` bytes at a time. */
static enum tls_status handshake(size_t step) {
    char bytes[16384];
    enum tls_status status = tls_handshake(client);
    for (int round = 0; round < ROUNDS_MAX && status == TLS_MORE; round++) {
        client_to_server();
        SSL_do_handshake(server);
        size_t size;
        while (status == TLS_MORE && (size = server_to(bytes, step)) > 0) {
            tls_input(client, bytes_of(bytes, size));
            status = tls_handshake(client);
        }
    }
    tls_input_drop(client);
    client_to_server();
    SSL_do_handshake(server);
    return status;
}

/* Reads what the server has said into `plain`, `step` bytes of the wire at a time. */
static enum tls_status receive(size_t step, char *plain, size_t *size) {
    char bytes[16384], record[TLS_PLAIN_SIZE_MAX];
    enum tls_status status = TLS_MORE;
    size_t count;
    *size = 0;
    while (status == TLS_MORE && (count = server_to(bytes, step)) > 0) {
        size_t got;
        tls_input(client, bytes_of(bytes, count));
        while ((status = tls_read(client, record, sizeof(record), &got)) == TLS_DONE) {
            memcpy(plain + *size, record, got);
            *size += got;
        }
    }
    return status;
}

static void expect_word(const char *word) {
    char plain[64];
    size_t size;
    SSL_write(server, word, (int)strlen(word));
    cr_expect_eq(receive(sizeof(plain), plain, &size), TLS_MORE, "%s", tls_reason(client));
    cr_assert_eq(size, strlen(word));
    cr_expect_arr_eq(plain, word, size);
}

Test(tls, shakes_hands_and_speaks_both_ways) {
    char got[16], suite[TLS_SUITE_SIZE_MAX];
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE, "%s", tls_reason(client));
    cr_assert(tls_write(client, bytes_from_string("hello")));
    client_to_server();
    cr_assert_eq(SSL_read(server, got, sizeof(got)), 5);
    cr_expect_arr_eq(got, "hello", 5);
    expect_word("world");
    tls_suite(client, suite);
    cr_expect_not_null(strstr(suite, "TLSv1.3 "), "%s", suite);
    cr_expect_not(tls_is_resumed(client));
}

Test(tls, takes_what_it_gets_byte_by_byte) {
    static char large[LARGE_SIZE], plain[LARGE_SIZE];
    size_t size;
    memset(large, 'x', sizeof(large));
    client_make();
    cr_assert_eq(handshake(1), TLS_DONE, "%s", tls_reason(client));
    cr_assert_eq(SSL_write(server, large, sizeof(large)), (int)sizeof(large));
    cr_expect_eq(receive(1, plain, &size), TLS_MORE, "%s", tls_reason(client));
    cr_assert_eq(size, sizeof(large));
    cr_expect_arr_eq(plain, large, sizeof(large));
}

Test(tls, what_was_taken_stays_while_more_is_written) {
    char got[16] = "";
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    cr_assert(tls_write(client, bytes_from_string("one")));
    struct bytes taken = tls_output_take(client);
    for (int i = 0; i < 1000; i++) {
        cr_assert(tls_write(client, bytes_from_string("two")));
    }
    cr_expect_eq(tls_output_take(client).data, taken.data);
    cr_expect_eq(tls_output_take(client).size, taken.size);
    BIO_write(SSL_get_rbio(server), taken.data, (int)taken.size);
    cr_expect(tls_output_sent(client, taken.size));
    cr_expect(tls_has_output(client));
    client_to_server();
    cr_assert_eq(SSL_read(server, got, sizeof(got)), 3);
    cr_expect_arr_eq(got, "one", 3);
    cr_assert_eq(SSL_read(server, got, sizeof(got)), 3);
    cr_expect_arr_eq(got, "two", 3);
}

static void new_connection(void) {
    tls_end(client);
    SSL_free(server);
    server_begin();
    cr_assert(tls_begin(client));
}

static void server_speaks(int version) {
    SSL_CTX_set_max_proto_version(server_context, version);
    SSL_free(server);
    server_begin();
}

static void resume_with(int version, bool resume, bool expected) {
    server_speaks(version);
    settings.resume = resume;
    client_make();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(handshake(16384), TLS_DONE, "%s", tls_reason(client));
        cr_expect_eq(tls_is_resumed(client), i > 0 && expected, "connection %d", i);
        expect_word("what carries the offer with it");
        tls_close(client);
        new_connection();
    }
}

Test(tls, takes_up_an_earlier_session_when_told_to) {
    resume_with(TLS1_3_VERSION, true, true);
}

Test(tls, takes_up_an_earlier_session_of_version_1_2) {
    resume_with(TLS1_2_VERSION, true, true);
}

Test(tls, makes_full_handshakes_otherwise) {
    resume_with(TLS1_3_VERSION, false, false);
}

Test(tls, follows_a_change_of_keys) {
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    for (int i = 0; i < 3; i++) {
        char got[16];
        cr_assert_eq(SSL_key_update(server, SSL_KEY_UPDATE_REQUESTED), 1);
        expect_word("under new keys");
        cr_assert(tls_write(client, bytes_from_string("here too")));
        client_to_server();
        cr_assert_eq(SSL_read(server, got, sizeof(got)), 8);
    }
}

Test(tls, an_end_that_is_said_is_an_end) {
    char plain[64];
    size_t size;
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    expect_word("last");
    SSL_shutdown(server);
    cr_expect_eq(receive(sizeof(plain), plain, &size), TLS_ENDED);
}

Test(tls, says_its_own_end) {
    char got[16];
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    tls_close(client);
    client_to_server();
    cr_expect_eq(SSL_read(server, got, sizeof(got)), 0);
    cr_expect_eq(SSL_get_error(server, 0), SSL_ERROR_ZERO_RETURN);
}

static void expect_broken(const char *word) {
    client_make();
    enum tls_status status = handshake(16384);
    cr_expect_eq(status, TLS_BROKEN, "%d", (int)status);
    cr_expect_not_null(strstr(tls_reason(client), word), "%s", tls_reason(client));
}

Test(tls, another_name_is_refused) {
    settings.name = "another.test";
    expect_broken("hostname mismatch");
}

Test(tls, an_address_is_checked_as_one) {
    settings.name = NULL;
    expect_broken("IP address mismatch");
}

Test(tls, an_unknown_issuer_is_refused) {
    settings.ca_path = NULL;
    expect_broken("--tls-no-verify");
}

Test(tls, whoever_answers_is_believed_when_told_to) {
    settings = (struct tls_settings){.is_on = true, .no_verify = true};
    client_make();
    cr_expect_eq(handshake(16384), TLS_DONE, "%s", tls_reason(client));
}

Test(tls, a_plain_server_is_told_from_one_that_speaks_tls) {
    client_make();
    cr_assert_eq(tls_handshake(client), TLS_MORE);
    tls_input(client, bytes_from_string("ERROR\r\nERROR\r\n"));
    cr_expect_eq(tls_handshake(client), TLS_BROKEN);
    cr_expect_not_null(strstr(tls_reason(client), "speaks TLS"), "%s", tls_reason(client));
}

Test(tls, bytes_that_were_changed_on_the_way_break_it) {
    char bytes[256], plain[TLS_PLAIN_SIZE_MAX];
    size_t got;
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    expect_word("good");
    SSL_write(server, "bad", 3);
    size_t size = server_to(bytes, sizeof(bytes));
    bytes[size - 1] ^= 1;
    tls_input(client, bytes_of(bytes, size));
    cr_expect_eq(tls_read(client, plain, sizeof(plain), &got), TLS_BROKEN);
    cr_expect_str_neq(tls_reason(client), "");
}

Test(tls, a_version_that_the_other_does_not_speak_is_refused) {
    server_speaks(TLS1_2_VERSION);
    settings.version = TLS_VERSION_1_3;
    expect_broken("version");
}

Test(tls, ciphers_are_chosen_by_name) {
    char suite[TLS_SUITE_SIZE_MAX];
    settings.ciphers = "TLS_AES_128_GCM_SHA256";
    client_make();
    cr_assert_eq(handshake(16384), TLS_DONE);
    tls_suite(client, suite);
    cr_expect_str_eq(suite, "TLSv1.3 TLS_AES_128_GCM_SHA256");
}

static void expect_no_context(const char *word) {
    cr_expect_null(tls_context_create(&settings, "127.0.0.1", "http/1.1", EXIT_STATUS, &failure));
    cr_expect_eq(failure.exit_status, EXIT_STATUS);
    cr_expect_not_null(strstr(failure.text, word), "%s", failure.text);
    failure = (struct failure){0};
}

Test(tls, what_cannot_be_read_is_named) {
    settings.ca_path = "/nowhere/ca.pem";
    expect_no_context("/nowhere/ca.pem");
    settings.ca_path = NULL;
    settings.cert_path = "/nowhere/cert.pem";
    expect_no_context("/nowhere/cert.pem");
    settings.cert_path = certificate_path;
    expect_no_context("holds no key");
    settings.cert_path = NULL;
    settings.ciphers = "ROT13";
    expect_no_context("ROT13");
}
