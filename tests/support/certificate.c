/* SPDX-License-Identifier: MIT
 *
 * certificate: makes keys, signs certificates with them, and writes both.
 */
#include "certificate.h"

#include <dirent.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY_S = 24 * 60 * 60 };

static void must(bool done, const char *what) {
    if (!done) {
        fprintf(stderr, "certificate: %s failed\n", what);
        abort();
    }
}

static void extension_add(X509 *made, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, made, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    must(extension != NULL && X509_add_ext(made, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static void names_set(X509 *made, X509 *issuer, const char *name) {
    char host[128];
    X509_NAME *subject = X509_get_subject_name(made);
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) ==
             1,
         "subject");
    must(X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1, "issuer");
    snprintf(host, sizeof(host), "DNS:%s", name);
    extension_add(made, issuer, NID_subject_alt_name, host);
}

static EVP_PKEY *key_read(const char *path) {
    FILE *file = fopen(path, "re");
    must(file != NULL, path);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    must(key != NULL, path);
    return key;
}

static X509 *chain_read(const char *path) {
    FILE *file = fopen(path, "re");
    must(file != NULL, path);
    X509 *first = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    must(first != NULL, path);
    return first;
}

static void files_write(const struct certificate *certificate, X509 *made, EVP_PKEY *key) {
    FILE *chain = fopen(certificate->chain_path, "we");
    FILE *secret = fopen(certificate->key_path, "we");
    must(chain != NULL && secret != NULL, certificate->chain_path);
    must(PEM_write_X509(chain, made) == 1, certificate->chain_path);
    must(PEM_write_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1, certificate->key_path);
    must(fclose(chain) == 0 && fclose(secret) == 0, certificate->key_path);
}

/* --- keys that are longer than can be made in a moment ---------------------------------------------------- */

enum { LARGE_PRIME_BITS = 512, LARGE_KEY_BITS_MIN = 8192 };

/* One of the two factors of a modulus: a product of short primes, which are found soon, where a long one takes a minute. */
struct large_factor {
    BIGNUM *product;
    BIGNUM *order;  /* of the numbers modulo `product`: a multiple of it */
    BIGNUM *secret; /* the private exponent, modulo `order` */
};

static struct large_factor factor_make(unsigned primes, const BIGNUM *open, BN_CTX *scratch) {
    struct large_factor factor = {BN_new(), BN_new(), NULL};
    BIGNUM *prime = BN_new();
    must(BN_one(factor.product) && BN_one(factor.order), "numbers");
    for (unsigned i = 0; i < primes; i++) {
        must(BN_generate_prime_ex(prime, LARGE_PRIME_BITS, 0, NULL, NULL, NULL) &&
                 BN_mul(factor.product, factor.product, prime, scratch) && BN_sub_word(prime, 1) &&
                 BN_mul(factor.order, factor.order, prime, scratch),
             "prime");
    }
    factor.secret = BN_mod_inverse(NULL, open, factor.order, scratch);
    must(factor.secret != NULL, "secret number");
    BN_free(prime);
    return factor;
}

static void factor_free(struct large_factor *factor) {
    BN_free(factor->product);
    BN_free(factor->order);
    BN_free(factor->secret);
}

static EVP_PKEY *key_of_params(OSSL_PARAM_BLD *build) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    must(EVP_PKEY_fromdata_init(context) == 1 &&
             EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) == 1,
         "large key");
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* Its modulus has `bits`, or up to eight less, and so long is the work of whoever looks at a signature. */
static EVP_PKEY *key_make_large(unsigned bits) {
    BN_CTX *scratch = BN_CTX_new();
    BIGNUM *open = BN_new(), *modulus = BN_new(), *order = BN_new();
    must(BN_set_word(open, RSA_F4), "exponent");
    unsigned primes = bits / LARGE_PRIME_BITS;
    struct large_factor first = factor_make(primes / 2, open, scratch);
    struct large_factor second = factor_make(primes - primes / 2, open, scratch);
    must(BN_mul(modulus, first.product, second.product, scratch) &&
             BN_mul(order, first.order, second.order, scratch),
         "modulus");
    BIGNUM *secret = BN_mod_inverse(NULL, open, order, scratch);
    BIGNUM *coefficient = BN_mod_inverse(NULL, second.product, first.product, scratch);
    const struct {
        const char *name;
        const BIGNUM *number;
    } numbers[] = {
        {OSSL_PKEY_PARAM_RSA_N, modulus},
        {OSSL_PKEY_PARAM_RSA_E, open},
        {OSSL_PKEY_PARAM_RSA_D, secret},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, first.product},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, second.product},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, first.secret},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, second.secret},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, coefficient},
    };
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        must(OSSL_PARAM_BLD_push_BN(build, numbers[i].name, numbers[i].number) == 1, numbers[i].name);
    }
    EVP_PKEY *key = key_of_params(build);
    OSSL_PARAM_BLD_free(build);
    BN_free(coefficient);
    BN_free(secret);
    factor_free(&second);
    factor_free(&first);
    BN_free(order);
    BN_free(modulus);
    BN_free(open);
    BN_CTX_free(scratch);
    return key;
}

/* --- certificates ----------------------------------------------------------------------------------------- */

static EVP_PKEY *key_make(unsigned rsa_bits) {
    if (rsa_bits >= LARGE_KEY_BITS_MIN) {
        return key_make_large(rsa_bits);
    }
    return rsa_bits > 0 ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256");
}

struct certificate certificate_make(const char *folder, const char *file,
                                    const struct certificate_wish *wish) {
    struct certificate certificate;
    snprintf(certificate.chain_path, sizeof(certificate.chain_path), "%s/%s.pem", folder, file);
    snprintf(certificate.key_path, sizeof(certificate.key_path), "%s/%s.key", folder, file);
    EVP_PKEY *key = key_make(wish->rsa_bits);
    X509 *made = X509_new();
    must(key != NULL && made != NULL, "key");
    X509 *issuer = wish->issuer == NULL ? made : chain_read(wish->issuer->chain_path);
    EVP_PKEY *issuer_key = wish->issuer == NULL ? key : key_read(wish->issuer->key_path);
    uint64_t serial;
    must(RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1, "serial");
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(made), (long)-2 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made), wish->days > 0 ? (long)wish->days * DAY_S : -(long)DAY_S);
    X509_set_pubkey(made, key);
    names_set(made, issuer, wish->name);
    extension_add(made, issuer, NID_basic_constraints,
                  wish->issuer == NULL || wish->issues ? "critical,CA:TRUE" : "CA:FALSE");
    must(X509_sign(made, issuer_key, EVP_sha256()) > 0, "signature");
    files_write(&certificate, made, key);
    if (wish->issuer != NULL) {
        X509_free(issuer);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(made);
    EVP_PKEY_free(key);
    return certificate;
}

void certificate_chain_append(const struct certificate *chain, const struct certificate *next) {
    X509 *last = chain_read(next->chain_path);
    FILE *file = fopen(chain->chain_path, "ae");
    must(file != NULL && PEM_write_X509(file, last) == 1 && fclose(file) == 0, chain->chain_path);
    X509_free(last);
}

const char *certificate_folder_make(char path[CERTIFICATE_PATH_SIZE_MAX]) {
    snprintf(path, CERTIFICATE_PATH_SIZE_MAX, "/tmp/riposte-tls-XXXXXX");
    must(mkdtemp(path) != NULL, path);
    return path;
}

void certificate_folder_remove(const char *path) {
    DIR *folder = opendir(path);
    must(folder != NULL, path);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." stay */
    }
    closedir(folder);
    rmdir(path);
}
