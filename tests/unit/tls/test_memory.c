/* SPDX-License-Identifier: MIT
 *
 * What a connection holds in OpenSSL's memory, against what is charged for it: src/tls/connection.c has the figures.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "tls_talk.h"

TestSuite(memory, .timeout = 60);

enum { CONNECTIONS = 100 };

static size_t held_size; /* by OpenSSL, in this process */

static void count(void *memory, int sign) {
    held_size += (size_t)sign * malloc_usable_size(memory);
}

static void *counted_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    void *memory = malloc(size);
    count(memory, 1);
    return memory;
}

static void *counted_realloc(void *old, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    count(old, -1);
    void *memory = realloc(old, size);
    count(memory, 1);
    return memory;
}

static void counted_free(void *memory, const char *file, int line) {
    (void)file;
    (void)line;
    count(memory, -1);
    free(memory);
}

/* What the filter says that it holds, having received nothing. */
static size_t charged(struct tls_talk *talk) {
    struct filter_progress progress =
        tls_filter.receive(talk->state, bytes_of(NULL, 0), talk->plain, 4096, &talk->output, talk->context);
    return progress.memory_size;
}

static struct tls_place place;
static struct tls_talk talks[CONNECTIONS];

static void talk_begin(struct tls_talk *talk, int version) {
    tls_talk_begin(talk, &place);
    SSL_set_max_proto_version(talk->client, version);
    SSL_use_certificate_file(talk->client, place.mine.chain_path, SSL_FILETYPE_PEM);
    SSL_use_PrivateKey_file(talk->client, place.mine.key_path, SSL_FILETYPE_PEM);
    SSL_do_handshake(talk->client); /* its first flight waits to be carried */
}

/* What the server's side of each connection holds in the middle of its handshake: clients only get bytes to read. */
static size_t handshake_size(void) {
    size_t before = held_size;
    for (int i = 0; i < CONNECTIONS; i++) {
        tls_talk_exchange(&talks[i]);
    }
    return (held_size - before) / CONNECTIONS;
}

/* What it holds afterwards: what is given back at its end. */
static size_t established_size(void) {
    for (int i = 0; i < CONNECTIONS; i++) {
        cr_assert(tls_talk_shake(&talks[i]));
    }
    size_t before = held_size;
    for (int i = 0; i < CONNECTIONS; i++) {
        tls_filter.close(talks[i].state, talks[i].context);
    }
    return (before - held_size) / CONNECTIONS;
}

static void expect_within_charge(int version, enum tls_verify verify) {
    tls_place_init(&place);
    place.listen.verify = verify;
    place.config.ca_path = place.authority.chain_path;
    tls_place_open(&place);
    for (int i = 0; i < CONNECTIONS; i++) {
        talk_begin(&talks[i], version);
    }
    size_t size_max = charged(&talks[0]);
    size_t size = handshake_size();
    cr_log_info("version %x, verify %d: %zu of %zu bytes in a handshake", (unsigned)version, (int)verify,
                size, size_max);
    cr_expect_leq(size, size_max);
    cr_assert(tls_talk_shake(&talks[0]));
    size_max = charged(&talks[0]);
    size = established_size();
    cr_log_info("version %x, verify %d: %zu of %zu bytes of an idle connection", (unsigned)version,
                (int)verify, size, size_max);
    cr_expect_leq(size, size_max);
    for (int i = 0; i < CONNECTIONS; i++) {
        SSL_free(talks[i].client);
        SSL_CTX_free(talks[i].client_context);
        free(talks[i].state);
        free(talks[i].plain);
    }
    tls_place_close(&place);
}

/* Before Criterion's own libraries use OpenSSL, too. */
static int counting;
__attribute__((constructor)) static void count_begin(void) {
    counting = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);
}

Test(memory, an_idle_connection_holds_less_than_is_charged_for_it) {
    cr_assert_eq(counting, 1);
    expect_within_charge(TLS1_3_VERSION, TLS_VERIFY_NONE);
    expect_within_charge(TLS1_2_VERSION, TLS_VERIFY_NONE);
    expect_within_charge(TLS1_3_VERSION, TLS_VERIFY_REQUIRE);
}
