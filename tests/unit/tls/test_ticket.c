/* SPDX-License-Identifier: MIT
 *
 * Keys of tickets: which one seals, which open, and for how long.
 */
#include "ticket.h"

#include <criterion/criterion.h>
#include <string.h>

#include "riposte/clock.h"

TestSuite(ticket, .timeout = 60);

static const uint64_t day_ns = TICKET_KEY_S * CLOCK_NS_PER_S;

/* What the callback of OpenSSL gets, and the name that it has written. */
struct attempt {
    unsigned char name[TICKET_NAME_SIZE];
    unsigned char iv[EVP_MAX_IV_LENGTH];
};

static int prepare(struct ticket_keys *keys, struct attempt *attempt, bool seals) {
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(kind);
    int result = ticket_prepare(keys, attempt->name, attempt->iv, cipher, mac, seals);
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(kind);
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

Test(ticket, a_key_seals_for_a_day_and_opens_for_another) {
    struct ticket_keys keys;
    struct attempt first, second;
    cr_assert_eq(ticket_keys_init(&keys, 1000), 0);
    cr_expect_eq(prepare(&keys, &first, true), 1);
    cr_expect_eq(prepare(&keys, &first, false), 1);
    ticket_keys_rotate(&keys, 1000 + day_ns - 1);
    cr_expect_eq(prepare(&keys, &first, false), 1, "still the newest");
    ticket_keys_rotate(&keys, 1000 + day_ns);
    cr_expect_eq(prepare(&keys, &second, true), 1);
    cr_expect_neq(memcmp(first.name, second.name, TICKET_NAME_SIZE), 0);
    cr_expect_eq(prepare(&keys, &first, false), 2, "opens, and is to be given anew");
    ticket_keys_rotate(&keys, 1000 + 2 * day_ns);
    cr_expect_eq(prepare(&keys, &first, false), 0, "nobody knows it any more");
    cr_expect_eq(prepare(&keys, &second, false), 2);
    ticket_keys_deinit(&keys);
}

Test(ticket, a_name_of_nobodys_opens_nothing) {
    struct ticket_keys keys;
    struct attempt none = {0};
    cr_assert_eq(ticket_keys_init(&keys, 0), 0);
    cr_expect_eq(prepare(&keys, &none, false), 0);
    ticket_keys_deinit(&keys);
}

/* --- from one process to the next ------------------------------------------------------------------------- */

Test(ticket, what_one_process_has_sealed_the_next_opens) {
    struct ticket_keys old, next;
    struct attempt first, second;
    struct tls_tickets passed;
    cr_assert_eq(ticket_keys_init(&old, 0), 0);
    cr_expect_eq(prepare(&old, &first, true), 1);
    ticket_keys_rotate(&old, day_ns);
    cr_expect_eq(prepare(&old, &second, true), 1);
    ticket_keys_export(&old, day_ns + day_ns / 2, &passed);
    cr_expect_eq(passed.version, (uint32_t)TLS_TICKETS_VERSION);
    cr_expect_eq(passed.count, 2U);
    cr_expect_eq(passed.age_ns, day_ns / 2);
    cr_assert_eq(ticket_keys_init(&next, 5000), 0); /* its clock is another one */
    cr_expect_eq(prepare(&next, &second, false), 0);
    cr_assert(ticket_keys_import(&next, 5000, &passed));
    cr_expect_eq(prepare(&next, &first, false), 2);
    cr_expect_eq(prepare(&next, &second, false), 1);
    ticket_keys_rotate(&next, 5000 + day_ns / 2 - 1);
    cr_expect_eq(prepare(&next, &second, false), 1, "the newest has sealed for a day but a moment");
    ticket_keys_rotate(&next, 5000 + day_ns / 2);
    cr_expect_eq(prepare(&next, &second, false), 2, "its day is over");
    cr_expect_eq(prepare(&next, &first, false), 0);
    ticket_keys_deinit(&old);
    ticket_keys_deinit(&next);
}

Test(ticket, a_process_of_less_than_a_day_passes_one_key_on) {
    struct ticket_keys old, next;
    struct attempt first, none = {0};
    struct tls_tickets passed;
    cr_assert_eq(ticket_keys_init(&old, 0), 0);
    cr_assert_eq(ticket_keys_init(&next, 0), 0);
    cr_expect_eq(prepare(&old, &first, true), 1);
    ticket_keys_export(&old, 1, &passed);
    cr_expect_eq(passed.count, 1U);
    cr_assert(ticket_keys_import(&next, 1, &passed));
    cr_expect_eq(prepare(&next, &first, false), 1);
    cr_expect_eq(prepare(&next, &none, false), 0, "the name of the key that there is not opens nothing");
    ticket_keys_deinit(&old);
    ticket_keys_deinit(&next);
}

static void expect_refused(struct ticket_keys *keys, const struct tls_tickets *passed, const char *why) {
    struct attempt own;
    cr_expect_eq(prepare(keys, &own, true), 1);
    cr_expect_not(ticket_keys_import(keys, 0, passed), "%s", why);
    cr_expect_eq(prepare(keys, &own, false), 1, "%s: what was in force stays", why);
}

Test(ticket, what_cannot_be_is_not_taken) {
    struct ticket_keys keys;
    struct tls_tickets good, bad;
    cr_assert_eq(ticket_keys_init(&keys, 0), 0);
    ticket_keys_rotate(&keys, day_ns);
    ticket_keys_export(&keys, day_ns, &good);
    bad = good;
    bad.version++;
    expect_refused(&keys, &bad, "another version");
    bad = good;
    bad.count = 0;
    expect_refused(&keys, &bad, "no key");
    bad.count = 3;
    expect_refused(&keys, &bad, "more than there can be");
    for (unsigned i = 0; i < 2; i++) {
        bad = good;
        memset(bad.keys[i] + TICKET_NAME_SIZE, 0, TICKET_SECRET_SIZE);
        expect_refused(&keys, &bad, "a cipher's key of zeros");
        bad = good;
        memset(bad.keys[i] + TICKET_NAME_SIZE + TICKET_SECRET_SIZE, 0, TICKET_SECRET_SIZE);
        expect_refused(&keys, &bad, "a digest's key of zeros");
    }
    cr_expect(ticket_keys_import(&keys, 0, &good));
    ticket_keys_deinit(&keys);
}
