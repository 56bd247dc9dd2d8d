/* SPDX-License-Identifier: MIT */
#include "quantity.h"

#include <inttypes.h>
#include <stdio.h>

enum { OCTAL_DIGITS_MAX = 11 };

/* What a suffix stands for; 0 when it is none. */
static uint64_t suffix_scale(char suffix) {
    switch (suffix) {
    case 'k':
    case 'K':
        return QUANTITY_KIB;
    case 'm':
    case 'M':
        return QUANTITY_MIB;
    case 'g':
    case 'G':
        return QUANTITY_GIB;
    default:
        return 0;
    }
}

bool quantity_parse(struct bytes text, uint64_t unit, uint64_t *quantity) {
    uint64_t number;
    uint64_t scale = text.size == 0 ? 0 : suffix_scale(text.data[text.size - 1]);
    struct bytes digits = bytes_of(text.data, text.size - (scale != 0));
    return bytes_parse_u64(digits, &number) &&
           !__builtin_mul_overflow(number, scale == 0 ? unit : scale, quantity);
}

bool quantity_parse_percent(struct bytes text, uint64_t whole, uint64_t *quantity) {
    uint64_t percent;
    if (text.size == 0 || text.data[text.size - 1] != '%' ||
        !bytes_parse_u64(bytes_of(text.data, text.size - 1), &percent) || percent < 1 || percent > 100) {
        return false;
    }
    *quantity = (uint64_t)((unsigned __int128)whole * percent / 100);
    return true;
}

bool quantity_parse_octal(struct bytes text, uint64_t *quantity) {
    if (text.size == 0 || text.size > OCTAL_DIGITS_MAX) {
        return false;
    }
    *quantity = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') {
            return false;
        }
        *quantity = *quantity * 8 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

void quantity_format(int64_t quantity, char text[QUANTITY_TEXT_SIZE_MAX]) {
    static const char suffixes[] = {'\0', 'k', 'm', 'g'};
    unsigned power = 0;
    while (power + 1 < sizeof(suffixes) && quantity > 0 && quantity % 1024 == 0) {
        quantity /= 1024;
        power++;
    }

    snprintf(text, QUANTITY_TEXT_SIZE_MAX, "%" PRId64 "%.*s", quantity, power > 0, &suffixes[power]);
}
