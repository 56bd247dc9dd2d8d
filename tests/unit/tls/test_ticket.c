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
