/* SPDX-License-Identifier: MIT
 *
 * cache: the store at /cache/<key>.
 *
 *      GET HEAD         200 with ETag (the CAS), 206, 304, 404, 412, 416; X-Cache: hit, miss, stale or won
 *      PUT              201 or 204; ?ttl=SECONDS or Cache-Control: max-age=SECONDS; conditions are atomic
 *      POST             ?op=incr or decr, &by=N (1): 200 with the number; &initial=N makes what is not there
 *                       ?op=append or prepend: 204
 *      DELETE           204 or 404
 */
#ifndef HTTP_CACHE_H
#define HTTP_CACHE_H

#include "call.h"
#include "change.h"
#include "parse/condition.h"

/* Answers, or says in *change what the body is for. `name` is what follows "/cache/", still encoded. */
void http_cache(struct http_call *call, struct http_request *request, struct bytes name,
                struct http_change *change);

/*
 * --- cache_write.c: PUT, POST and DELETE, and the conditions that they and GET share ---
 */

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
