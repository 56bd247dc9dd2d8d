/* SPDX-License-Identifier: MIT
 *
 * same_head: whether two readings of a head say the same, wherever the bytes of their slices stand.
 */
#ifndef TESTS_UNIT_SAME_HEAD_H
#define TESTS_UNIT_SAME_HEAD_H

#include "message.h"

static inline bool same_fields(const struct http_head *left, const struct http_head *right) {
    if (left->fields_count != right->fields_count || left->seen != right->seen ||
        left->doubled != right->doubled) {
        return false;
    }
    for (unsigned i = 0; i < left->fields_count; i++) {
        if (left->fields[i].name != right->fields[i].name ||
            !bytes_equal(left->fields[i].value, right->fields[i].value)) {
            return false;
        }
    }
    for (unsigned name = 0; name < HTTP_FIELDS_COUNT; name++) {
        if (http_head_has(left, name) && left->first[name] != right->first[name]) {
            return false;
        }
    }
    return true;
}

/* Both were accepted. */
static inline bool same_head(const struct http_head *left, const struct http_head *right) {
    return left->method == right->method && bytes_equal(left->method_text, right->method_text) &&
           left->minor == right->minor && bytes_equal(left->target, right->target) &&
           left->target_is_plain == right->target_is_plain && left->size == right->size &&
           same_fields(left, right);
}

/* Both are good. */
static inline bool same_message(const struct http_message *left, const struct http_message *right) {
    return left->body == right->body && left->body_size == right->body_size &&
           left->keep_alive == right->keep_alive && left->expect_continue == right->expect_continue;
}

#endif
