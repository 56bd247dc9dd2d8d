/* SPDX-License-Identifier: MIT
 *
 * condition: each conditional field against the entity tag and the date, in the order that is asked for.
 */
#include "condition.h"

#include "date.h"
#include "text.h"

enum tag_compare {
    COMPARE_STRONG, /* a weak tag equals none */
    COMPARE_WEAK,   /* "W/" in front does not count */
};

/*
 * Takes an entity tag off the front of a list: *tag with its quotes. False at the end, or at something that
 * is none.
 */
static bool tag_next(struct bytes *list, struct bytes *tag, bool *weak) {
    const char *at = list->data;
    const char *end = at + list->size;
    while (at < end && (http_text_is_space(*at) || *at == ',')) {
        at++;
    }
    *weak = end - at >= 2 && at[0] == 'W' && at[1] == '/';
    at += *weak ? 2 : 0;
    if (at == end || *at != '"') {
        return false;
    }
    const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (quote == NULL) {
        return false;
    }
    *tag = bytes_of(at, (size_t)(quote + 1 - at));
    *list = bytes_of(quote + 1, (size_t)(end - quote - 1));
    return true;
}

/* True when a field of that name is "*" and there is something, or holds the tag of what there is. */
static bool tags_match(const struct http_head *head, enum http_field name,
                       const struct http_validator *validator, enum tag_compare compare) {
    unsigned position = 0;
    struct bytes list;
    while (http_head_next(head, name, &position, &list)) {
        struct bytes tag;
        bool weak;
        if (bytes_equal_string(list, "*")) {
            return validator->exists;
        }
        while (tag_next(&list, &tag, &weak)) {
            if (validator->exists && validator->etag.size > 0 && !(weak && compare == COMPARE_STRONG) &&
                bytes_equal(tag, validator->etag)) {
                return true;
            }
        }
    }
    return false;
}

/* Reads a date field; false when it is not there or not one, as RFC 9110 asks to pass over those. */
static bool date_find(const struct http_head *head, enum http_field name,
                      const struct http_validator *validator, uint64_t *unix_s) {
    return http_head_has_one(head, name) &&
           http_date_read(http_head_find(head, name), validator->now_unix_s, unix_s);
}

/* Step 1 and 2: the conditions of those who would change something. */
static bool may_change(const struct http_head *head, const struct http_validator *validator) {
    uint64_t unix_s;
    if (http_head_has(head, HTTP_IF_MATCH)) {
        return tags_match(head, HTTP_IF_MATCH, validator, COMPARE_STRONG);
    }
    return !validator->has_modified || !date_find(head, HTTP_IF_UNMODIFIED_SINCE, validator, &unix_s) ||
           validator->modified_s <= unix_s;
}

/* Step 3 and 4: the conditions of those who have a copy. */
static bool has_changed(const struct http_head *head, const struct http_validator *validator) {
    uint64_t unix_s;
    bool reads = head->method == HTTP_GET || head->method == HTTP_HEAD;
    if (http_head_has(head, HTTP_IF_NONE_MATCH)) {
        return !tags_match(head, HTTP_IF_NONE_MATCH, validator, COMPARE_WEAK);
    }
    return !reads || !validator->has_modified ||
           !date_find(head, HTTP_IF_MODIFIED_SINCE, validator, &unix_s) || validator->modified_s > unix_s;
}

bool http_condition_any(const struct http_head *head) {
    const uint32_t any = UINT32_C(1) << HTTP_IF_MATCH | UINT32_C(1) << HTTP_IF_NONE_MATCH |
                         UINT32_C(1) << HTTP_IF_MODIFIED_SINCE | UINT32_C(1) << HTTP_IF_UNMODIFIED_SINCE;
    return (head->seen & any) != 0;
}

enum http_condition http_condition_check(const struct http_head *head,
                                         const struct http_validator *validator) {
    if (!may_change(head, validator)) {
        return HTTP_CONDITION_FALSE;
    }
    if (has_changed(head, validator)) {
        return HTTP_CONDITION_TRUE;
    }
    bool reads = head->method == HTTP_GET || head->method == HTTP_HEAD;
    return reads ? HTTP_CONDITION_NOT_MODIFIED : HTTP_CONDITION_FALSE;
}

/* A date is a strong validator only where it cannot have changed twice within its second; here it is equal or not. */
bool http_condition_range(const struct http_head *head, const struct http_validator *validator) {
    uint64_t unix_s;
    if (!http_head_has(head, HTTP_IF_RANGE)) {
        return true;
    }
    if (!http_head_has_one(head, HTTP_IF_RANGE)) {
        return false; /* which of them the client has is not known: the whole is right in any case */
    }
    struct bytes field = http_head_find(head, HTTP_IF_RANGE);
    if (field.size > 0 && field.data[0] == '"') {
        return validator->exists && bytes_equal(field, validator->etag);
    }
    return validator->has_modified && date_find(head, HTTP_IF_RANGE, validator, &unix_s) &&
           validator->modified_s == unix_s;
}
