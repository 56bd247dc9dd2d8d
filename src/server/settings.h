/* SPDX-License-Identifier: MIT
 *
 * settings: the lines of `stats settings`, memcached's names in memcached's order
 * (src/protocol/memcached/README.md, "Statistics").
 */
#ifndef RIPOSTE_SERVER_SETTINGS_H
#define RIPOSTE_SERVER_SETTINGS_H

#include <stdint.h>

#include "options_table.h"
#include "riposte/bytes.h"

/*
 * Calls `line` once per name; every value is one word. `options` is a const struct options (the signature is
 * that of struct memcached_settings_writer); memory_limit is what holds in place of its -m. Any thread.
 */
void settings_write(void *options, uint64_t memory_limit,
                    void (*line)(void *target, const char *name, struct bytes value), void *target);

#endif
