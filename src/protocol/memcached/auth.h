/* SPDX-License-Identifier: MIT
 *
 * auth: names and passwords (`-Y`), and a connection that has to authenticate (README.md, "Authentication").
 *
 *      set <any key> <ignored> <ignored> <bytes>\r\n<name> <password>\r\n  -->  STORED: every command is allowed
 *
 * Anything else is refused, each time later than the time before, and the connection closed after
 * AUTH_FAILURES_MAX of them. Until then a connection is worth little: it may hold AUTH_INPUT_SIZE_MAX bytes of
 * input and AUTH_OUTPUT_SIZE_MAX of output, for the time of --login-timeout; a line of less than six bytes
 * closes it.
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

    /* Of a connection that has not authenticated: */
    AUTH_INPUT_SIZE_MAX = 2048,  /* bytes that wait to be served */
    AUTH_TOKEN_SIZE_MAX = 1024,  /* bytes of "<name> <password>" */
    AUTH_OUTPUT_SIZE_MAX = 4096, /* bytes that wait to be taken */
    AUTH_FAILURES_MAX = 5,
    AUTH_DELAY_MS_MIN = 10, /* before the first failure is answered; twice as long before each next one */
    AUTH_DELAY_MS_MAX = 1000,
};

/* What a connection that has not authenticated waits for; times in milliseconds, modulo 2^32, never 0. */
struct auth_wait {
    uint32_t since_ms; /* it was first seen; 0: it was not */
    uint32_t until_ms; /* the failure at the front of its input is answered; 0: there is none */
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
    uint64_t files_refused; /* files that were read again and could not be used */
    struct auth_entry entry[AUTH_ENTRIES_MAX];
};

void auth_init(struct auth *auth);
void auth_deinit(struct auth *auth);

/* Files that could not be used when they were read again. Any thread. */
uint64_t auth_files_refused(struct auth *auth);

/* Before anything of a connection that has not authenticated is served: its time runs from its first call on. */
void auth_watch(struct mc_call *call);

/* After a call of a connection that still has not authenticated: closes it when its time is over. */
void auth_expire(struct mc_call *call);

/*
 * One line of a connection that has not authenticated, with its data block if it has one. False when it needs
 * more input.
 */
bool auth_step(struct mc_call *call);

#endif
