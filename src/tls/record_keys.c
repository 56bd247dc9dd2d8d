/* SPDX-License-Identifier: MIT
 *
 * record_keys: one record, encrypted or decrypted. See record_keys.h.
 */
#include "record_keys.h"

#include <endian.h>
#include <string.h>

bool record_keys_derive(struct record_keys *keys, const struct suite *suite, bool encrypts) {
    unsigned char key[SUITE_KEY_SIZE_MAX];
    bool done = suite_expand(suite, keys->secret, "key", key, suite->key_size) &&
                suite_expand(suite, keys->secret, "iv", keys->iv, sizeof(keys->iv)) &&
                EVP_CipherInit_ex(keys->cipher, suite->cipher, NULL, key, NULL, encrypts) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    return done;
}

bool record_keys_update(struct record_keys *keys, const struct suite *suite, bool encrypts) {
    unsigned char next[SUITE_SECRET_SIZE_MAX];
    if (!suite_expand(suite, keys->secret, "traffic upd", next, suite->secret_size)) {
        return false;
    }
    memcpy(keys->secret, next, suite->secret_size);
    OPENSSL_cleanse(next, sizeof(next));
    keys->sequence = 0;
    return record_keys_derive(keys, suite, encrypts);
}

bool record_keys_begin(struct record_keys *keys, const unsigned char header[RECORD_HEADER_SIZE]) {
    unsigned char nonce[SUITE_IV_SIZE];
    uint64_t low;
    int size;
    memcpy(nonce, keys->iv, sizeof(nonce));
    memcpy(&low, nonce + SUITE_IV_SIZE - sizeof(low), sizeof(low));
    low ^= htobe64(keys->sequence);
    memcpy(nonce + SUITE_IV_SIZE - sizeof(low), &low, sizeof(low));
    keys->sequence++;
    return EVP_CipherInit_ex(keys->cipher, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(keys->cipher, NULL, &size, header, RECORD_HEADER_SIZE) == 1;
}

bool record_keys_crypt(struct record_keys *keys, void *to, const void *from, size_t size) {
    int done_size;
    return EVP_CipherUpdate(keys->cipher, to, &done_size, from, (int)size) == 1;
}

bool record_keys_seal(struct record_keys *keys, unsigned char tag[SUITE_TAG_SIZE]) {
    int size;
    return EVP_CipherFinal_ex(keys->cipher, tag, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(keys->cipher, EVP_CTRL_AEAD_GET_TAG, SUITE_TAG_SIZE, tag) == 1;
}

bool record_keys_open(struct record_keys *keys, const unsigned char *record, size_t size,
                      unsigned char *content) {
    unsigned char tag[SUITE_TAG_SIZE], none;
    int none_size;
    size_t content_size = size - RECORD_HEADER_SIZE - SUITE_TAG_SIZE;
    memcpy(tag, record + size - SUITE_TAG_SIZE, sizeof(tag));
    return record_keys_begin(keys, record) &&
           record_keys_crypt(keys, content, record + RECORD_HEADER_SIZE, content_size) &&
           EVP_CIPHER_CTX_ctrl(keys->cipher, EVP_CTRL_AEAD_SET_TAG, SUITE_TAG_SIZE, tag) == 1 &&
           EVP_CipherFinal_ex(keys->cipher, &none, &none_size) == 1;
}
