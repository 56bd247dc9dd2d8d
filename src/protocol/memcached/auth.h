/* SPDX-License-Identifier: MIT
 *
 * auth: names and passwords (`-Y`), and a connection that has to authenticate (README.md, "Authentication").
 *
 *      set <any key> <ignored> <ignored> <bytes>\r\n<name> <password>\r\n  -->  STORED: every command is allowed
 *
 * Anything else is refused, the connection stays open. Until then a connection is worth little: a line of
 * less than six bytes, or one that does not end, closes it.
 *
 * The file has at most AUTH_ENTRIES_MAX lines `name:password`. Read as a whole or not at all: a bad file
 * leaves the old ones in force. One set for all workers behind a mutex, which a connection takes once, when
 * it authenticates.
 */
#ifndef MEMCACHED_AUTH_H
#define MEMCACHED_AUTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "riposte/bytes.h"

struct mc_call;

enum {
    AUTH_ENTRIES_MAX = 8,
    AUTH_ENTRY_SIZE_MAX = 255, /* bytes of "name:password", without the line end */
};

struct auth_entry {
    size_t name_size;
    size_t password_size;
    char name[AUTH_ENTRY_SIZE_MAX];
    char password[AUTH_ENTRY_SIZE_MAX];
};

/* All zero, with the lock initialised, is a server that asks nobody. */
struct auth {
    _Atomic bool required; /* once a file was read; never taken back */
    pthread_mutex_t lock;  /* of what follows */
    unsigned count;
    struct auth_entry entry[AUTH_ENTRIES_MAX];
};

void auth_init(struct auth *auth);
void auth_deinit(struct auth *auth);

/* True when a connection must authenticate. Any thread. */
static inline bool auth_required(const struct auth *auth) {
    /* relaxed: set before the engine runs, or while connections may come either way. */
    return atomic_load_explicit(&auth->required, memory_order_relaxed);
}

/*
 * One line of a connection that has not authenticated, with its data block if it has one. False when it needs
 * more input.
 */
bool auth_step(struct mc_call *call);

#endif
