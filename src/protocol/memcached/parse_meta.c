/* SPDX-License-Identifier: MIT
 *
 * parse_meta: reads key, size and flags of a meta command.
 *
 * Errors in the order of README.md, "Meta commands": words and sizes first, then the flags from left to
 * right. A flag that is unknown or there twice ends the reading at once; of bad arguments the last one names
 * the error, and that of F only when nothing else is wrong.
 */
#include "parse_meta.h"

#include "base64.h"
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

unsigned parse_meta_split(struct bytes text, struct bytes *flag) {
    unsigned count = 0;
    for (struct bytes next = tokens_next(&text); next.size > 0; next = tokens_next(&text)) {
        if (!is_letter(next.data[0]) && !is_digit(next.data[0])) {
            return META_FLAG_NONE;
        }
        if (count < META_FLAGS_MAX) {
            flag[count] = next;
        }
        count++;
    }
    return count;
}

static bool key_decode(struct meta *meta) {
    size_t size;
    meta->key_is_binary = true;
    if (!base64_decode(meta->key_text, meta->decoded, &size)) {
        return false;
    }
    meta->key = bytes_of(meta->decoded, size);
    return true;
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
        return number_parse_i32(argument, &meta->recache_time);
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
    case 'b':
        *error = MC_ERROR_META_KEY;
        return key_decode(meta);
    case 'M':
        meta->mode = argument.size > 0 ? argument.data[0] : META_MODE_NONE;
        return true;
    default:
        return true;
    }
}

/*
 * The letters that any meta command knows; the others accept and ignore them. P and L are hints for proxies.
 */
static const uint64_t known_letters =
    META_LETTER('b') | META_LETTER('k') | META_LETTER('O') | META_LETTER('q') | META_LETTER('v') |
    META_LETTER('f') | META_LETTER('c') | META_LETTER('s') | META_LETTER('t') | META_LETTER('T') |
    META_LETTER('F') | META_LETTER('C') | META_LETTER('E') | META_LETTER('M') | META_LETTER('N') |
    META_LETTER('J') | META_LETTER('D') | META_LETTER('R') | META_LETTER('h') | META_LETTER('l') |
    META_LETTER('u') | META_LETTER('I') | META_LETTER('x') | META_LETTER('P') | META_LETTER('L');

/* All flags, from left to right. */
static enum parse_status flags_read(struct meta *meta) {
    enum mc_error error = MC_ERROR_FORMAT;
    bool good = true;
    for (unsigned i = 0; i < meta->flags_count; i++) {
        struct bytes flag = meta->flag[i];
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
        if (!flag_read(meta, letter, bytes_of(flag.data + 1, flag.size - 1), &flag_error)) {
            good = false;
            error = flag_error;
        }
    }
    return good ? PARSE_OK : meta_bad(meta, error);
}

/* Where the flag with this letter stands; flags_count when it is not there. */
static unsigned flag_index(const struct meta *meta, char letter) {
    unsigned i = 0;
    while (i < meta->flags_count && meta->flag[i].data[0] != letter) {
        i++;
    }
    return i;
}

bool parse_meta_ordered(const struct meta *meta, char earlier, char later) {
    return parse_meta_has(meta, earlier) && parse_meta_has(meta, later) &&
           flag_index(meta, earlier) < flag_index(meta, later);
}

/*
 * Key and flags of a line that has them. Each command words its errors in its own way: ma says the same of
 * everything.
 */
static enum parse_status key_and_flags(enum command_shape shape, struct meta *meta) {
    bool is_arithmetic = shape == SHAPE_META_ARITHMETIC;
    unsigned flags_max = META_FLAGS_MAX - (shape == SHAPE_META_BLOCK);
    meta->flags_count = parse_meta_split(meta->flags, meta->flag);
    if (meta->flags_count == META_FLAG_NONE) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (meta->key_text.size > STORE_KEY_SIZE_MAX) {
        return meta_bad(meta, is_arithmetic ? MC_ERROR_META_ARITHMETIC : MC_ERROR_FORMAT);
    }
    if (meta->flags_count > flags_max) {
        return meta_bad(meta, MC_ERROR_META_FLAGS_TOO_MANY);
    }
    if (flags_read(meta) != PARSE_OK) {
        return meta_bad(meta, is_arithmetic ? MC_ERROR_META_ARITHMETIC : meta->error);
    }
    if (parse_meta_has(meta, 'O') && meta->flag[flag_index(meta, 'O')].size > META_OPAQUE_SIZE_MAX) {
        return meta_bad(meta, MC_ERROR_META_OPAQUE);
    }
    return PARSE_OK;
}

/* me <key> [b]: other words are ignored. */
static enum parse_status debug_key(struct meta *meta) {
    struct bytes rest = meta->flags;
    if (meta->key_text.size > STORE_KEY_SIZE_MAX) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (bytes_equal_string(tokens_next(&rest), "b") && !key_decode(meta)) {
        return meta_bad(meta, MC_ERROR_META_KEY);
    }
    return PARSE_OK;
}

/* All but what is large and only read where it was written. */
static void meta_init(struct meta *meta) {
    memset(meta, 0, offsetof(struct meta, flags_count));
    meta->delta = 1;
    meta->flags_count = 0;
}

enum parse_status mc_parse_meta(enum command_shape shape, struct bytes arguments, struct meta *meta) {
    meta_init(meta);
    meta->key_text = tokens_next(&arguments);
    meta->key = meta->key_text;
    if (meta->key_text.size == 0) {
        return meta_bad(meta, MC_ERROR_FORMAT);
    }
    if (shape == SHAPE_META_BLOCK) {
        if (!bytes_parse_u32(tokens_next(&arguments), &meta->value_size) ||
            meta->value_size > PARSE_VALUE_SIZE_MAX) {
            return meta_bad(meta, MC_ERROR_FORMAT);
        }
        meta->swallow_size = meta->value_size + PARSE_LINE_END_SIZE;
    }
    meta->flags = arguments;
    return shape == SHAPE_META_DEBUG ? debug_key(meta) : key_and_flags(shape, meta);
}
