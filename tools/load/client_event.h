/* SPDX-License-Identifier: MIT
 *
 * client_event: what completions mean for a client. Inner part of client.h; same
 * thread.
 */
#ifndef LOAD_CLIENT_EVENT_H
#define LOAD_CLIENT_EVENT_H

#include "client.h"

/* Handles one completion; may set client->failure. */
void client_on_completion(struct client *client, const struct io_uring_cqe *completion);

#endif
