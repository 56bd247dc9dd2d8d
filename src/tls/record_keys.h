/* SPDX-License-Identifier: MIT
 *
 * record_keys: the key of one direction of a connection, and the records that it encrypts or decrypts, each by its number
 * (RFC 8446 sections 5.2, 5.3 and 7).
 *
 *      secret --derive--> key, iv        secret --update--> the next secret, and key and iv of it
 *
 *      to encrypt: begin, { crypt }*, seal        to decrypt: open
 *
 * A function that fails has found no memory; open fails for a record that was changed, too.
 */
#ifndef TLS_RECORD_KEYS_H
#define TLS_RECORD_KEYS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "suite.h"

enum { RECORD_HEADER_SIZE = 5 };

struct record_keys {
    EVP_CIPHER_CTX *cipher; /* owned; has the key */
    uint64_t sequence;      /* of the next record; begins at 0 with each key */
    unsigned char iv[SUITE_IV_SIZE];
    unsigned char secret[SUITE_SECRET_SIZE_MAX];
};

/* A key and an iv from `secret`, in the place of those before. */
bool record_keys_derive(struct record_keys *keys, const struct suite *suite, bool encrypts);

/* The same from the next secret. */
bool record_keys_update(struct record_keys *keys, const struct suite *suite, bool encrypts);

/* A record with that header. */
bool record_keys_begin(struct record_keys *keys, const unsigned char header[RECORD_HEADER_SIZE]);

/* The next bytes of it; `to` may be `from`. All parts but the last of whole blocks (16): others are slow. */
bool record_keys_crypt(struct record_keys *keys, void *to, const void *from, size_t size);

/* The end of a record that is encrypted. */
bool record_keys_seal(struct record_keys *keys, unsigned char tag[SUITE_TAG_SIZE]);

/*
 * Decrypts a whole record of `size` bytes (>= RECORD_HEADER_SIZE + SUITE_TAG_SIZE) to `content`, which has room for what is
 * between header and tag, and may be where that lies. False: what stands in `content` is not to be looked at.
 */
bool record_keys_open(struct record_keys *keys, const unsigned char *record, size_t size,
                      unsigned char *content);

#endif
