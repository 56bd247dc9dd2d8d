/* SPDX-License-Identifier: MIT
 *
 * overdue: what becomes of connections whose time has come (timeouts.h says what they are watched for). The worker's own
 * thread only.
 */
#ifndef RIPOSTE_ENGINE_OVERDUE_H
#define RIPOSTE_ENGINE_OVERDUE_H

#include "worker.h"

/* Acts on every deadline that has come. Once per turn. */
void overdue_turn(struct worker *worker);

#endif
