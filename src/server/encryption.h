/* SPDX-License-Identifier: MIT
 *
 * encryption: what flags say of TLS becomes a struct tls (riposte/tls.h), which listens get; its files are looked at again
 * while the server runs.
 *
 * Main thread only.
 */
#ifndef RIPOSTE_SERVER_ENCRYPTION_H
#define RIPOSTE_SERVER_ENCRYPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "listen.h"
#include "options_table.h"

struct tls;

struct encryption {
    struct tls *tls;       /* owned; NULL: no listen speaks it */
    uint64_t look_next_ns; /* monotonic time of the next look at the files */
    uint64_t warn_next_ns; /* before which the end of a certificate is not spoken of again */
};

/*
 * Reads certificates and keys where a listen speaks TLS, with the rights that the process has now. options->threads is
 * known. False and *failure, with nothing left.
 */
bool encryption_open(struct encryption *encryption, const struct options *options,
                     const struct listen_list *listens, struct failure *failure);
void encryption_close(struct encryption *encryption);

/* Reads the files again, and says in a line how that went; `why` stands before it. False: what was in force stays. */
bool encryption_refresh(struct encryption *encryption, const char *why);

/*
 * Once a minute: files that have changed are read, keys of tickets renewed, a certificate that is about to end spoken of.
 * Returns within how many ms it wants to be called again; -1: never.
 */
int encryption_turn(struct encryption *encryption, uint64_t now_ns);

#endif
