/* SPDX-License-Identifier: MIT
 *
 * certificate: keys and certificates made on the spot, in files of a folder of their own. Every failure ends the program.
 */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

#include <stdbool.h>

enum { CERTIFICATE_PATH_SIZE_MAX = 128 };

/* A key and what it was certified by. */
struct certificate {
    char chain_path[CERTIFICATE_PATH_SIZE_MAX];
    char key_path[CERTIFICATE_PATH_SIZE_MAX];
};

/* What it says. */
struct certificate_wish {
    const char *name;                 /* its common name, and the host that it is for */
    const struct certificate *issuer; /* NULL: itself */
    int days;                         /* until its end; negative: it has ended */
    unsigned rsa_bits;                /* a key of RSA of that size; 0: of P-256 */
    bool issues;                      /* it may sign others; one that is signed by itself always may */
};

/*
 * Writes <folder>/<file>.pem and <folder>/<file>.key.
 */
struct certificate certificate_make(const char *folder, const char *file,
                                    const struct certificate_wish *wish);

/* Puts the first certificate of `next` behind those of `chain`. */
void certificate_chain_append(const struct certificate *chain, const struct certificate *next);

/* A new folder below /tmp; removed with what is in it. */
const char *certificate_folder_make(char path[CERTIFICATE_PATH_SIZE_MAX]);
void certificate_folder_remove(const char *path);

#endif
