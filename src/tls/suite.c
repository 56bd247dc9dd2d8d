/* SPDX-License-Identifier: MIT
 *
 * suite: AES-GCM and ChaCha20-Poly1305 with the digests that belong to them. See suite.h.
 */
#include "suite.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

/* RFC 8446 appendix B.4. */
enum {
    SUITE_AES_128_GCM_SHA256 = 0x1301,
    SUITE_AES_256_GCM_SHA384 = 0x1302,
    SUITE_CHACHA20_POLY1305_SHA256 = 0x1303,
};

enum { LABEL_SIZE_MAX = 32, DIGEST_SIZE_SHA256 = 32, DIGEST_SIZE_SHA384 = 48 };

/* HMAC with its digest; OpenSSL looks a digest up by name each time it is named. */
static EVP_MAC_CTX *hmac_create(char *digest_name) {
    EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = kind == NULL ? NULL : EVP_MAC_CTX_new(kind);
    EVP_MAC_free(kind); /* the context has a reference of its own */
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                           OSSL_PARAM_construct_end()};
    if (hmac != NULL && EVP_MAC_CTX_set_params(hmac, params) != 1) {
        EVP_MAC_CTX_free(hmac);
        return NULL;
    }
    return hmac;
}

bool suites_init(struct suites *suites) {
    char sha256_name[] = "SHA256", sha384_name[] = "SHA384"; /* OSSL_PARAM takes none that are constant */
    EVP_MAC_CTX *sha256 = hmac_create(sha256_name), *sha384 = hmac_create(sha384_name);
    *suites = (struct suites){
        .sha256 = sha256,
        .sha384 = sha384,
        .of = {{"AES-128-GCM", 16, DIGEST_SIZE_SHA256, NULL, sha256},
               {"AES-256-GCM", 32, DIGEST_SIZE_SHA384, NULL, sha384},
               {"ChaCha20-Poly1305", 32, DIGEST_SIZE_SHA256, NULL, sha256}},
    };
    bool complete = sha256 != NULL && sha384 != NULL;
    for (int i = 0; i < SUITES_COUNT; i++) {
        suites->ciphers[i] = EVP_CIPHER_fetch(NULL, suites->of[i].cipher_name, NULL);
        suites->of[i].cipher = suites->ciphers[i];
        complete = complete && suites->ciphers[i] != NULL;
    }
    return complete;
}

void suites_deinit(struct suites *suites) {
    for (int i = 0; i < SUITES_COUNT; i++) {
        EVP_CIPHER_free(suites->ciphers[i]);
    }
    EVP_MAC_CTX_free(suites->sha256);
    EVP_MAC_CTX_free(suites->sha384);
}

const struct suite *suite_find(const struct suites *suites, const SSL *ssl) {
    const SSL_CIPHER *cipher = SSL_version(ssl) == TLS1_3_VERSION ? SSL_get_current_cipher(ssl) : NULL;
    switch (cipher == NULL ? 0 : SSL_CIPHER_get_protocol_id(cipher)) {
    case SUITE_AES_128_GCM_SHA256:
        return &suites->of[0];
    case SUITE_AES_256_GCM_SHA384:
        return &suites->of[1];
    case SUITE_CHACHA20_POLY1305_SHA256:
        return &suites->of[2];
    default:
        return NULL; /* CCM, or an older version */
    }
}

/*
 * As result and digest are of the same size at most, HKDF-Expand (RFC 5869 section 2.3) is one HMAC of
 *
 *      | size (2) | size of the label | "tls13 " label | size of the context: 0 | 1 |
 */
bool suite_expand(const struct suite *suite, const unsigned char *secret, const char *label,
                  unsigned char *result, size_t size) {
    unsigned char info[2 + 1 + LABEL_SIZE_MAX + 1 + 1], digest[SUITE_SECRET_SIZE_MAX];
    size_t label_size = strlen(label), digest_size = 0, at = 0;
    assert(label_size + 6 <= LABEL_SIZE_MAX && size <= suite->secret_size);
    info[at++] = 0;
    info[at++] = (unsigned char)size;
    info[at++] = (unsigned char)(label_size + 6);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, label_size);
    at += 6 + label_size;
    info[at++] = 0;
    info[at++] = 1;
    bool done = EVP_MAC_init(suite->hmac, secret, suite->secret_size, NULL) == 1 &&
                EVP_MAC_update(suite->hmac, info, at) == 1 &&
                EVP_MAC_final(suite->hmac, digest, &digest_size, sizeof(digest)) == 1 &&
                digest_size == suite->secret_size;
    memcpy(result, digest, done ? size : 0);
    OPENSSL_cleanse(digest, sizeof(digest));
    return done;
}
