/* SPDX-License-Identifier: MIT
 *
 * range: one range of one Range field; anything more is answered with the whole.
 */
#include "range.h"

#include "text.h"

/* `-n`: the last n bytes. */
static enum http_range_verdict read_suffix(struct bytes digits, uint64_t whole_size,
                                           struct http_range *range) {
    uint64_t size;
    if (!bytes_parse_u64(digits, &size)) {
        return HTTP_RANGE_WHOLE;
    }
    if (size == 0 || whole_size == 0) {
        return HTTP_RANGE_UNSATISFIABLE;
    }
    range->size = size < whole_size ? size : whole_size;
    range->first = whole_size - range->size;
    return HTTP_RANGE_PART;
}

/* `a-` or `a-b`. */
static enum http_range_verdict read_from(struct bytes first_digits, struct bytes last_digits,
                                         uint64_t whole_size, struct http_range *range) {
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (!bytes_parse_u64(first_digits, &first) ||
        (last_digits.size > 0 && !bytes_parse_u64(last_digits, &last)) || last < first) {
        return HTTP_RANGE_WHOLE;
    }
    if (first >= whole_size) {
        return HTTP_RANGE_UNSATISFIABLE;
    }
    last = last < whole_size - 1 ? last : whole_size - 1;
    range->first = first;
    range->size = last - first + 1;
    return HTTP_RANGE_PART;
}

enum http_range_verdict http_range_read(struct bytes field, uint64_t whole_size, struct http_range *range) {
    enum { UNIT_SIZE = 6 };
    if (field.size <= UNIT_SIZE || !http_text_equal(bytes_of(field.data, UNIT_SIZE), "bytes=")) {
        return HTTP_RANGE_WHOLE;
    }
    struct bytes spec = http_text_trim(bytes_of(field.data + UNIT_SIZE, field.size - UNIT_SIZE));
    const char *dash = spec.size > 0 ? memchr(spec.data, '-', spec.size) : NULL;
    if (dash == NULL) {
        return HTTP_RANGE_WHOLE;
    }
    size_t before = (size_t)(dash - spec.data);
    struct bytes behind = bytes_of(dash + 1, spec.size - before - 1);
    return before == 0 ? read_suffix(behind, whole_size, range)
                       : read_from(bytes_of(spec.data, before), behind, whole_size, range);
}
