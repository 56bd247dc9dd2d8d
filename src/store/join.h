/* SPDX-License-Identifier: MIT
 *
 * join: append and prepend.
 */
#ifndef RIPOSTE_STORE_JOIN_H
#define RIPOSTE_STORE_JOIN_H

#include "riposte/store.h"

/* store_put for PUT_APPEND and PUT_PREPEND; consumes `added`. */
enum store_status join_put(struct store_worker *worker, struct item *added, const struct put_options *options,
                           struct put_result *result);

#endif
