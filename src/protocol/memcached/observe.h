/* SPDX-License-Identifier: MIT
 *
 * observe: what is told of single requests while somebody asks for it (call->observed). Off the usual path.
 */
#ifndef MEMCACHED_OBSERVE_H
#define MEMCACHED_OBSERVE_H

#include "call.h"

void observe_get(const struct mc_call *call, struct bytes key, bool hit);
void observe_set(const struct mc_call *call, struct bytes key);
void observe_delete(const struct mc_call *call, struct bytes key);

#endif
