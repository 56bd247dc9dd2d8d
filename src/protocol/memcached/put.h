/* SPDX-License-Identifier: MIT
 *
 * put: storing a data block, for the classic storage commands and ms alike.
 *
 *      mc_put_begin --> store_item_create --> all of the block here? --yes--> copied, ended, stored, answered
 *                             |                                       \-no---> upload: state VALUE until the last byte
 *                             \--refused--> answer, state SWALLOW
 */
#ifndef MEMCACHED_PUT_H
#define MEMCACHED_PUT_H

#include "call.h"

/* What is to be done with a data block. */
struct mc_put {
    struct put_options options;
    bool noreply;  /* classic: no answer at all */
    bool is_cas;   /* counts as a cas */
    bool replaces; /* set, ms: when the block is refused the old value goes too, lest it be taken for the new
                      one */

    /* What became of it; the data block is consumed. Not called when the block was refused. */
    void (*answer)(const struct mc_call *call, const struct mc_put *put, enum store_status status,
                   const struct put_result *result);
    bool quiet; /* ms: success is not answered */
    struct bytes
        key_text; /* the key as it was sent, for the answer of ms and for logs; borrowed from the line */
    struct bytes flags;    /* ms: the flags, for the answer; borrowed from the line, behind key_text */
    bool key_is_binary;    /* ms */
    uint32_t expires_tick; /* of the item, for logs */
    uint32_t value_size;   /* bytes of the block, for the answer of ms when nothing was stored and for logs */
};

/* The item that the block makes. */
struct mc_put_item {
    struct bytes key;
    bool key_is_binary;
    uint32_t client_flags;
    uint32_t expires_tick;
    uint32_t value_size; /* bytes, without the line end */
};

/* The line is consumed; the block begins at call->at. */
void mc_put_begin(struct mc_call *call, const struct mc_put *put, const struct mc_put_item *item);

/* A data block that comes in pieces; what a session in state VALUE owns. */
struct put_upload;

/* Goes on in the state VALUE. False when it needs more input. */
bool mc_put_continue(struct mc_call *call);

/* The connection is gone in the state VALUE. */
void put_upload_discard(struct memcached_worker *worker, struct put_upload *upload);

/* Skips `size` bytes of input (> 0), now or as they come. */
void mc_swallow_begin(struct mc_call *call, uint32_t size);

/* Goes on in the state SWALLOW. False when it needs more input. */
bool mc_swallow_continue(struct mc_call *call);

#endif
