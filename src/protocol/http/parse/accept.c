/* SPDX-License-Identifier: MIT
 *
 * accept: weighs the codings of an Accept-Encoding field.
 */
#include "accept.h"

#include "text.h"

/* False for a weight of zero: `q=0`, `q=0.`, `q=0.0` to `q=0.000`. Anything else counts as wanted. */
static bool is_wanted(struct bytes parameters) {
    struct bytes weight = http_text_trim(parameters);
    if (weight.size < 3 || (weight.data[0] | 0x20) != 'q' || weight.data[1] != '=' || weight.data[2] != '0') {
        return true;
    }
    for (size_t i = 3; i < weight.size; i++) {
        if (weight.data[i] != '.' && weight.data[i] != '0') {
            return true;
        }
    }
    return false;
}

bool http_accept_coding(const struct http_head *head, const char *coding) {
    unsigned position = 0;
    struct bytes list;
    struct bytes element;
    bool any = false;
    while (http_head_next(head, HTTP_ACCEPT_ENCODING, &position, &list)) {
        while (http_text_list_next(&list, &element)) {
            const char *mark = memchr(element.data, ';', element.size);
            size_t size = mark != NULL ? (size_t)(mark - element.data) : element.size;
            struct bytes name = http_text_trim(bytes_of(element.data, size));
            size += mark != NULL;
            bool wanted = is_wanted(bytes_of(element.data + size, element.size - size));
            if (http_text_equal(name, coding)) {
                return wanted;
            }
            any |= wanted && bytes_equal_string(name, "*");
        }
    }
    return any;
}
