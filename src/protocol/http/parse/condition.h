/* SPDX-License-Identifier: MIT
 *
 * condition: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since and If-Range against what there
 * is, in the order of RFC 9110 section 13.2.2. Pure.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "head.h"

/* What there is of the thing that was asked for. All zero: nothing. */
struct http_validator {
    bool exists;
    struct bytes etag;   /* a strong entity tag with its quotes; size 0: it has none */
    bool has_modified;   /* modified_s is known */
    uint64_t modified_s; /* Unix time of the last change */
    uint64_t now_unix_s; /* for dates of two digits */
};

enum http_condition {
    HTTP_CONDITION_TRUE,         /* go on */
    HTTP_CONDITION_NOT_MODIFIED, /* GET and HEAD: 304 */
    HTTP_CONDITION_FALSE,        /* 412 */
};

enum http_condition http_condition_check(const struct http_head *head,
                                         const struct http_validator *validator);

/* True when a Range is to be heeded: there is no If-Range, or it fits. */
bool http_condition_range(const struct http_head *head, const struct http_validator *validator);

/* True when any field of conditions is there: without, http_condition_check says TRUE. */
bool http_condition_any(const struct http_head *head);

#endif
