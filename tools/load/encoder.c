/* SPDX-License-Identifier: MIT
 *
 * encoder: see encoder.h.
 */
#include "encoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Texts grow by at most a path and a host while they are filled in. */
enum { TEXT_SIZE_MAX = 16384 };

/* A text that is being put together. */
struct draft {
    char text[TEXT_SIZE_MAX];
    size_t size;
};

static void draft_add(struct draft *draft, struct bytes piece) {
    assert(draft->size + piece.size <= sizeof(draft->text));
    if (piece.size > 0) {
        memcpy(draft->text + draft->size, piece.data, piece.size);
        draft->size += piece.size;
    }
}

/* Replaces the first `place` by `filling`; returns where the filling begins, or SIZE_MAX when there is no such place. */
static size_t draft_fill(struct draft *draft, const char *place, struct bytes filling) {
    size_t place_size = strlen(place);
    const char *found = memmem(draft->text, draft->size, place, place_size);
    if (found == NULL) {
        return SIZE_MAX;
    }
    size_t at = (size_t)(found - draft->text);
    size_t rest_size = draft->size - at - place_size;
    assert(at + filling.size + rest_size <= sizeof(draft->text));
    memmove(draft->text + at + filling.size, found + place_size, rest_size);
    memcpy(draft->text + at, filling.data, filling.size);
    draft->size = at + filling.size + rest_size;
    return at;
}

static bool request_text_init(struct request_text *request, struct draft *draft, const struct keys *keys,
                              const struct encoder_names *names) {
    char key_size[BYTES_U64_DIGITS_MAX];
    size_t key_size_digits = bytes_format_u64(key_size, keys->size);
    draft_fill(draft, "{path}", bytes_from_string(names->path));
    draft_fill(draft, "{host}", bytes_from_string(names->host));
    draft_fill(draft, "{meta_flags}", bytes_from_string(names->meta_flags));
    draft_fill(draft, "{key_size}", bytes_of(key_size, key_size_digits));
    size_t key_at = draft_fill(draft, "{key}", bytes_of(keys->zero, keys->size));
    *request = (struct request_text){.text = calloc(1, draft->size + ENCODER_SLACK), .size = draft->size};
    if (request->text == NULL) {
        return false;
    }
    request->key_end = key_at == SIZE_MAX ? 0 : key_at + keys->size;
    memcpy(request->text, draft->text, draft->size);
    return true;
}

static void draft_add_number(struct draft *draft, uint64_t number) {
    char digits[BYTES_U64_DIGITS_MAX];
    draft_add(draft, bytes_of(digits, bytes_format_u64(digits, number)));
}

bool encoder_init(struct encoder *encoder, const struct dialect *dialect, const struct keys *keys,
                  const struct encoder_names *names, uint64_t value_size) {
    *encoder = (struct encoder){.keys = keys, .head_has_size = value_size != ENCODER_SIZES_DIFFER};
    encoder->set_middle = bytes_from_string(dialect->set_middle);
    encoder->set_end = bytes_from_string(dialect->set_end);

    struct draft get = {.size = 0};
    struct draft set = {.size = 0};
    draft_add(&get, bytes_from_string(dialect->get));
    draft_add(&set, bytes_from_string(dialect->set_head));
    if (encoder->head_has_size) {
        draft_add_number(&set, value_size);
        draft_add(&set, encoder->set_middle);
    }
    if (!request_text_init(&encoder->get, &get, keys, names) ||
        !request_text_init(&encoder->set_head, &set, keys, names)) {
        encoder_deinit(encoder);
        return false;
    }
    return true;
}

void encoder_deinit(struct encoder *encoder) {
    free(encoder->get.text);
    free(encoder->set_head.text);
    *encoder = (struct encoder){0};
}

size_t encoder_size_max(const struct encoder *encoder) {
    size_t set_size = encoder->set_head.size + encoder->set_end.size;
    if (!encoder->head_has_size) {
        set_size += BYTES_U64_DIGITS_MAX + encoder->set_middle.size;
    }
    return encoder->get.size > set_size ? encoder->get.size : set_size;
}

/* In fixed runs, which the compiler turns into a few vector moves; a copy of a length known only at run time costs a call. */
static inline void copy_in_runs(char *target, const char *source, size_t size) {
    for (size_t at = 0; at < size; at += ENCODER_SLACK) {
        memcpy(target + at, source + at, ENCODER_SLACK);
    }
}

static inline size_t request_text_write(const struct request_text *request, const struct keys *keys,
                                        uint32_t key, char *target) {
    copy_in_runs(target, request->text, request->size);
    if (request->key_end > 0) {
        key_patch(keys, key, target + request->key_end);
    }
    return request->size;
}

size_t encoder_get(const struct encoder *encoder, uint32_t key, char *target) {
    return request_text_write(&encoder->get, encoder->keys, key, target);
}

size_t encoder_set_head(const struct encoder *encoder, uint32_t key, uint64_t value_size, char *target) {
    size_t size = request_text_write(&encoder->set_head, encoder->keys, key, target);
    if (encoder->head_has_size) {
        return size;
    }
    size += bytes_format_u64(target + size, value_size);
    memcpy(target + size, encoder->set_middle.data, encoder->set_middle.size);
    return size + encoder->set_middle.size;
}
