/* SPDX-License-Identifier: MIT
 *
 * Keys from secrets, against the figures of RFC 8448 section 3 ("{server} derive write traffic keys for application data").
 */
#include "suite.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

TestSuite(suite, .timeout = 60);

static struct suites suites;

static void begin(void) {
    cr_assert(suites_init(&suites));
}

static void end(void) {
    suites_deinit(&suites);
}

static const unsigned char secret[] = {0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11,
                                       0x6b, 0x45, 0xa9, 0x50, 0x32, 0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb,
                                       0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};

Test(suite, derives_the_key_and_the_iv_of_rfc_8448, .init = begin, .fini = end) {
    static const unsigned char key[] = {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
                                        0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
    static const unsigned char iv[] = {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
                                       0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};
    unsigned char result[16];
    for (int times = 0; times < 2; times++) { /* nothing is left over from one use to the next */
        cr_assert(suite_expand(&suites.of[0], secret, "key", result, sizeof(key)));
        cr_expect_arr_eq(result, key, sizeof(key));
        cr_assert(suite_expand(&suites.of[0], secret, "iv", result, sizeof(iv)));
        cr_expect_arr_eq(result, iv, sizeof(iv));
    }
}

/* Against OpenSSL's own derivation (EVP_KDF-TLS13_KDF(7)), for both digests. */
Test(suite, derives_what_openssl_does, .init = begin, .fini = end) {
    unsigned char longer[SUITE_SECRET_SIZE_MAX], ours[SUITE_SECRET_SIZE_MAX], theirs[SUITE_SECRET_SIZE_MAX];
    EVP_KDF *kind = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(kind);
    memset(longer, 7, sizeof(longer));
    for (int i = 0; i < SUITES_COUNT; i++) {
        int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
        char digest[8] = "SHA256", prefix[] = "tls13 ", label[] = "traffic upd";
        size_t size = suites.of[i].secret_size;
        if (size == SUITE_SECRET_SIZE_MAX) {
            memcpy(digest, "SHA384", sizeof("SHA384"));
        }
        OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                               OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, longer, size),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, 6),
                               OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label, 11),
                               OSSL_PARAM_construct_end()};
        cr_assert_eq(EVP_KDF_derive(kdf, theirs, size, params), 1);
        cr_assert(suite_expand(&suites.of[i], longer, label, ours, size));
        cr_expect_arr_eq(ours, theirs, size, "%s", suites.of[i].cipher_name);
    }
    EVP_KDF_CTX_free(kdf);
    EVP_KDF_free(kind);
}
