/* SPDX-License-Identifier: MIT
 *
 * base64: bytes to letters and back, four letters for three bytes.
 */
#include "base64.h"

enum { LETTER_NONE = 64 };

/* The six bits of a letter, or LETTER_NONE. */
static unsigned letter_bits(char letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return (unsigned)(letter - 'A');
    }
    if (letter >= 'a' && letter <= 'z') {
        return (unsigned)(letter - 'a') + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return (unsigned)(letter - '0') + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : LETTER_NONE;
}

/* Four letters, the last `padding` of which are '=', to 3 - padding bytes. */
static bool quad_decode(const char *text, unsigned padding, char *data) {
    uint32_t word = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned bits = i < 4 - padding ? letter_bits(text[i]) : 0;
        if (bits == LETTER_NONE) {
            return false;
        }
        word = word << 6 | bits;
    }
    for (unsigned i = 0; i < 3 - padding; i++) {
        data[i] = (char)(word >> (16 - 8 * i));
    }
    return true;
}

bool base64_decode(struct bytes text, char *data, size_t *size) {
    if (text.size == 0 || text.size % 4 != 0) {
        return false;
    }
    unsigned padding = (unsigned)(text.data[text.size - 1] == '=');
    padding += padding == 1 && text.data[text.size - 2] == '=';
    size_t quads = text.size / 4;
    for (size_t i = 0; i < quads; i++) {
        if (!quad_decode(text.data + i * 4, i == quads - 1 ? padding : 0, data + i * 3)) {
            return false;
        }
    }
    *size = quads * 3 - padding;
    return true;
}

char *base64_encode(char *text, struct bytes data) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < data.size; at += 3) {
        size_t count = data.size - at < 3 ? data.size - at : 3;
        uint32_t word = 0;
        for (size_t i = 0; i < 3; i++) {
            word = word << 8 | (i < count ? (unsigned char)data.data[at + i] : 0);
        }
        for (size_t i = 0; i < 4; i++) {
            *text++ = i <= count ? letters[word >> (18 - 6 * i) & 63] : '=';
        }
    }
    return text;
}
