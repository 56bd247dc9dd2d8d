/* SPDX-License-Identifier: MIT
 *
 * encryption: what flags say of TLS becomes a struct tls (riposte/tls.h), which listens get; its files are looked at again
 * while the server runs.
 *
 * Main thread only, but for what says otherwise.
 */
#ifndef RIPOSTE_SERVER_ENCRYPTION_H
#define RIPOSTE_SERVER_ENCRYPTION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "listen.h"
#include "options_table.h"
#include "riposte/tls.h"

/* Refreshes that clients ask for: workers write `asked`, the main thread the rest. All guarded by the mutex. */
struct encryption_requests {
    pthread_mutex_t mutex;
    uint64_t asked;                      /* the newest one */
    uint64_t ended;                      /* all up to this one are over */
    char refusal[FAILURE_TEXT_SIZE_MAX]; /* of the last one; "": it went well */
};

struct engine;

struct encryption {
    struct encryption_requests requests;
    struct tls *tls;       /* owned; NULL: no listen speaks it */
    uint64_t look_next_ns; /* monotonic time of the next look at the files */
    bool key_judged;       /* the cost of its slowest key was logged, since the files were last read */
    uint64_t warn_next_ns; /* before which the end of a certificate is not spoken of again */
};

/*
 * Reads certificates and keys where a listen speaks TLS, with the rights that the process has now. options->threads is
 * known, or 0 where no worker will start; `engine` is theirs, or NULL. False and *failure, with nothing left.
 */
bool encryption_open(struct encryption *encryption, const struct options *options,
                     const struct listen_list *listens, struct engine *engine, struct failure *failure);
void encryption_close(struct encryption *encryption);

/*
 * Reads the files again, and says in a line how that went; `why` stands before it. False, and a sentence in `message`: what
 * was in force stays.
 */
bool encryption_refresh(struct encryption *encryption, const char *why, char message[TLS_MESSAGE_SIZE_MAX]);

/*
 * Once a minute: files that have changed are read, keys of tickets renewed, a certificate that is about to end spoken of.
 * Returns within how many ms it wants to be called again; -1: never.
 */
int encryption_turn(struct encryption *encryption, uint64_t now_ns);

/* Whole days until the first certificate ends, below 0 once it has; there is a struct tls. Any thread. */
int64_t encryption_days_left(const struct encryption *encryption);

/*
 * CPU time in us of a signature with the slowest key where that is too long for a worker that serves others; 0: it is not.
 * There is a struct tls. Any thread.
 */
uint32_t encryption_slow_key_us(const struct encryption *encryption);

/* A client asks for a refresh (struct memcached_refresher). Any worker's thread; `encryption` has a struct tls. */
uint64_t encryption_ask(void *encryption);
bool encryption_answered(void *encryption, uint64_t which, char *refusal, size_t refusal_size);

/* Does what clients have asked for. Main thread. */
void encryption_serve_requests(struct encryption *encryption);

/* Lines of `stats`, in memcached's names (struct memcached_stats_writer). Any thread. */
void encryption_stats(void *encryption, void (*line)(void *target, const char *name, struct bytes value),
                      void *target);

#endif
