/* SPDX-License-Identifier: MIT
 *
 * encoder: see encoder.h.
 */
#include "encoder.h"

#include <stdio.h>
#include <string.h>

enum { HEAD_FORMAT_SIZE_MAX = 256 };

/* With one size for all, the size and what follows it belong to the head. */
static void set_head_format(const struct encoder *encoder, const struct dialect *dialect, char *format) {
    snprintf(format, HEAD_FORMAT_SIZE_MAX, "%s%s%s", dialect->set_head,
             encoder->one_size ? "{value_size}" : "", encoder->one_size ? dialect->set_middle : "");
}

bool encoder_init(struct encoder *encoder, const struct dialect *dialect, const struct keys *keys,
                  const struct encoder_names *names, uint64_t value_size) {
    char key_digits[BYTES_U64_DIGITS_MAX];
    char value_digits[BYTES_U64_DIGITS_MAX];
    char set_head[HEAD_FORMAT_SIZE_MAX];
    *encoder = (struct encoder){.keys = keys, .value_size = value_size};
    encoder->one_size = value_size != ENCODER_SIZES_DIFFER;
    encoder->set_middle = bytes_from_string(dialect->set_middle);
    encoder->set_end = bytes_from_string(dialect->set_end);
    encoder->hit_tail = bytes_from_string(dialect->hit_tail);
    encoder->stored = bytes_from_string(dialect->stored);
    set_head_format(encoder, dialect, set_head);

    /* Flags other than the plain ones change the head of a hit. */
    bool hit_is_known = encoder->one_size && strcmp(names->meta_flags, "v") == 0;
    const char *hit = hit_is_known ? dialect->hit : "";
    const struct template_place places[] = {
        {"{path}", bytes_from_string(names->path)},
        {"{host}", bytes_from_string(names->host)},
        {"{meta_flags}", bytes_from_string(names->meta_flags)},
        {"{key_size}", bytes_of(key_digits, bytes_format_u64(key_digits, keys->size))},
        {"{value_size}", bytes_of(value_digits, bytes_format_u64(value_digits, value_size))},
    };
    enum { PLACES_COUNT = sizeof(places) / sizeof(places[0]) };
    if (!template_init(&encoder->get, dialect->get, places, PLACES_COUNT, keys) ||
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
