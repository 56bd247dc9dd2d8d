/* SPDX-License-Identifier: MIT
 *
 * text: comparison without case, trimming, tokens and lists.
 */
#include "text.h"

const unsigned char http_text_token[256] = {
    ['!'] = 1,         ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1,         ['\''] = 1,
    ['*'] = 1,         ['+'] = 1, ['-'] = 1, ['.'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1,
    ['a' ... 'z'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,         ['~'] = 1,
};

static char text_lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

bool http_text_equal(struct bytes text, const char *lower) {
    if (text.size != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text_lower(text.data[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

struct bytes http_text_trim(struct bytes text) {
    while (text.size > 0 && http_text_is_space(text.data[0])) {
        text = bytes_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && http_text_is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool http_text_all_token(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!http_text_is_token(text.data[i])) {
            return false;
        }
    }
    return text.size > 0;
}

bool http_text_list_next(struct bytes *list, struct bytes *element) {
    while (list->size > 0) {
        const char *comma = memchr(list->data, ',', list->size);
        size_t size = comma != NULL ? (size_t)(comma - list->data) : list->size;
        *element = http_text_trim(bytes_of(list->data, size));
        size += comma != NULL;
        *list = bytes_of(list->data + size, list->size - size);
        if (element->size > 0) {
            return true;
        }
    }
    return false;
}
