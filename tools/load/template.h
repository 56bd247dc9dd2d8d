/* SPDX-License-Identifier: MIT
 *
 * template: a text that is the same every time but for the digits of a key, made once and then copied and
 * patched.
 *
 * Read only after init; any thread may call.
 */
#ifndef LOAD_TEMPLATE_H
#define LOAD_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "riposte/bytes.h"

/* Copies are made in runs of this many bytes: room that a target must have beyond the text's size. */
enum { TEMPLATE_SLACK = 64 };

struct template {
    char *text;     /* owned; TEMPLATE_SLACK bytes longer than size; the key in it is key 0 */
    size_t size;    /* in bytes */
    size_t key_end; /* where the key ends; 0: there is none */
};

/* A name in braces and what takes its place. */
struct template_place {
    const char *name;
    struct bytes filling;
};

/* Most bytes of a text with everything filled in. */
enum { TEMPLATE_SIZE_MAX = 16384 };

/*
 * Fills `places` into `format` in their order (a filling may hold places that come later), then {key}. Each
 * place counts once. False: no memory.
 */
bool template_init(struct template *template, const char *format, const struct template_place *places,
                   size_t places_count, const struct keys *keys);
void template_deinit(struct template *template);

/* Writes the text with the given key; returns its size. Touches up to TEMPLATE_SLACK bytes behind it. */
static inline size_t template_write(const struct template *template, const struct keys *keys, uint32_t key,
                                    char *target) {
    /* Fixed runs are a few vector moves; a copy of a length known only at run time costs a call. */
    for (size_t at = 0; at < template->size; at += TEMPLATE_SLACK) {
        memcpy(target + at, template->text + at, TEMPLATE_SLACK);
    }
    if (template->key_end > 0) {
        key_patch(keys, key, target + template->key_end);
    }
    return template->size;
}

#endif
