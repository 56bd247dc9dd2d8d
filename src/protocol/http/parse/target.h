/* SPDX-License-Identifier: MIT
 *
 * target: what a request is for (RFC 9112 section 3.2), its path, its query, and percent-decoding.
 *
 *      /cache/a%20b?ttl=5         origin form           http://localhost/cache/a   absolute form
 *      *                          asterisk form         localhost:80               authority form: refused
 *
 * Pure; slices of the target. Nothing is decoded here but by http_percent_decode, and by nobody twice.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "head.h"

struct http_target {
    bool asterisk;          /* path is "*" */
    struct bytes path;      /* as sent, still encoded; begins with '/' but for the asterisk */
    struct bytes query;     /* behind the first '?', still encoded; may be empty */
    struct bytes authority; /* of the absolute form, valid as a Host is; empty otherwise */
};

/* http_target_read for any target. */
bool http_target_read_any(const struct http_head *head, struct http_target *target);

/* True and *target; false for what is none of the three forms, holds a '#', or names a scheme but http(s). */
static inline bool http_target_read(const struct http_head *head, struct http_target *target) {
    if (!head->target_is_plain || head->target.data[0] != '/') {
        return http_target_read_any(head, target);
    }
    *target = (struct http_target){.path = head->target};
    return true;
}

/* Whether there is nothing in it to decode: as it is, it says what http_percent_decode would make of it. */
static inline bool http_percent_is_plain(struct bytes text) {
    return text.size == 0 || memchr(text.data, '%', text.size) == NULL;
}

/*
 * Decodes `text` once into `decoded`, which has room for size_max bytes. False for a '%' without two
 * hexadecimal digits behind it, and for what does not fit. '+' stays '+'.
 */
bool http_percent_decode(struct bytes text, char *decoded, size_t size_max, size_t *size);

/*
 * The value of the first parameter `name` of a query `a=1&b=2`, still encoded, maybe empty; false when there
 * is none. Names are compared as they were sent.
 */
bool http_query_find(struct bytes query, const char *name, struct bytes *value);

/* True when every parameter of a query is one of `names`, which NULL ends (up to 32), and none stands there twice. */
bool http_query_is_only(struct bytes query, const char *const *names);

#endif
