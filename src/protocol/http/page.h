/* SPDX-License-Identifier: MIT
 *
 * page: the page that people keep open, its style and its script (page/), as they are in the source.
 *
 * They hold no figures, so they are served without a token: the script asks for one and sends it along.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include "call.h"

/* True when `path` is one of the page's files. */
bool http_page_is(const struct http_call *call, struct bytes path);

/* Answers GET and HEAD of such a path. */
void http_page(struct http_call *call, const struct http_request *request);

#endif
