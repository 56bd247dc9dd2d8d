/* SPDX-License-Identifier: MIT
 *
 * encoder: makes the templates of a protocol, and writes the parts of a set.
 */
#include "encoder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_FORMAT_SIZE_MAX = 256,
    TEMPLATE_SIZE_MAX = 16384, /* bytes of a text with everything filled in */
};

/* A name in braces and what takes its place. */
struct template_place {
    const char *name;
    struct bytes filling;
};

/* A text that is being put together. */
struct draft {
    char text[TEMPLATE_SIZE_MAX];
    size_t size;
};

/* Replaces the first `name` by `filling`; returns where the filling ends, or 0 when there is no such name. */
static size_t draft_fill(struct draft *draft, const char *name, struct bytes filling) {
    size_t name_size = strlen(name);
    char *found = memmem(draft->text, draft->size, name, name_size);
    if (found == NULL) {
        return 0;
    }
    size_t at = (size_t)(found - draft->text);
    size_t rest_size = draft->size - at - name_size;
    assert(at + filling.size + rest_size <= sizeof(draft->text));
    memmove(found + filling.size, found + name_size, rest_size);
    memcpy(found, filling.data, filling.size);
    draft->size = at + filling.size + rest_size;
    return at + filling.size;
}

/*
 * Fills `places` into `format` in their order (a filling may hold places that come later), then {key}. Each
 * place counts once. False: no memory.
 */
static bool template_init(struct template *template, const char *format, const struct template_place *places,
                          size_t places_count, const struct keys *keys) {
    struct draft draft = {.size = strlen(format)};
    assert(draft.size <= sizeof(draft.text));
    memcpy(draft.text, format, draft.size);
    for (size_t i = 0; i < places_count; i++) {
        draft_fill(&draft, places[i].name, places[i].filling);
    }
    size_t key_end = draft_fill(&draft, "{key}", bytes_of(keys->zero, keys->size));
    *template = (struct template){
        .text = calloc(1, draft.size + TEMPLATE_SLACK),
        .size = draft.size,
        .key_end = key_end,
    };
    if (template->text == NULL) {
        return false;
    }
    memcpy(template->text, draft.text, draft.size);
    return true;
}

static void template_deinit(struct template *template) {
    free(template->text);
    *template = (struct template){0};
}

/* With one size for all, the size and what follows it belong to the head. */
static void set_head_format(const struct encoder *encoder, const struct protocol *protocol, char *format) {
    snprintf(format, HEAD_FORMAT_SIZE_MAX, "%s%s%s", protocol->set_head,
             encoder->one_size ? "{value_size}" : "", encoder->one_size ? protocol->set_middle : "");
}

bool encoder_init(struct encoder *encoder, const struct protocol *protocol, const struct keys *keys,
                  const struct encoder_names *names, uint64_t value_size) {
    char key_digits[BYTES_U64_DIGITS_MAX];
    char value_digits[BYTES_U64_DIGITS_MAX];
    char set_head[HEAD_FORMAT_SIZE_MAX];
    *encoder = (struct encoder){.keys = keys, .value_size = value_size};
    encoder->one_size = value_size != ENCODER_SIZES_DIFFER;
    encoder->set_middle = bytes_from_string(protocol->set_middle);
    encoder->set_end = bytes_from_string(protocol->set_end);
    encoder->hit_tail = bytes_from_string(protocol->hit_tail);
    encoder->stored = bytes_from_string(protocol->stored);
    set_head_format(encoder, protocol, set_head);

    /* Flags other than the plain ones change the head of a hit. */
    bool hit_is_known = encoder->one_size && strcmp(names->meta_flags, "v") == 0;
    const char *hit = hit_is_known ? protocol->hit : "";
    const struct template_place places[] = {
        {"{path}", bytes_from_string(names->path)},
        {"{host}", bytes_from_string(names->host)},
        {"{meta_flags}", bytes_from_string(names->meta_flags)},
        {"{key_size}", bytes_of(key_digits, bytes_format_u64(key_digits, keys->size))},
        {"{value_size}", bytes_of(value_digits, bytes_format_u64(value_digits, value_size))},
    };
    enum { PLACES_COUNT = sizeof(places) / sizeof(places[0]) };
    if (!template_init(&encoder->get, protocol->get, places, PLACES_COUNT, keys) ||
        !template_init(&encoder->set_head, set_head, places, PLACES_COUNT, keys) ||
        !template_init(&encoder->hit, hit, places, PLACES_COUNT, keys)) {
        encoder_deinit(encoder);
        return false;
    }
    return true;
}

void encoder_deinit(struct encoder *encoder) {
    template_deinit(&encoder->get);
    template_deinit(&encoder->set_head);
    template_deinit(&encoder->hit);
}

size_t encoder_size_max(const struct encoder *encoder) {
    size_t set_size = encoder->set_head.size + encoder->set_end.size;
    if (!encoder->one_size) {
        set_size += BYTES_U64_DIGITS_MAX + encoder->set_middle.size;
    }
    return encoder->get.size > set_size ? encoder->get.size : set_size;
}

size_t encoder_set_head(const struct encoder *encoder, uint32_t key, uint64_t value_size, char *target) {
    size_t size = template_write(&encoder->set_head, encoder->keys, key, target);
    if (encoder->one_size) {
        return size;
    }
    size += bytes_format_u64(target + size, value_size);
    memcpy(target + size, encoder->set_middle.data, encoder->set_middle.size);
    return size + encoder->set_middle.size;
}
