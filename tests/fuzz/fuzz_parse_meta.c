/* SPDX-License-Identifier: MIT
 *
 * fuzz_parse_meta: the parser of meta arguments on any line. The first byte chooses the command.
 *
 * Checked: slices lie inside the line or in the decoded key; a key is never empty nor too long; flags that
 * are there were accepted.
 */
#include <assert.h>
#include <string.h>

#include "meta.h"

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
    static const enum mc_verb verbs[] = {MC_META_GET, MC_META_SET, MC_META_DELETE, MC_META_ARITHMETIC,
                                         MC_META_DEBUG};
    if (size == 0 || memchr(data + 1, '\n', size - 1) != NULL) {
        return 0;
    }
    struct bytes line = bytes_of((const char *)data + 1, size - 1);
    enum mc_verb verb = verbs[data[0] % (sizeof(verbs) / sizeof(verbs[0]))];
    struct meta meta;
    if (mc_parse_meta(verb, line, &meta) == PARSE_OK) {
        check_accepted(line, &meta);
        assert(verb != MC_META_SET || meta.swallow_size == meta.value_size + 2);
    } else {
        assert(meta.swallow_size == 0 || (verb == MC_META_SET && meta.swallow_size == meta.value_size + 2));
    }
    return 0;
}
