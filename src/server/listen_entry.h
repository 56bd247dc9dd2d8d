/* SPDX-License-Identifier: MIT
 *
 * listen_entry: one place to listen on, as it is written, taken apart.
 *
 *      entry    = *( prefix ":" ) place
 *      prefix   = "proto[" name "]" | "tag[" text "]" | "notls" | "tls" | "btls" | "https" | "mtls"
 *      place    = "*" | host | "*:" port | host ":" port | "[" v6 "]" | "[" v6 "]:" port | v6 | "unix:" path
 *
 * Pure: nothing is looked up, texts are borrowed from the entry.
 */
#ifndef RIPOSTE_SERVER_LISTEN_ENTRY_H
#define RIPOSTE_SERVER_LISTEN_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum {
    LISTEN_HOST_SIZE_MAX = 255, /* bytes */
    LISTEN_PORT_UNSAID = -2,
};

enum listen_tls {
    LISTEN_TLS_UNSAID,
    LISTEN_TLS_OFF,    /* notls: */
    LISTEN_TLS_ON,     /* tls:, btls:, https: */
    LISTEN_TLS_MUTUAL, /* mtls: clients show a certificate, too */
};

struct listen_entry {
    struct bytes protocol; /* its name; data NULL: unsaid */
    struct bytes tag;      /* the operator's word for it; empty: none */
    enum listen_tls tls;
    struct bytes host; /* "*" for all addresses; empty: there is a path */
    struct bytes path; /* of a Unix socket; empty: there is a host */
    int32_t port;      /* 0 to 65535, or LISTEN_PORT_UNSAID */
};

/* False when the text is no entry. Whether it can be listened on is not looked at. */
bool listen_entry_parse(struct bytes text, struct listen_entry *entry);

#endif
