/* SPDX-License-Identifier: MIT
 *
 * fuzz_http_chunk: bodies in chunks, whole and byte by byte: both must end the same, with the same body.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "parse/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum http_parse parsed; /* OK: the body is at its end */
    enum http_status status;
    size_t consumed;
    char *body; /* owned; room for the whole input */
    size_t body_size;
};

/* The input comes in pieces of `step` bytes, each in memory of exactly the size of what is unread. */
static struct outcome decode(const uint8_t *data, size_t size, size_t step) {
    struct http_chunk chunk = {0};
    struct outcome outcome = {.parsed = HTTP_PARSE_MORE, .body = malloc(size + 1)};
    size_t here = step < size ? step : size;
    assert(outcome.body != NULL);
    while (chunk.state != HTTP_CHUNK_DONE) {
        size_t unread_size = here - outcome.consumed;
        char *unread = malloc(unread_size + (unread_size == 0));
        assert(unread != NULL);
        memcpy(unread, data + outcome.consumed, unread_size);
        size_t consumed;
        struct bytes body;
        outcome.parsed = http_chunk_next(&chunk, bytes_of(unread, unread_size), &consumed, &body);
        outcome.status = chunk.status;
        if (outcome.parsed == HTTP_PARSE_OK) {
            assert(consumed > 0 && consumed <= unread_size && body.size <= consumed);
            memcpy(outcome.body + outcome.body_size, body.data != NULL ? body.data : "", body.size);
            outcome.body_size += body.size;
            outcome.consumed += consumed;
        }
        free(unread);
        if (outcome.parsed == HTTP_PARSE_BAD || (outcome.parsed == HTTP_PARSE_MORE && here == size)) {
            break;
        }
        if (outcome.parsed == HTTP_PARSE_MORE) {
            here = size - here < step ? size : here + step;
        }
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct outcome whole = decode(data, size, size + 1);
    for (size_t step = 1; step <= 7; step += 3) {
        struct outcome cut = decode(data, size, step);
        assert(cut.parsed == whole.parsed && cut.status == whole.status && cut.body_size == whole.body_size);
        assert(cut.consumed == whole.consumed && memcmp(cut.body, whole.body, whole.body_size) == 0);
        free(cut.body);
    }
    free(whole.body);
    return 0;
}
