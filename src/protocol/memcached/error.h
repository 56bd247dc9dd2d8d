/* SPDX-License-Identifier: MIT
 *
 * error: the error lines of the protocol, letter for letter (section 6 of the contract).
 */
#ifndef MEMCACHED_ERROR_H
#define MEMCACHED_ERROR_H

#include "request.h"

/* The line with its end; static storage. Empty where the connection is closed without a word. */
struct bytes error_line(enum mc_error error);

#endif
