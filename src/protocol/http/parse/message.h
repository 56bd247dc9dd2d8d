/* SPDX-License-Identifier: MIT
 *
 * message: how long a request is, and what becomes of its connection (RFC 9112 sections 6 and 9).
 *
 * A request whose end two readers could see in different places is refused, whatever the RFC lets a server
 * do about it: that is what request smuggling lives on. Pure; allocates nothing.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "head.h"

enum http_body_kind {
    HTTP_BODY_NONE,    /* the request ends with its head */
    HTTP_BODY_LENGTH,  /* body_size bytes follow, at least one */
    HTTP_BODY_CHUNKED, /* see http_chunk in body.h */
};

struct http_message {
    enum http_body_kind body;
    uint64_t body_size;      /* LENGTH: bytes, >= 1 */
    bool keep_alive;         /* the connection may serve another request */
    bool expect_continue;    /* the client waits for "100 Continue" before it sends the body */
    enum http_status status; /* of BAD: 400, 417 or 501; the connection must be closed after the answer */
};

/* OK or BAD; never MORE. host_is_valid: as http_host_is_valid says of the first Host; of none, false. */
enum http_parse http_message_read(const struct http_head *head, bool host_is_valid,
                                  struct http_message *message);

#endif
