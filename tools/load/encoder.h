/* SPDX-License-Identifier: MIT
 *
 * encoder: the bytes of requests. Everything that does not change from one request to the next is made once: a request is a copy of a
 * text in which the digits of its key are patched.
 *
 *      set, all values of one size     | head with key 0 and size, ready | value | end |
 *      set, sizes differ               | head with key 0 | size | middle | value | end |
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

/* Copies are made in runs of this many bytes: room that a target must have beyond what a function says it writes. */
enum { ENCODER_SLACK = 64 };

struct request_text {
    char *text;     /* owned; ENCODER_SLACK bytes longer than size */
    size_t size;    /* in bytes */
    size_t key_end; /* where the key of the text ends; 0: it has none */
};

struct encoder {
    const struct keys *keys; /* borrowed */
    struct request_text get;
    struct request_text set_head;
    bool
        head_has_size; /* set_head already holds the size of the value and what stands between it and the value */
    struct bytes set_middle; /* static text */
    struct bytes set_end;    /* static text */
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

/* Writes a get; returns its size. `target` has ENCODER_SLACK bytes more. */
size_t encoder_get(const struct encoder *encoder, uint32_t key, char *target);

/* Writes a set up to where its value begins; returns the size. `target` as above. */
size_t encoder_set_head(const struct encoder *encoder, uint32_t key, uint64_t value_size, char *target);

#endif
