/* SPDX-License-Identifier: MIT
 *
 * host: the value of a Host field, or the authority of an absolute target.
 */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "riposte/bytes.h"

/* The host that was asked for last: nearly always the one that is asked for next. All zero is none. */
struct http_host_memo {
    unsigned char size; /* bytes; 0: none */
    bool is_loopback;
    char text[62];
};

/*
 * True for a name or an address, IPv6 in brackets, with or without `:port` of 0 to 65535, of 1 to 255 bytes
 * in all. Names may hold letters, digits, '-', '.', '_' and percent-encoded bytes.
 */
bool http_host_is_valid(struct bytes host);

/* The name or address of a valid one: no port, brackets kept, and no point at the end. */
struct bytes http_host_name(struct bytes host);

/*
 * True when a valid one means this machine and nobody else can make a name server say otherwise: `localhost`
 * and names below it (RFC 6761 section 6.3), 127.0.0.0/8 in its dotted form, [::1].
 */
bool http_host_is_loopback(struct bytes host);

/*
 * Both questions at once: the answer of http_host_is_valid, and *is_loopback where that is true. *memo makes it
 * cheap for a host that is the one before.
 */
bool http_host_check(struct http_host_memo *memo, struct bytes host, bool *is_loopback);

#endif
