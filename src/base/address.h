/* SPDX-License-Identifier: MIT
 *
 * address: what a socket's address says, whatever its family. Pure but for the name of an interface; any
 * thread may call.
 */
#ifndef RIPOSTE_BASE_ADDRESS_H
#define RIPOSTE_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Longest text below, terminator included: a path, or an IPv6 address with scope and port. */
enum { ADDRESS_TEXT_SIZE_MAX = 112 };

/*
 * "127.0.0.1:11211", "[::1]:11211", "[fe80::1%eth0]:11211", the path of a Unix socket, "@name" of one without a
 * file; "?" for all else.
 */
void address_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE_MAX]);

/* "127.0.0.1", "::1", without scope; "?" for what is neither IPv4 nor IPv6. */
void address_host_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE_MAX]);

/* In host byte order; 0 for what is neither IPv4 nor IPv6. */
uint16_t address_port(const struct sockaddr_storage *address);

/* Replaces the port (host byte order) of an IPv4 or IPv6 address; anything else is left alone. */
void address_set_port(struct sockaddr_storage *address, uint16_t port);

/* Whether only this machine reaches it: 127.0.0.0/8 or ::1. A Unix socket is no such address. */
bool address_is_loopback(const struct sockaddr_storage *address);

/* The file of a Unix socket; NULL for any other address, and for one without a file. Lives as long as *address. */
const char *address_unix_path(const struct sockaddr_storage *address);

#endif
