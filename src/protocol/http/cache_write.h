/* SPDX-License-Identifier: MIT
 *
 * cache_write: PUT, POST and DELETE of /cache/<key>, and the conditions that they and GET share.
 */
#ifndef HTTP_CACHE_WRITE_H
#define HTTP_CACHE_WRITE_H

#include "change.h"
#include "parse/condition.h"

/* An entity tag as text. */
struct http_cache_tag {
    char text[BYTES_U64_DIGITS_MAX + 2];
};

/* What conditions are checked against; view is NULL for a miss. *tag holds the text of the tag. */
struct http_validator http_cache_validator(const struct http_call *call, const struct item_view *view,
                                           struct http_cache_tag *tag);

/* change->key is the key. Answers, or says in *change what the body is for. */
void http_cache_write(struct http_call *call, struct http_request *request, struct http_change *change);

/* DELETE of everything under the prefix that the query names. */
void http_cache_flush(struct http_call *call, const struct http_request *request);

#endif
