/* SPDX-License-Identifier: MIT
 *
 * probe: --probe=ADDRESS: a client of one request, for health checks in images that have no other program.
 *
 * It asks `version` of memcached's protocol, /healthz of HTTP's, and takes any answer of a server that serves for well: one that
 * wants a password first does. It speaks no TLS.
 */
#ifndef RIPOSTE_SERVER_PROBE_H
#define RIPOSTE_SERVER_PROBE_H

#include <stdio.h>

/*
 * Asks at `text`, an address as of -l (a name: one of its addresses is enough). 0: it serves; 1: it does not, or says nothing within
 * timeout_ms in all; EX_USAGE: no address that can be asked. Writes one line that says so to `file`.
 */
int probe_run(const char *text, unsigned timeout_ms, FILE *file);

#endif
