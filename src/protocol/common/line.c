/* SPDX-License-Identifier: MIT
 *
 * line: percent-encoding; the rest is in the header.
 */
#include "line.h"

static bool is_unreserved(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

char *line_escaped(char *at, struct bytes text) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (is_unreserved(byte)) {
            *at++ = byte;
        } else {
            *at++ = '%';
            *at++ = digits[(unsigned char)byte >> 4];
            *at++ = digits[(unsigned char)byte & 15];
        }
    }
    return at;
}
