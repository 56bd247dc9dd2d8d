/* SPDX-License-Identifier: MIT
 *
 * range: one range of bytes (RFC 9110 section 14).
 */
#ifndef HTTP_RANGE_FIELD_H
#define HTTP_RANGE_FIELD_H

#include <stdint.h>

#include "riposte/bytes.h"

enum http_range_verdict {
    HTTP_RANGE_WHOLE, /* no range of bytes, not one only, or not understood: as if it were not there */
    HTTP_RANGE_PART,  /* 206 with that part */
    HTTP_RANGE_UNSATISFIABLE, /* 416 */
};

struct http_range {
    uint64_t first; /* offset of the first byte */
    uint64_t size;  /* bytes, >= 1; first + size <= the whole */
};

/* `field` is the value of Range; whole_size the bytes there are. *range is filled with PART only. */
enum http_range_verdict http_range_read(struct bytes field, uint64_t whole_size, struct http_range *range);

#endif
