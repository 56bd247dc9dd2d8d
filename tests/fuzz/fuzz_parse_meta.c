/* SPDX-License-Identifier: MIT
 *
 * fuzz_parse_meta: the parser of meta arguments on any line. The first byte chooses the shape.
 *
 * Checked: slices lie inside the line or in the decoded key; a key is never empty nor too long; flags that
 * are there were accepted.
 */
#include <assert.h>
#include <string.h>

#include "parse_meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes outer, struct bytes inner) {
    if (inner.size > 0) {
        assert(inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
    }
}

static void check_accepted(struct bytes line, const struct meta *meta) {
    assert(meta->key.size >= 1 && meta->key.size <= STORE_KEY_SIZE_MAX);
    check_inside(line, meta->key_text);
    check_inside(line, meta->flags);
    check_inside(meta->key_is_binary ? bytes_of(meta->decoded, sizeof(meta->decoded)) : line, meta->key);
    assert((meta->letters & META_LETTER('W')) == 0 && (meta->letters & META_LETTER('z')) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum command_shape shapes[] = {SHAPE_META, SHAPE_META_BLOCK, SHAPE_META,
                                                SHAPE_META_ARITHMETIC, SHAPE_META_DEBUG};
    if (size == 0 || memchr(data + 1, '\n', size - 1) != NULL) {
        return 0;
    }
    struct bytes line = bytes_of((const char *)data + 1, size - 1);
    enum command_shape shape = shapes[data[0] % (sizeof(shapes) / sizeof(shapes[0]))];
    struct meta meta;
    if (mc_parse_meta(shape, line, &meta) == PARSE_OK) {
        check_accepted(line, &meta);
        assert(shape != SHAPE_META_BLOCK || meta.swallow_size == meta.value_size + 2);
    } else {
        assert(meta.swallow_size == 0 ||
               (shape == SHAPE_META_BLOCK && meta.swallow_size == meta.value_size + 2));
    }
    return 0;
}
