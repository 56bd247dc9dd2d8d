/* SPDX-License-Identifier: MIT
 *
 * parse_meta: see meta.h.
 *
 * Errors in the order the contract gives them: words and sizes first, then the flags from left to right. A flag that is unknown or there
 * twice ends the reading at once; of bad arguments the last one names the error, and that of F only when nothing else is wrong.
 */
#include "base64.h"
#include "meta.h"
#include "number.h"
#include "tokens.h"

static enum parse_status meta_bad(struct meta *meta, enum mc_error error) {
    meta->error = error;
    return PARSE_BAD;
}

static bool is_letter(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/* Counts the flags; false when one begins with neither letter nor digit. */
static bool flags_count(struct bytes flags, unsigned *count) {
    *count = 0;
    for (;;) {
        struct bytes flag = tokens_next(&flags);
        if (flag.size == 0) {
            return true;
        }
        if (!is_letter(flag.data[0]) && !is_digit(flag.data[0])) {
            return false;
        }
        (*count)++;
    }
}

/* A flag's argument into its field. False, and *error, when it cannot be read; *error stays for F. */
static bool flag_read(struct meta *meta, char letter, struct bytes argument, enum mc_error *error) {
    switch (letter) {
    case 'T':
        *error = MC_ERROR_META_TOKEN;
        return number_parse_i32(argument, &meta->ttl);
    case 'N':
        *error = MC_ERROR_META_TOKEN;
        return number_parse_i32(argument, &meta->create_ttl);
    case 'R':
        *error = MC_ERROR_META_TOKEN;
        return number_parse_i32(argument, &meta->recache_s);
    case 'C':
        *error = MC_ERROR_META_TOKEN;
        return bytes_parse_u64(argument, &meta->cas_expected);
    case 'E':
        *error = MC_ERROR_META_TOKEN;
        return bytes_parse_u64(argument, &meta->cas_new);
    case 'J':
        *error = MC_ERROR_META_INITIAL;
        return bytes_parse_u64(argument, &meta->initial);
    case 'D':
        *error = MC_ERROR_META_DELTA;
        return bytes_parse_u64(argument, &meta->delta);
    case 'F':
        return bytes_parse_u32(argument, &meta->client_flags);
    case 'M':
        meta->mode = argument.size > 0 ? argument.data[0] : META_MODE_NONE;
        return true;
    default:
        return true;
    }
}

static bool key_decode(struct meta *meta, enum mc_error *error) {
    size_t size;
    meta->key_is_binary = true;
    *error = MC_ERROR_META_KEY;
    if (!base64_decode(meta->key_text, meta->decoded, &size)) {
        return false;
    }
    meta->key = bytes_of(meta->decoded, size);
    return true;
}

/* The letters that any meta command knows; the others accept and ignore them. P and L are hints for proxies. */
static const uint64_t known_letters =
    META_LETTER('b') | META_LETTER('k') | META_LETTER('O') | META_LETTER('q') | META_LETTER('v') |
    META_LETTER('f') | META_LETTER('c') | META_LETTER('s') | META_LETTER('t') | META_LETTER('T') |
    META_LETTER('F') | META_LETTER('C') | META_LETTER('E') | META_LETTER('M') | META_LETTER('N') |
    META_LETTER('J') | META_LETTER('D') | META_LETTER('R') | META_LETTER('h') | META_LETTER('l') |
    META_LETTER('u') | META_LETTER('I') | META_LETTER('x') | META_LETTER('P') | META_LETTER('L');

/* All flags, from left to right. */
static enum parse_status flags_read(struct meta *meta) {
    struct bytes rest = meta->flags;
    enum mc_error error = MC_ERROR_FORMAT;
    bool good = true;
    for (struct bytes flag = tokens_next(&rest); flag.size > 0; flag = tokens_next(&rest)) {
        char letter = flag.data[0];
        uint64_t bit = is_letter(letter) ? META_LETTER(letter) : 0;
        if ((meta->letters & bit) != 0) {
            return meta_bad(meta, MC_ERROR_META_DUPLICATE);
        }
        if ((known_letters & bit) == 0) {
            return meta_bad(meta, MC_ERROR_META_FLAG);
        }
        meta->letters |= bit;
        enum mc_error flag_error = error;
        bool read = letter == 'b'
                        ? key_decode(meta, &flag_error)
                        : flag_read(meta, letter, bytes_of(flag.data + 1, flag.size - 1), &flag_error);
        if (!read) {
            good = false;
            error = flag_error;
        }
    }
    return good ? PARSE_OK : meta_bad(meta, error);
}

/* The flag with this letter; empty when it is not there. */
static struct bytes flag_find(const struct meta *meta, char letter) {
    struct bytes rest = meta->flags;
    struct bytes flag = tokens_next(&rest);
    while (flag.size > 0 && flag.data[0] != letter) {
        flag = tokens_next(&rest);
    }
    return flag;
}

bool meta_has_order(const struct meta *meta, char earlier, char later) {
    return meta_has(meta, earlier) && meta_has(meta, later) &&
           flag_find(meta, earlier).data < flag_find(meta, later).data;
}

/* Key and flags of a line that has them. Each command words its errors in its own way: ma says the same of everything. */
static enum parse_status key_and_flags(enum mc_verb verb, struct meta *meta) {
    unsigned count;
    bool is_arithmetic = verb == MC_META_ARITHMETIC;
    if (!flags_count(meta->flags, &count)) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (meta->key_text.size > STORE_KEY_SIZE_MAX) {
        return meta_bad(meta, is_arithmetic ? MC_ERROR_META_ARITHMETIC : MC_ERROR_FORMAT);
    }
    if (count + 2 + (verb == MC_META_SET) > META_TOKENS_MAX) {
        return meta_bad(meta, MC_ERROR_META_FLAGS_TOO_MANY);
    }
    if (flags_read(meta) != PARSE_OK) {
        return meta_bad(meta, is_arithmetic ? MC_ERROR_META_ARITHMETIC : meta->error);
    }
    if (meta_has(meta, 'O') && flag_find(meta, 'O').size > META_OPAQUE_SIZE_MAX) {
        return meta_bad(meta, MC_ERROR_META_OPAQUE);
    }
    return PARSE_OK;
}

/* me <key> [b]: other words are ignored. */
static enum parse_status debug_key(struct meta *meta) {
    struct bytes rest = meta->flags;
    enum mc_error error;
    if (meta->key_text.size > STORE_KEY_SIZE_MAX) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (bytes_equal_string(tokens_next(&rest), "b") && !key_decode(meta, &error)) {
        return meta_bad(meta, error);
    }
    return PARSE_OK;
}

/* All but `decoded`, which is large and only read behind `key`. */
static void meta_init(struct meta *meta) {
    memset(meta, 0, offsetof(struct meta, decoded));
    meta->delta = 1;
}

enum parse_status mc_parse_meta(enum mc_verb verb, struct bytes arguments, struct meta *meta) {
    meta_init(meta);
    meta->key_text = tokens_next(&arguments);
    meta->key = meta->key_text;
    if (meta->key_text.size == 0) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (verb == MC_META_SET) {
        if (!bytes_parse_u32(tokens_next(&arguments), &meta->value_size) ||
            meta->value_size > MC_VALUE_SIZE_MAX) {
            return meta_bad(meta, MC_ERROR_FORMAT);
        }
        meta->swallow_size = meta->value_size + 2;
    }
    meta->flags = arguments;
    return verb == MC_META_DEBUG ? debug_key(meta) : key_and_flags(verb, meta);
}
