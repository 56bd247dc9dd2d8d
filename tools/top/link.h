/* SPDX-License-Identifier: MIT
 *
 * link: a connection to one server, made again when it is gone.
 */
#ifndef TOP_LINK_H
#define TOP_LINK_H

#include <sys/socket.h>

#include "failure.h"
#include "sample.h"
#include "tls.h"

enum { LINK_ANSWER_SIZE_MAX = 256 * 1024 };

struct link {
    const char *text; /* as it was given; borrowed */
    struct sockaddr_storage address;
    socklen_t address_size;
    int fd;                            /* owned; -1: not connected */
    struct tls_context *tls_context;   /* owned; NULL: connections are plain */
    struct tls *tls;                   /* owned; the same */
    char answer[LINK_ANSWER_SIZE_MAX]; /* of one question */
};

/*
 * host, host:port, [v6]:port, unix:PATH; without a port 11211. False and *failure for what is no address or cannot be
 * resolved, and for files of TLS that cannot be read. Does not connect.
 */
bool link_init(struct link *link, const char *text, const struct tls_settings *tls, struct failure *failure);
void link_deinit(struct link *link);

/*
 * Asks everything that a sample needs, connecting first if need be, within `limit_ms` for all of it. sample->answered is
 * false where the server cannot be reached, is too slow, or speaks otherwise.
 */
void link_sample(struct link *link, unsigned limit_ms, struct sample *sample);

#endif
