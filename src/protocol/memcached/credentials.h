/* SPDX-License-Identifier: MIT
 *
 * credentials: the names and passwords of `-Y`.
 *
 * A file of at most CREDENTIALS_MAX lines `name:password`. Read as a whole or not at all: a bad file leaves
 * the old ones in force. One set for all workers behind a mutex, which a connection takes once, when it
 * introduces itself.
 */
#ifndef MEMCACHED_CREDENTIALS_H
#define MEMCACHED_CREDENTIALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "riposte/bytes.h"

enum {
    CREDENTIALS_MAX = 8,
    CREDENTIALS_LINE_SIZE_MAX = 255, /* bytes of "name:password", without the line end */
};

struct credential {
    size_t name_size;
    size_t password_size;
    char name[CREDENTIALS_LINE_SIZE_MAX];
    char password[CREDENTIALS_LINE_SIZE_MAX];
};

/* All zero, with the lock initialised, is a server that asks nobody. */
struct credentials {
    _Atomic bool required; /* once a file was read; never taken back */
    pthread_mutex_t lock;  /* of what follows */
    unsigned count;
    struct credential entry[CREDENTIALS_MAX];
};

void credentials_init(struct credentials *credentials);
void credentials_deinit(struct credentials *credentials);

/*
 * Takes over the lines of `text`. False, and nothing changed, when there are none, too many, one that is too
 * long or has no colon; *why is static text then. Any thread.
 */
bool credentials_set(struct credentials *credentials, struct bytes text, const char **why);

/* True when a connection must introduce itself. Any thread. */
static inline bool credentials_required(const struct credentials *credentials) {
    /* relaxed: set before the engine runs, or while connections may come either way. */
    return atomic_load_explicit(&credentials->required, memory_order_relaxed);
}

/* Takes as long for a wrong password as for a right one. Any worker. */
bool credentials_check(struct credentials *credentials, struct bytes name, struct bytes password);

#endif
