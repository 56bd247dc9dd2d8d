/* SPDX-License-Identifier: MIT
 *
 * ticket: two keys, by turns. See ticket.h.
 */
#include "ticket.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "riposte/clock.h"

static bool key_make(struct ticket_key *key) {
    return RAND_bytes(key->name, sizeof(key->name)) == 1 &&
           RAND_priv_bytes(key->cipher, sizeof(key->cipher)) == 1 &&
           RAND_priv_bytes(key->mac, sizeof(key->mac)) == 1;
}

int ticket_keys_init(struct ticket_keys *keys, uint64_t now_ns) {
    *keys = (struct ticket_keys){.made_ns = now_ns};
    pthread_mutex_init(&keys->mutex, NULL);
    return key_make(&keys->now) ? 0 : -EIO;
}

void ticket_keys_deinit(struct ticket_keys *keys) {
    pthread_mutex_destroy(&keys->mutex);
    OPENSSL_cleanse(keys, sizeof(*keys));
}

void ticket_keys_rotate(struct ticket_keys *keys, uint64_t now_ns) {
    struct ticket_key key;
    if (now_ns - keys->made_ns < TICKET_KEY_S * CLOCK_NS_PER_S || !key_make(&key)) {
        return;
    }
    pthread_mutex_lock(&keys->mutex);
    keys->before = keys->now;
    keys->has_before = true;
    keys->now = key;
    keys->made_ns = now_ns;
    pthread_mutex_unlock(&keys->mutex);
    OPENSSL_cleanse(&key, sizeof(key));
}

/* --- from one process to the next ------------------------------------------------------------------------- */

void ticket_keys_export(struct ticket_keys *keys, uint64_t now_ns, struct tls_tickets *tickets) {
    *tickets = (struct tls_tickets){.version = TLS_TICKETS_VERSION};
    pthread_mutex_lock(&keys->mutex);
    tickets->count = keys->has_before ? 2 : 1;
    tickets->age_ns = now_ns - keys->made_ns;
    memcpy(tickets->keys[0], &keys->now, sizeof(keys->now));
    if (keys->has_before) {
        memcpy(tickets->keys[1], &keys->before, sizeof(keys->before));
    }
    pthread_mutex_unlock(&keys->mutex);
}

/* Whether nobody can have made it: it would seal with what everybody knows. */
static bool key_is_zero(const unsigned char key[TLS_TICKET_KEY_SIZE]) {
    static const unsigned char zeros[TICKET_SECRET_SIZE];
    const unsigned char *cipher = key + TICKET_NAME_SIZE, *mac = cipher + TICKET_SECRET_SIZE;
    return memcmp(cipher, zeros, sizeof(zeros)) == 0 || memcmp(mac, zeros, sizeof(zeros)) == 0;
}

bool ticket_keys_import(struct ticket_keys *keys, uint64_t now_ns, const struct tls_tickets *tickets) {
    if (tickets->version != TLS_TICKETS_VERSION || tickets->count < 1 || tickets->count > 2) {
        return false;
    }
    for (unsigned i = 0; i < tickets->count; i++) {
        if (key_is_zero(tickets->keys[i])) {
            return false;
        }
    }
    pthread_mutex_lock(&keys->mutex);
    memcpy(&keys->now, tickets->keys[0], sizeof(keys->now));
    memcpy(&keys->before, tickets->keys[1], sizeof(keys->before));
    keys->has_before = tickets->count == 2;
    keys->made_ns = now_ns - tickets->age_ns;
    pthread_mutex_unlock(&keys->mutex);
    return true;
}

/* --- one ticket ------------------------------------------------------------------------------------------- */

enum key_age { KEY_UNKNOWN, KEY_NOW, KEY_BEFORE };

/* Copies the key to seal with, or the one that `name` belongs to. */
static enum key_age key_find(struct ticket_keys *keys, const unsigned char *name, bool seals,
                             struct ticket_key *key) {
    enum key_age age = KEY_UNKNOWN;
    pthread_mutex_lock(&keys->mutex);
    if (seals || memcmp(name, keys->now.name, TICKET_NAME_SIZE) == 0) {
        *key = keys->now;
        age = KEY_NOW;
    } else if (keys->has_before && memcmp(name, keys->before.name, TICKET_NAME_SIZE) == 0) {
        *key = keys->before;
        age = KEY_BEFORE;
    }
    pthread_mutex_unlock(&keys->mutex);
    return age;
}

static bool mac_begin(EVP_MAC_CTX *mac, struct ticket_key *key) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int ticket_prepare(struct ticket_keys *keys, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, bool seals) {
    struct ticket_key key;
    enum key_age age = key_find(keys, name, seals, &key);
    if (age == KEY_UNKNOWN) {
        return 0; /* a full handshake */
    }
    bool begun = false;
    if (seals) {
        memcpy(name, key.name, sizeof(key.name));
        begun = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    } else {
        begun = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    }
    begun = begun && mac_begin(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!begun) {
        return -1;
    }
    return age == KEY_BEFORE ? 2 : 1;
}
