/* SPDX-License-Identifier: MIT
 *
 * encoder: the bytes of requests, and of the replies they should get. What does not change from one request to
 * the next is made once, as a template.
 *
 *      set, all values of one size     | head with key and size | value | end |
 *      set, sizes differ               | head with key | size | middle | value | end |
 *
 * Read only after init; any thread may call.
 */
#ifndef LOAD_ENCODER_H
#define LOAD_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "key.h"
#include "protocol.h"
#include "riposte/bytes.h"

/* Copies are made in runs of this many bytes: room that a target must have beyond the text's size. */
enum { TEMPLATE_SLACK = 64 };

/* A text that is the same every time but for the digits of a key, made once and then copied and patched. */
struct template {
    char *text;     /* owned; TEMPLATE_SLACK bytes longer than size; the key in it is key 0 */
    size_t size;    /* in bytes */
    size_t key_end; /* where the key ends; 0: there is none */
};

struct encoder {
    const struct keys *keys; /* borrowed */
    bool one_size;           /* all values have value_size bytes, and the templates know it */
    uint64_t value_size;
    struct template get;
    struct template set_head;
    struct bytes set_middle; /* static text */
    struct bytes set_end;    /* static text */

    struct template hit;   /* head of the reply to a get that finds its key; empty: it cannot be foretold */
    struct bytes hit_tail; /* what follows the value then; static text */
    struct bytes stored;   /* the reply to a set; empty where it cannot be foretold; static text */
};

/* What fills the places of a protocol's texts. */
struct encoder_names {
    const char *host; /* HTTP's Host */
    const char *path; /* HTTP's target; may hold {key} once */
    const char *meta_flags;
};

/* value_size: of all values, or ENCODER_SIZES_DIFFER. False: no memory. */
#define ENCODER_SIZES_DIFFER UINT64_MAX
bool encoder_init(struct encoder *encoder, const struct protocol *protocol, const struct keys *keys,
                  const struct encoder_names *names, uint64_t value_size);
void encoder_deinit(struct encoder *encoder);

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

/* Most bytes that encoder_get, or encoder_set_head and the set's end together, write. */
size_t encoder_size_max(const struct encoder *encoder);

/* Writes a get; returns its size. `target` has TEMPLATE_SLACK bytes more. */
static inline size_t encoder_get(const struct encoder *encoder, uint32_t key, char *target) {
    return template_write(&encoder->get, encoder->keys, key, target);
}

/* Writes a set up to where its value begins; returns the size. `target` as above. */
size_t encoder_set_head(const struct encoder *encoder, uint32_t key, uint64_t value_size, char *target);

#endif
