/* SPDX-License-Identifier: MIT
 *
 * material: the files of a configuration as they were read: certificate chains, private keys, authorities.
 *
 * Each worker makes contexts of its own from these bytes. Reading needs rights that the process may give away; making
 * contexts needs none. The bytes are overwritten before they are freed.
 */
#ifndef TLS_MATERIAL_H
#define TLS_MATERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "riposte/bytes.h"
#include "riposte/tls.h"

/* A file that was read. */
struct material_file {
    const char *path; /* borrowed from the configuration; NULL: there is none */
    char *data;       /* owned */
    size_t size;
    /* stat(2) of what was read: a file that differs in one of them is another one. */
    struct timespec modified;
    dev_t device;
    ino_t inode;
};

struct material {
    struct material_file chains[TLS_CERTIFICATES_MAX];
    struct material_file keys[TLS_CERTIFICATES_MAX];
    unsigned count;
    struct material_file authorities;
};

/* Reads what the configuration names. 0 and *material; or a negative errno and a sentence in `message`. */
int material_read(const struct tls_config *config, struct material **material,
                  char message[TLS_MESSAGE_SIZE_MAX]);

/* Whether one of the files is another one now, or is gone. */
bool material_changed(const struct material *material);

/* NULL is taken. */
void material_free(struct material *material);

static inline struct bytes material_bytes(const struct material_file *file) {
    return bytes_of(file->data, file->size);
}

#endif
