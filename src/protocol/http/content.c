/* SPDX-License-Identifier: MIT
 *
 * content: a table of pairs of type and coding, found by their text when one is stored, by number when it is read.
 */
#include "content.h"

#include <errno.h>
#include <stdlib.h>

#include "riposte/check.h"
#include "parse/text.h"

#define CONTENT_MARK UINT32_C(0x48000000)

static const char octet_stream[] = "application/octet-stream";

/* Numbers 1 and up; their order is part of what a stored item means, so new ones go to the end. */
static const char *const usual_types[] = {
    "text/plain",
    "text/plain; charset=utf-8",
    "text/html",
    "text/html; charset=utf-8",
    "text/css",
    "text/css; charset=utf-8",
    "text/javascript",
    "text/javascript; charset=utf-8",
    "text/csv",
    "text/xml",
    "application/json",
    "application/json; charset=utf-8",
    "application/javascript",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/x-protobuf",
    "application/msgpack",
    "application/cbor",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/wasm",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/svg+xml",
};
enum { USUAL_COUNT = sizeof(usual_types) / sizeof(usual_types[0]) };

int http_contents_init(struct http_contents *contents) {
    contents->pairs = calloc(HTTP_CONTENTS_MAX, sizeof(*contents->pairs));
    if (contents->pairs == NULL) {
        return -ENOMEM;
    }
    contents->pairs[0].type = bytes_from_string(octet_stream);
    for (unsigned i = 0; i < USUAL_COUNT; i++) {
        contents->pairs[i + 1].type = bytes_from_string(usual_types[i]);
    }
    atomic_init(&contents->count, USUAL_COUNT + 1);
    pthread_mutex_init(&contents->lock, NULL);
    return 0;
}

void http_contents_deinit(struct http_contents *contents) {
    uint32_t count = atomic_load(&contents->count);
    for (uint32_t i = USUAL_COUNT + 1; i < count; i++) {
        free((void *)(uintptr_t)contents->pairs[i].type.data); /* one block with the coding */
    }
    free(contents->pairs);
    pthread_mutex_destroy(&contents->lock);
}

/* type "/" subtype, then parameters of visible bytes, spaces and nothing else. */
static bool type_is_good(struct bytes type) {
    size_t slash = 0;
    while (slash < type.size && http_text_is_token(type.data[slash])) {
        slash++;
    }
    size_t end = slash + 1;
    while (end < type.size && http_text_is_token(type.data[end])) {
        end++;
    }
    if (type.size > HTTP_CONTENT_TYPE_SIZE_MAX || slash == 0 || slash >= type.size ||
        type.data[slash] != '/' || end == slash + 1) {
        return false;
    }
    for (size_t i = end; i < type.size; i++) {
        if (type.data[i] < ' ' || type.data[i] == 0x7f) { /* also what has the eighth bit set */
            return false;
        }
    }
    while (end < type.size && type.data[end] == ' ') {
        end++;
    }
    return end == type.size || type.data[end] == ';';
}

static bool coding_is_good(struct bytes coding) {
    return coding.size == 0 || (coding.size <= HTTP_CONTENT_CODING_SIZE_MAX && http_text_all_token(coding));
}

/* The number of a pair below `count`; `count` when it is none of them. */
static uint32_t pair_find(const struct http_contents *contents, uint32_t count, struct bytes type,
                          struct bytes coding) {
    for (uint32_t i = 0; i < count; i++) {
        if (bytes_equal(contents->pairs[i].type, type) && bytes_equal(contents->pairs[i].coding, coding)) {
            return i;
        }
    }
    return count;
}

/* Under the lock. */
static bool pair_add(struct http_contents *contents, uint32_t count, struct bytes type, struct bytes coding) {
    char *block = count < HTTP_CONTENTS_MAX ? malloc(type.size + coding.size) : NULL;
    if (block == NULL) {
        return false;
    }
    memcpy(block, type.data, type.size);
    if (coding.size > 0) {
        memcpy(block + type.size, coding.data, coding.size);
    }
    contents->pairs[count] =
        (struct http_content){bytes_of(block, type.size), bytes_of(block + type.size, coding.size)};
    /* release: whoever reads the new count sees the pair below it (acquire in http_content_of). */
    atomic_store_explicit(&contents->count, count + 1, memory_order_release);
    return true;
}

/* Another thread may have added the pair meanwhile. False when there is no room. */
static bool pair_find_or_add(struct http_contents *contents, struct bytes type, struct bytes coding,
                             uint32_t *number) {
    pthread_mutex_lock(&contents->lock);
    uint32_t count = atomic_load(&contents->count);
    *number = pair_find(contents, count, type, coding);
    bool good = *number < count || pair_add(contents, count, type, coding);
    pthread_mutex_unlock(&contents->lock);
    return good;
}

enum http_content_outcome http_content_flags(struct http_contents *contents, struct bytes type,
                                             struct bytes coding, uint32_t *client_flags) {
    if ((type.size > 0 && !type_is_good(type)) || !coding_is_good(coding)) {
        return HTTP_CONTENT_BAD;
    }
    if (type.size == 0) {
        type = bytes_from_string(octet_stream);
    }
    /* acquire: pairs with the release of pair_add. */
    uint32_t count = atomic_load_explicit(&contents->count, memory_order_acquire);
    uint32_t number = pair_find(contents, count, type, coding);
    if (number == count && !pair_find_or_add(contents, type, coding, &number)) {
        return HTTP_CONTENT_FULL;
    }
    *client_flags = number == 0 ? 0 : CONTENT_MARK | number;
    return HTTP_CONTENT_OK;
}

struct http_content http_content_of(const struct http_contents *contents, uint32_t client_flags) {
    uint32_t number = client_flags & 0xffffff;
    /* acquire: pairs with the release of pair_add. */
    if (likely(!http_content_is_typed(client_flags)) ||
        number >= atomic_load_explicit(&contents->count, memory_order_acquire)) {
        number = 0;
    }
    return contents->pairs[number];
}
