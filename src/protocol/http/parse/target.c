/* SPDX-License-Identifier: MIT
 *
 * target: cuts a target into its parts; decodes percent signs.
 */
#include "target.h"

#include "host.h"
#include "riposte/check.h"
#include "text.h"

/* Cuts at the first '?'. */
static void path_and_query(struct bytes text, struct http_target *target) {
    const char *mark = memchr(text.data, '?', text.size);
    size_t size = mark != NULL ? (size_t)(mark - text.data) : text.size;
    target->path = bytes_of(text.data, size);
    size += mark != NULL;
    target->query = bytes_of(text.data + size, text.size - size);
}

/* Bytes of "http://" or "https://" in front; 0 when it is something else. */
static size_t scheme_size(struct bytes text) {
    if (text.size > 7 && http_text_equal(bytes_of(text.data, 7), "http://")) {
        return 7;
    }
    return text.size > 8 && http_text_equal(bytes_of(text.data, 8), "https://") ? 8 : 0;
}

static bool read_absolute(struct bytes text, struct http_target *target) {
    size_t at = scheme_size(text);
    if (at == 0) {
        return false;
    }
    size_t end = at;
    while (end < text.size && text.data[end] != '/' && text.data[end] != '?') {
        end++;
    }
    target->authority = bytes_of(text.data + at, end - at);
    path_and_query(bytes_of(text.data + end, text.size - end), target);
    if (target->path.size == 0) {
        target->path = bytes_from_string("/");
    }
    return http_host_is_valid(target->authority);
}

bool http_target_read_any(const struct http_head *head, struct http_target *target) {
    struct bytes text = head->target;
    *target = (struct http_target){.asterisk = false};
    if (unlikely(memchr(text.data, '#', text.size) != NULL)) {
        return false;
    }
    if (likely(text.data[0] == '/')) {
        path_and_query(text, target);
        return true;
    }
    if (bytes_equal_string(text, "*") && head->method == HTTP_OPTIONS) {
        target->asterisk = true;
        target->path = text;
        return true;
    }
    return read_absolute(text, target);
}

bool http_percent_decode(struct bytes text, char *decoded, size_t size_max, size_t *size) {
    size_t used = 0;
    if (likely(text.size <= size_max && http_percent_is_plain(text))) {
        memcpy(decoded, text.data, text.size);
        *size = text.size;
        return true;
    }
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '%') {
            int high = text.size - i > 2 ? http_text_hex(text.data[i + 1]) : -1;
            int low = text.size - i > 2 ? http_text_hex(text.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (char)(high << 4 | low);
            i += 2;
        }
        if (used == size_max) {
            return false;
        }
        decoded[used++] = byte;
    }
    *size = used;
    return true;
}

/* Takes the first parameter off the query; a value is empty where there is no '='. False at the end. */
static bool query_next(struct bytes *query, struct bytes *name, struct bytes *value) {
    if (query->size == 0) {
        return false;
    }
    const char *mark = memchr(query->data, '&', query->size);
    size_t size = mark != NULL ? (size_t)(mark - query->data) : query->size;
    const char *equals = size > 0 ? memchr(query->data, '=', size) : NULL;
    size_t name_size = equals != NULL ? (size_t)(equals - query->data) : size;
    *name = bytes_of(query->data, name_size);
    name_size += equals != NULL;
    *value = bytes_of(query->data + name_size, size - name_size);
    size += mark != NULL;
    *query = bytes_of(query->data + size, query->size - size);
    return true;
}

bool http_query_find(struct bytes query, const char *name, struct bytes *value) {
    struct bytes found, text;
    while (query_next(&query, &found, &text)) {
        if (bytes_equal_string(found, name)) {
            *value = text;
            return true;
        }
    }
    return false;
}

bool http_query_is_only(struct bytes query, const char *const *names) {
    uint32_t seen = 0;
    struct bytes found, value;
    while (query_next(&query, &found, &value)) {
        unsigned i = 0;
        while (names[i] != NULL && !bytes_equal_string(found, names[i])) {
            i++;
        }
        if (names[i] == NULL || (seen & UINT32_C(1) << i) != 0) {
            return false;
        }
        seen |= UINT32_C(1) << i;
    }
    return true;
}
