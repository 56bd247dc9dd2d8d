/* SPDX-License-Identifier: MIT
 *
 * protocol: what a client of the example may say, and what it hears.
 *
 *      server  echo                         the greeting
 *      client  hello
 *      server  1 hello                      a line comes back behind how often its worker has heard it
 *      client  later
 *      server  later                        a tenth of a second later
 *      client  ticks
 *      server  tick                         and so on, until the client ends
 *
 * and help, counts, quit. A line ends with \n or \r\n, has at most 1024 bytes and comes within 5 seconds.
 */
#ifndef ECHO_PROTOCOL_H
#define ECHO_PROTOCOL_H

#include <riposte/protocol.h>

#include "worker.h"

/* Its context is a struct worker. */
extern const struct protocol echo_protocol;

#endif
