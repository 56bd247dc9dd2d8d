/* SPDX-License-Identifier: MIT
 *
 * http: the second protocol of a server: its flags, its service, its part of each listener.
 *
 * Without --http nothing of it exists. Main thread only.
 */
#ifndef RIPOSTE_SERVER_HTTP_H
#define RIPOSTE_SERVER_HTTP_H

#include "failure.h"
#include "riposte/engine.h"

struct listen;
struct server;

/* The service, where --http is given; after engine and store. */
bool http_create_service(struct server *server, struct failure *failure);
void http_destroy_service(struct server *server);

/* --http-token-file; called again for SIGHUP. */
bool http_load_token(struct server *server, struct failure *failure);

/* The stop begins. */
void http_drain(struct server *server);

/* What the connections of its listeners may take, of which `limits` are those of the others. */
void http_limits(const struct server *server, struct engine_limits *limits);

/* Protocol, context and limits of a listener whose address is filled in. */
void http_listen_fill(const struct listen *listen, const struct engine_limits *limits,
                      struct engine_listen *engine_listen);

#endif
