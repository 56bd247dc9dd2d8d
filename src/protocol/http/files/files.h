/* SPDX-License-Identifier: MIT
 *
 * files: what lies beneath --http-root, as it is.
 *
 *      /a/b.css     the file, or b.css.br or b.css.gz where they are there and the client takes them
 *      /a/          a/index.html
 *      /a           301 to /a/ where a is a folder
 *
 * GET and HEAD, with entity tag, date, conditions and one range. Names that begin with a point are not served,
 * but for .well-known; folders are not listed.
 */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H

#include "call.h"

/* Answers a request whose path belongs to nothing else; there is a root. */
void http_files(struct http_call *call, const struct http_request *request);

#endif
