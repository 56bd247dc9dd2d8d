/* SPDX-License-Identifier: MIT
 *
 * parse_meta: what flags are read to, and which error is named first.
 */
#include <criterion/criterion.h>

#include "guard.h"
#include "parse_meta.h"

#define KEY_10  "0123456789"
#define KEY_50  KEY_10 KEY_10 KEY_10 KEY_10 KEY_10
#define KEY_250 KEY_50 KEY_50 KEY_50 KEY_50 KEY_50
#define KEY_251 KEY_250 "x"

static struct guard guard;

static void init(void) {
    guard_init(&guard, 4096);
}

static void deinit(void) {
    guard_deinit(&guard);
}

TestSuite(parse_meta, .init = init, .fini = deinit);

static enum parse_status parse(enum command_shape shape, const char *arguments, struct meta *meta) {
    return mc_parse_meta(shape, guard_copy(&guard, bytes_from_string(arguments)), meta);
}

Test(parse_meta, reads_every_flag) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META, " key T10 N-1 R30 C5 E6 J7 D8 F9 MI v O123 k q", &meta), PARSE_OK);
    cr_assert(bytes_equal_string(meta.key, "key"));
    cr_assert(bytes_equal_string(meta.key_text, "key"));
    cr_assert_not(meta.key_is_binary);
    cr_assert_eq(meta.ttl, 10);
    cr_assert_eq(meta.create_ttl, -1);
    cr_assert_eq(meta.recache_time, 30);
    cr_assert_eq(meta.cas_expected, 5);
    cr_assert_eq(meta.cas_new, 6);
    cr_assert_eq(meta.initial, 7);
    cr_assert_eq(meta.delta, 8);
    cr_assert_eq(meta.client_flags, 9);
    cr_assert_eq(meta.mode, 'I');
    static const char there[] = "TNRCEJDFMvOkq";
    for (char letter = 'A'; letter <= 'z'; letter++) {
        bool expected = letter != '\0' && strchr(there, letter) != NULL;
        if (letter <= 'Z' || letter >= 'a') {
            cr_assert_eq(parse_meta_has(&meta, letter), expected, "%c", letter);
        }
    }
}

Test(parse_meta, has_defaults_for_flags_that_are_not_there) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META_ARITHMETIC, " key", &meta), PARSE_OK);
    cr_assert_eq(meta.delta, 1);
    cr_assert_eq(meta.initial, 0);
    cr_assert_eq(meta.mode, '\0');
    cr_assert_eq(meta.letters, 0);
    cr_assert_eq(meta.flags.size, 0);
}

Test(parse_meta, knows_which_flag_stands_first) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META, " key N1 v T2", &meta), PARSE_OK);
    cr_assert(parse_meta_ordered(&meta, 'N', 'T'));
    cr_assert_not(parse_meta_ordered(&meta, 'T', 'N'));
    cr_assert_not(parse_meta_ordered(&meta, 'N', 'k'));
}

Test(parse_meta, decodes_a_binary_key) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META, " AAEC b", &meta), PARSE_OK);
    cr_assert(meta.key_is_binary);
    cr_assert(bytes_equal(meta.key, bytes_of("\0\1\2", 3)));
    cr_assert(bytes_equal_string(meta.key_text, "AAEC"));
    cr_assert_eq(parse(SHAPE_META_DEBUG, " AAEC b", &meta), PARSE_OK);
    cr_assert(bytes_equal(meta.key, bytes_of("\0\1\2", 3)));
    cr_assert_eq(parse(SHAPE_META_DEBUG, " AAEC bx zz 12", &meta), PARSE_OK);
    cr_assert(bytes_equal_string(meta.key, "AAEC"));
}

Test(parse_meta, reads_the_size_of_ms) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META_BLOCK, "  key  2147483645  T0 ", &meta), PARSE_OK);
    cr_assert_eq(meta.value_size, PARSE_VALUE_SIZE_MAX);
    cr_assert_eq(meta.swallow_size, INT32_MAX);
    cr_assert(parse_meta_has(&meta, 'T'));
}

Test(parse_meta, takes_twenty_words) {
    struct meta meta;
    cr_assert_eq(parse(SHAPE_META, " key b k O q v f c s t T1 C1 E1 N1 R1 h l u P", &meta), PARSE_BAD);
    cr_assert_eq(meta.error, MC_ERROR_META_KEY, "'key' is no base64");
    cr_assert_eq(parse(SHAPE_META, " keys b k O q v f c s t T1 C1 E1 N1 R1 h l u P", &meta), PARSE_OK);
    cr_assert_eq(parse(SHAPE_META, " keys b k O q v f c s t T1 C1 E1 N1 R1 h l u P L", &meta), PARSE_BAD);
    cr_assert_eq(meta.error, MC_ERROR_META_FLAGS_TOO_MANY);
    cr_assert_eq(parse(SHAPE_META_BLOCK, " keys 1 b k O q v f c s t T1 C1 E1 N1 R1 h l u", &meta), PARSE_OK);
    cr_assert_eq(parse(SHAPE_META_BLOCK, " keys 1 b k O q v f c s t T1 C1 E1 N1 R1 h l u P", &meta),
                 PARSE_BAD);
    cr_assert_eq(meta.error, MC_ERROR_META_FLAGS_TOO_MANY);
}

Test(parse_meta, names_the_right_error) {
    static const struct {
        enum command_shape shape;
        const char *arguments;
        enum mc_error error;
        uint32_t swallow_size;
    } rows[] = {
        {SHAPE_META, "", MC_ERROR_FORMAT, 0},
        {SHAPE_META, "  ", MC_ERROR_FORMAT, 0},
        {SHAPE_META_ARITHMETIC, "", MC_ERROR_FORMAT, 0},
        {SHAPE_META_DEBUG, "", MC_ERROR_FORMAT, 0},
        {SHAPE_META_DEBUG, " " KEY_251, MC_ERROR_FORMAT, 0},
        {SHAPE_META_DEBUG, " abc b", MC_ERROR_META_KEY, 0},
        {SHAPE_META, " " KEY_251, MC_ERROR_FORMAT, 0},
        {SHAPE_META, " " KEY_251 " z", MC_ERROR_FORMAT, 0},
        {SHAPE_META_BLOCK, " " KEY_251 " 5", MC_ERROR_FORMAT, 7},
        {SHAPE_META_BLOCK, " k", MC_ERROR_FORMAT, 0},
        {SHAPE_META_BLOCK, " k x", MC_ERROR_FORMAT, 0},
        {SHAPE_META_BLOCK, " k -1", MC_ERROR_FORMAT, 0},
        {SHAPE_META_BLOCK, " k 2147483646", MC_ERROR_FORMAT, 0},
        {SHAPE_META_BLOCK, " k 5 Fx", MC_ERROR_FORMAT, 7},
        {SHAPE_META_BLOCK, " k 5 z", MC_ERROR_META_FLAG, 7},
        {SHAPE_META, " k v -", MC_ERROR_FORMAT, 0},
        {SHAPE_META, " k v v -", MC_ERROR_FORMAT, 0},
        {SHAPE_META, " k v \xff", MC_ERROR_FORMAT, 0},
        {SHAPE_META, " k v v", MC_ERROR_META_DUPLICATE, 0},
        {SHAPE_META, " k v vx", MC_ERROR_META_DUPLICATE, 0},
        {SHAPE_META, " k z z", MC_ERROR_META_FLAG, 0},
        {SHAPE_META, " k 1", MC_ERROR_META_FLAG, 0},
        {SHAPE_META, " k W", MC_ERROR_META_FLAG, 0},
        {SHAPE_META, " k S5", MC_ERROR_META_FLAG, 0},
        {SHAPE_META, " k T", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k Tx", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k N2147483648", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k R1x", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k C-1", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k E", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k J-1", MC_ERROR_META_INITIAL, 0},
        {SHAPE_META, " k Dx", MC_ERROR_META_DELTA, 0},
        {SHAPE_META, " k F4294967296", MC_ERROR_FORMAT, 0},
        {SHAPE_META, " k Fx Tx", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k Tx Fx", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k Jx Tx", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k Tx Jx", MC_ERROR_META_INITIAL, 0},
        {SHAPE_META, " k Tx z", MC_ERROR_META_FLAG, 0},
        {SHAPE_META, " k Tx b", MC_ERROR_META_KEY, 0},
        {SHAPE_META, " k b Tx", MC_ERROR_META_TOKEN, 0},
        {SHAPE_META, " k O12345678901234567890123456789012", MC_ERROR_META_OPAQUE, 0},
        {SHAPE_META, " k O12345678901234567890123456789012 z", MC_ERROR_META_FLAG, 0},
        {SHAPE_META_BLOCK, " k 1 O12345678901234567890123456789012", MC_ERROR_META_OPAQUE, 3},
        {SHAPE_META_ARITHMETIC, " k v v", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k z", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k Tx", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k Dx", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k Fx", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k b", MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " " KEY_251, MC_ERROR_META_ARITHMETIC, 0},
        {SHAPE_META_ARITHMETIC, " k v _", MC_ERROR_FORMAT, 0},
        {SHAPE_META_ARITHMETIC, " k O12345678901234567890123456789012", MC_ERROR_META_OPAQUE, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct meta meta;
        cr_assert_eq(parse(rows[i].shape, rows[i].arguments, &meta), PARSE_BAD, "%s", rows[i].arguments);
        cr_assert_eq(meta.error, rows[i].error, "%s: %d", rows[i].arguments, (int)meta.error);
        cr_assert_eq(meta.swallow_size, rows[i].swallow_size, "%s", rows[i].arguments);
    }
}
