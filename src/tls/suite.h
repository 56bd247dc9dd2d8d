/* SPDX-License-Identifier: MIT
 *
 * suite: the cipher suites of TLS 1.3 whose records this server makes by itself (records.h), and how keys follow from a
 * secret (RFC 8446 section 7). All calculation is OpenSSL's: what is fetched by name, which is slow, is fetched once.
 */
#ifndef TLS_SUITE_H
#define TLS_SUITE_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    SUITE_SECRET_SIZE_MAX = 48, /* of SHA-384 */
    SUITE_KEY_SIZE_MAX = 32,
    SUITE_IV_SIZE = 12,
    SUITE_TAG_SIZE = 16, /* of all of them: RFC 5116, RFC 8439 */
};

struct suite {
    const char *cipher_name;
    size_t key_size;
    size_t secret_size;
    const EVP_CIPHER *cipher; /* owned by the struct suites */
    EVP_MAC_CTX *hmac;        /* the same; takes a key for each use */
};

enum { SUITES_COUNT = 3 };

/* A worker's: hmac has state. */
struct suites {
    EVP_CIPHER *ciphers[SUITES_COUNT]; /* owned */
    EVP_MAC_CTX *sha256;               /* owned */
    EVP_MAC_CTX *sha384;               /* owned */
    struct suite of[SUITES_COUNT];
};

/* False: memory has ended, or the library lacks one. Follow with suites_deinit in any case. */
bool suites_init(struct suites *suites);
void suites_deinit(struct suites *suites);

/* That of a connection whose handshake is done; NULL: none of these. */
const struct suite *suite_find(const struct suites *suites, const SSL *ssl);

/* HKDF-Expand-Label (RFC 8446 section 7.1) without a context, of at most the digest's size. False: memory has ended. */
bool suite_expand(const struct suite *suite, const unsigned char *secret, const char *label,
                  unsigned char *result, size_t size);

#endif
