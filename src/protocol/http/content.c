/* SPDX-License-Identifier: MIT
 *
 * content: a table of pairs of type and coding, found by their text when one is stored, by number when it is read; and its note.
 */
#include "content.h"

#include <assert.h>
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
static_assert((int)USUAL_COUNT < (int)HTTP_CONTENT_UNUSUAL_FIRST, "their numbers are below");

int http_contents_init(struct http_contents *contents) {
    contents->pairs = calloc(HTTP_CONTENTS_MAX, sizeof(*contents->pairs));
    if (contents->pairs == NULL) {
        return -ENOMEM;
    }
    contents->pairs[0].type = bytes_from_string(octet_stream);
    for (unsigned i = 0; i < USUAL_COUNT; i++) {
        contents->pairs[i + 1].type = bytes_from_string(usual_types[i]);
    }
    atomic_init(&contents->count, HTTP_CONTENT_UNUSUAL_FIRST);
    pthread_mutex_init(&contents->lock, NULL);
    return 0;
}

void http_contents_deinit(struct http_contents *contents) {
    uint32_t count = atomic_load(&contents->count);
    for (uint32_t i = HTTP_CONTENT_UNUSUAL_FIRST; i < count; i++) {
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
    for (uint32_t i = 0; i < count; i = i == USUAL_COUNT ? HTTP_CONTENT_UNUSUAL_FIRST : i + 1) {
        if (bytes_equal(contents->pairs[i].type, type) && bytes_equal(contents->pairs[i].coding, coding)) {
            return i;
        }
    }
    return count;
}

/* Before anybody may read it. */
static bool pair_set(struct http_content *pair, struct bytes type, struct bytes coding) {
    char *block = malloc(type.size + coding.size);
    if (block == NULL) {
        return false;
    }
    memcpy(block, type.data, type.size);
    if (coding.size > 0) {
        memcpy(block + type.size, coding.data, coding.size);
    }
    *pair = (struct http_content){bytes_of(block, type.size), bytes_of(block + type.size, coding.size)};
    return true;
}

/* Under the lock. */
static bool pair_add(struct http_contents *contents, uint32_t count, struct bytes type, struct bytes coding) {
    if (count >= HTTP_CONTENTS_MAX || !pair_set(&contents->pairs[count], type, coding)) {
        return false;
    }
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
        number >= atomic_load_explicit(&contents->count, memory_order_acquire) ||
        contents->pairs[number].type.size == 0) {
        number = 0;
    }
    return contents->pairs[number];
}

/* --- the note --------------------------------------------------------------------------------------------- */

static const char note_mark[4] = {'H', 'T', 'C', '1'};

/* What comes before the texts of a pair; it stands in the note as it is here. */
struct note_pair {
    uint16_t number;
    uint8_t type_size, coding_size;
};
static_assert(sizeof(struct note_pair) == HTTP_CONTENTS_NOTE_PAIR_SIZE, "no padding");
static_assert(HTTP_CONTENT_TYPE_SIZE_MAX <= UINT8_MAX && HTTP_CONTENTS_MAX <= UINT16_MAX, "they fit");

static char *note_pair_write(char *at, uint32_t number, const struct http_content *pair) {
    const struct note_pair row = {(uint16_t)number, (uint8_t)pair->type.size, (uint8_t)pair->coding.size};
    memcpy(at, &row, sizeof(row));
    at = bytes_copy(at + sizeof(row), pair->type);
    return bytes_copy(at, pair->coding);
}

size_t http_contents_save(const struct http_contents *contents, char note[HTTP_CONTENTS_NOTE_SIZE_MAX]) {
    uint32_t next = atomic_load(&contents->count), pairs_count = 0;
    char *at = note + HTTP_CONTENTS_NOTE_HEAD_SIZE;
    for (uint32_t i = HTTP_CONTENT_UNUSUAL_FIRST; i < next; i++) {
        if (contents->pairs[i].type.size > 0) {
            at = note_pair_write(at, i, &contents->pairs[i]);
            pairs_count++;
        }
    }
    memcpy(note, note_mark, sizeof(note_mark));
    memcpy(note + 4, &next, sizeof(next));
    memcpy(note + 8, &pairs_count, sizeof(pairs_count));
    return next == HTTP_CONTENT_UNUSUAL_FIRST ? 0 : (size_t)(at - note);
}

/* The first of `rest`, which goes on behind it; numbers rise from *number_min on, up to below `next`. False: damaged. */
static bool note_pair_read(struct bytes *rest, uint32_t *number_min, uint32_t next,
                           struct http_content *pair) {
    struct note_pair row;
    if (rest->size < sizeof(row)) {
        return false;
    }
    memcpy(&row, rest->data, sizeof(row));
    struct bytes texts = bytes_after(*rest, sizeof(row));
    if (row.number < *number_min || row.number >= next ||
        texts.size < (size_t)row.type_size + row.coding_size) {
        return false;
    }
    pair->type = bytes_of(texts.data, row.type_size);
    pair->coding = bytes_of(texts.data + row.type_size, row.coding_size);
    *rest = bytes_after(texts, (size_t)row.type_size + row.coding_size);
    *number_min = row.number + 1U;
    return type_is_good(pair->type) && coding_is_good(pair->coding);
}

/* All of them, or false. `pairs`: NULL only looks. */
static bool note_pairs_read(struct bytes rest, uint32_t pairs_count, uint32_t next,
                            struct http_content *pairs) {
    uint32_t number_min = HTTP_CONTENT_UNUSUAL_FIRST;
    for (uint32_t i = 0; i < pairs_count; i++) {
        struct http_content pair;
        if (!note_pair_read(&rest, &number_min, next, &pair) ||
            (pairs != NULL && !pair_set(&pairs[number_min - 1], pair.type, pair.coding))) {
            return false;
        }
    }
    return rest.size == 0;
}

bool http_contents_load(struct http_contents *contents, struct bytes note) {
    uint32_t next = 0, pairs_count = 0;
    if (note.size == 0) {
        return true;
    }
    if (note.size >= HTTP_CONTENTS_NOTE_HEAD_SIZE && memcmp(note.data, note_mark, sizeof(note_mark)) == 0) {
        memcpy(&next, note.data + 4, sizeof(next));
        memcpy(&pairs_count, note.data + 8, sizeof(pairs_count));
    }
    if (next < HTTP_CONTENT_UNUSUAL_FIRST || next > HTTP_CONTENTS_MAX) {
        atomic_store(&contents->count, HTTP_CONTENTS_MAX);
        return false;
    }
    struct bytes rest = bytes_after(note, HTTP_CONTENTS_NOTE_HEAD_SIZE);
    atomic_store(&contents->count, next);
    return note_pairs_read(rest, pairs_count, next, NULL) &&
           note_pairs_read(rest, pairs_count, next, contents->pairs);
}
