/* SPDX-License-Identifier: MIT
 *
 * certificate: makes keys, signs certificates with them, and writes both.
 */
#include "certificate.h"

#include <dirent.h>
#include <openssl/evp.h>
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

struct certificate certificate_make(const char *folder, const char *file,
                                    const struct certificate_wish *wish) {
    struct certificate certificate;
    snprintf(certificate.chain_path, sizeof(certificate.chain_path), "%s/%s.pem", folder, file);
    snprintf(certificate.key_path, sizeof(certificate.key_path), "%s/%s.key", folder, file);
    EVP_PKEY *key = wish->rsa_bits > 0 ? EVP_RSA_gen(wish->rsa_bits) : EVP_EC_gen("P-256");
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
                  wish->issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
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
