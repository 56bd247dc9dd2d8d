/* SPDX-License-Identifier: MIT
 *
 * target: the server under load: [protocol://]host[:port][/path], or a Unix socket.
 */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "protocol.h"
#include "failure.h"

enum { TARGET_TEXT_SIZE_MAX = 512, TARGET_PATH_SIZE_MAX = 4096 };

/* A target as written, taken apart. */
struct target_text {
    bool has_protocol;
    enum protocol_kind protocol;
    bool has_tls;                    /* the protocol's name says so: https, rediss */
    char host[TARGET_TEXT_SIZE_MAX]; /* without brackets */
    char port[TARGET_TEXT_SIZE_MAX]; /* empty: the protocol's */
    char path[TARGET_PATH_SIZE_MAX]; /* empty: none was written */
};

/* An address that can be connected to. */
struct target {
    struct sockaddr_storage address;
    socklen_t address_size;
    char name[TARGET_TEXT_SIZE_MAX * 2 +
              4];     /* host:port, [host]:port, or the path of the socket; for people and for HTTP */
    bool is_loopback; /* IPv4 127.0.0.0/8: a source address can be chosen freely there */
};

/* False: malformed; *reason says how. */
bool target_parse(const char *text, struct target_text *parts, const char **reason);

/* Looks the host up; the first address counts. */
bool target_resolve(const struct target_text *parts, const char *default_port, struct target *target,
                    struct failure *failure);

/* A Unix stream socket. */
bool target_unix(const char *path, struct target *target, struct failure *failure);

/*
 * A new stream socket for the target, close-on-exec, without Nagle's delay. source_index above 0 binds it to
 * 127.0.0.<1 + index mod 64> when the target is loopback: each source address brings 28,000 ports more. The
 * descriptor, or a negative errno.
 */
int target_socket(const struct target *target, uint32_t source_index);

#endif
