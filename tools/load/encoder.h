/* SPDX-License-Identifier: MIT
 *
 * encoder: the bytes of requests, and of the replies they should get. Everything that does not change from
 * one request to the next is made once.
 *
 *      set, all values of one size     | head with key and size | value | end |
 *      set, sizes differ               | head with key | size | middle | value | end |
 *
 * Read only after init; any thread may call.
 */
#ifndef LOAD_ENCODER_H
#define LOAD_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "dialect.h"
#include "key.h"
#include "riposte/bytes.h"
#include "template.h"

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

/* What fills the places of a dialect's texts. */
struct encoder_names {
    const char *host; /* HTTP's Host */
    const char *path; /* HTTP's target; may hold {key} once */
    const char *meta_flags;
};

/* value_size: of all values, or ENCODER_SIZES_DIFFER. False: no memory. */
#define ENCODER_SIZES_DIFFER UINT64_MAX
bool encoder_init(struct encoder *encoder, const struct dialect *dialect, const struct keys *keys,
                  const struct encoder_names *names, uint64_t value_size);
void encoder_deinit(struct encoder *encoder);

/* Most bytes that encoder_get, or encoder_set_head and the set's end together, write. */
size_t encoder_size_max(const struct encoder *encoder);

/* Writes a get; returns its size. `target` has TEMPLATE_SLACK bytes more. */
static inline size_t encoder_get(const struct encoder *encoder, uint32_t key, char *target) {
    return template_write(&encoder->get, encoder->keys, key, target);
}

/* Writes a set up to where its value begins; returns the size. `target` as above. */
size_t encoder_set_head(const struct encoder *encoder, uint32_t key, uint64_t value_size, char *target);

#endif
