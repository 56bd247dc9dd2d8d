/* SPDX-License-Identifier: MIT
 *
 * Certificates of clients, and how much work a client may make: chains, keys, groups.
 */
#include "connection.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "tls_talk.h"

TestSuite(clients, .timeout = 120);

static struct tls_place place;
static struct tls_talk talk;

#define counted(name) counter_read(&((struct tls_counters[1]){sums()})->name)
static struct tls_counters sums(void) {
    struct tls_counters sum;
    tls_counters_sum(place.tls, &sum);
    return sum;
}

/* --- certificates of clients ------------------------------------------------------------------------------ */

static void place_open_verifying(enum tls_verify verify) {
    tls_place_init(&place);
    place.listen.verify = verify;
    place.config.ca_path = place.authority.chain_path;
    tls_place_open(&place);
}

/* A client with that certificate (NULL: none) gets in, and is answered. */
static bool admits(const struct certificate *shown) {
    char heard[8];
    int error;
    tls_talk_begin(&talk, &place);
    if (shown != NULL) {
        cr_assert_eq(SSL_use_certificate_chain_file(talk.client, shown->chain_path), 1);
        cr_assert_eq(SSL_use_PrivateKey_file(talk.client, shown->key_path, SSL_FILETYPE_PEM), 1);
    }
    bool admitted = tls_talk_shake(&talk) && tls_talk_send(&talk, "hi", 2, 1) == 2 &&
                    tls_talk_hear(&talk, heard, sizeof(heard), &error) == 2;
    ERR_clear_error();
    tls_talk_end(&talk);
    return admitted;
}

Test(clients, certificates_of_clients_are_demanded_and_checked) {
    place_open_verifying(TLS_VERIFY_REQUIRE);
    struct certificate ended = certificate_make(
        place.folder, "ended",
        &(struct certificate_wish){.name = "client.test", .issuer = &place.authority, .days = -1});
    struct certificate stranger =
        certificate_make(place.folder, "stranger", &(struct certificate_wish){.name = "ca.test", .days = 30});
    struct certificate strange =
        certificate_make(place.folder, "strange",
                         &(struct certificate_wish){.name = "client.test", .issuer = &stranger, .days = 30});
    cr_expect(admits(&place.mine));
    cr_expect_not(admits(NULL));
    cr_expect_not(admits(&ended));
    cr_expect_not(admits(&strange));
    cr_expect_eq(counted(handshakes), 1);
    cr_expect_eq(counted(handshake_errors), 3);
    tls_place_close(&place);
}

Test(clients, certificates_of_clients_are_checked_where_they_are_shown) {
    place_open_verifying(TLS_VERIFY_ASK);
    struct certificate stranger =
        certificate_make(place.folder, "stranger", &(struct certificate_wish){.name = "x.test", .days = 30});
    cr_expect(admits(&place.mine));
    cr_expect(admits(NULL));
    cr_expect_not(admits(&stranger));
    tls_place_close(&place);
}

Test(clients, knows_a_client_by_the_subject_of_its_certificate) {
    static const enum tls_verify modes[] = {TLS_VERIFY_NONE, TLS_VERIFY_ASK, TLS_VERIFY_REQUIRE};
    for (int mode = 0; mode < 3; mode++) {
        char text[FILTER_IDENTITY_SIZE_MAX];
        tls_place_init(&place);
        place.listen.verify = modes[mode];
        place.config.ca_path = place.authority.chain_path;
        tls_place_open(&place);
        tls_talk_begin(&talk, &place);
        SSL_use_certificate_file(talk.client, place.mine.chain_path, SSL_FILETYPE_PEM);
        SSL_use_PrivateKey_file(talk.client, place.mine.key_path, SSL_FILETYPE_PEM);
        cr_expect_not(tls_filter.identity(talk.state, text, talk.context), "before the handshake");
        cr_assert(tls_talk_shake(&talk));
        bool known = tls_filter.identity(talk.state, text, talk.context);
        cr_expect_eq(known, modes[mode] != TLS_VERIFY_NONE);
        cr_expect(!known || strcmp(text, "/CN=client.test") == 0, "%s", text);
        tls_talk_end(&talk);
        tls_place_close(&place);
    }
}

/* --- what a client may make the server do ----------------------------------------------------------------- */

Test(clients, keys_are_agreed_on_in_cheap_groups_only) {
    static const struct {
        const char *name;
        bool taken;
    } rows[] = {{"X25519", true}, {"P-256", true},      {"P-384", true},     {"P-521", true},
                {"X448", false},  {"ffdhe2048", false}, {"ffdhe8192", false}};
    tls_place_init(&place);
    tls_place_open(&place);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tls_talk_begin(&talk, &place);
        cr_assert_eq(SSL_set1_groups_list(talk.client, rows[i].name), 1);
        cr_expect_eq(tls_talk_shake(&talk), rows[i].taken, "%s", rows[i].name);
        ERR_clear_error();
        tls_talk_end(&talk);
    }
    tls_place_close(&place);
}

Test(clients, a_chain_of_a_client_has_a_bounded_length) {
    static const struct {
        unsigned between;
        bool taken;
    } rows[] = {{4, true}, {5, false}};
    place_open_verifying(TLS_VERIFY_REQUIRE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct certificate links[5];
        const struct certificate *issuer = &place.authority;
        for (unsigned j = 0; j < rows[i].between; j++) {
            char name[48];
            snprintf(name, sizeof(name), "link-%zu-%u", i, j);
            links[j] = certificate_make(
                place.folder, name,
                &(struct certificate_wish){.name = name, .issuer = issuer, .days = 30, .issues = true});
            issuer = &links[j];
        }
        struct certificate mine =
            certificate_make(place.folder, "linked",
                             &(struct certificate_wish){.name = "x.test", .issuer = issuer, .days = 30});
        for (unsigned j = rows[i].between; j > 0; j--) {
            certificate_chain_append(&mine, &links[j - 1]);
        }
        cr_expect_eq(admits(&mine), rows[i].taken, "%u between it and the root", rows[i].between);
    }
    tls_place_close(&place);
}

Test(clients, a_key_of_a_client_has_a_bounded_size) {
    static const struct {
        unsigned bits;
        bool taken;
    } rows[] = {{8192, true}, {8704, false}};
    place_open_verifying(TLS_VERIFY_REQUIRE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct certificate mine = certificate_make(
            place.folder, "large",
            &(struct certificate_wish){
                .name = "x.test", .issuer = &place.authority, .days = 30, .rsa_bits = rows[i].bits});
        cr_expect_eq(admits(&mine), rows[i].taken, "%u bits", rows[i].bits);
    }
    tls_place_close(&place);
}
