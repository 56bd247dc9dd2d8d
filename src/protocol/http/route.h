/* SPDX-License-Identifier: MIT
 *
 * route: who may ask, and which part answers.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "change.h"

/*
 * A request whose head is sound: answers it, or says in *change what its body is for. Where the client waits
 * for a "100 Continue", an answer without the body ends the connection.
 */
void http_route(struct http_call *call, struct http_request *request, struct http_change *change);

#endif
