/* SPDX-License-Identifier: MIT
 *
 * fuzz_http_fields: the readers of single values: dates, ranges, hosts, percent-encoding. The first byte
 * chooses.
 *
 * Checked: a date that is accepted can be written and read again; a range lies inside the whole; nothing
 * reads beyond its input.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "parse/date.h"
#include "parse/host.h"
#include "files/media.h"
#include "parse/range.h"
#include "parse/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_date(struct bytes text) {
    uint64_t unix_s = 0;
    uint64_t again = 0;
    char written[HTTP_DATE_SIZE];
    if (http_date_read(text, UINT64_C(1700000000), &unix_s) && unix_s < UINT64_C(253402300800)) {
        http_date_write(written, unix_s);
        assert(http_date_read(bytes_of(written, sizeof(written)), 0, &again) && again == unix_s);
    }
}

static void check_range(struct bytes text) {
    struct http_range range;
    for (uint64_t whole = 0; whole < 3; whole++) {
        if (http_range_read(text, whole * 1000, &range) == HTTP_RANGE_PART) {
            assert(range.size > 0 && range.size <= whole * 1000 && range.first <= whole * 1000 - range.size);
        }
    }
}

static void check_host(struct bytes text) {
    if (http_host_is_valid(text)) {
        struct bytes name = http_host_name(text);
        assert(name.size > 0 && name.size <= text.size);
        http_host_is_loopback(text);
    }
}

static void check_percent(struct bytes text) {
    char decoded[64];
    size_t size = 0;
    if (http_percent_decode(text, decoded, sizeof(decoded), &size)) {
        assert(size <= sizeof(decoded) && size <= text.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    /* Memory of exactly its size, so that the sanitizer sees every byte read beyond it. */
    char *copy = malloc(size);
    assert(copy != NULL);
    memcpy(copy, data, size);
    struct bytes text = bytes_of(copy + 1, size - 1);
    switch (copy[0] % 5) {
    case 0:
        check_date(text);
        break;
    case 1:
        check_range(text);
        break;
    case 2:
        check_host(text);
        break;
    case 3:
        check_percent(text);
        break;
    default:
        http_media_type(text);
        break;
    }
    free(copy);
    return 0;
}
