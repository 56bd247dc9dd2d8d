/* SPDX-License-Identifier: MIT
 *
 * cmd_store: storing a data block, for the classic storage commands and ms alike.
 *
 *      cmd_store_begin --> all of the block here? --yes--> item made, copied, ended, stored, answered
 *                     \        \-no--> state VALUE: gathered outside the store until the last byte, then the same
 *                      \--refused--> answer, state SWALLOW
 *
 * What was announced and has not come takes no memory; what has come is charged to the bound of all
 * connections (protocol_input.memory_size_max) and must come at a pace (pace.h).
 */
#ifndef MEMCACHED_CMD_STORE_H
#define MEMCACHED_CMD_STORE_H

#include "call.h"
#include "pace.h"
#include "upload.h"

/* What is to be done with a data block. */
struct store_block {
    struct put_options options;
    bool noreply;  /* classic: no answer at all */
    bool is_cas;   /* counts as a cas */
    bool replaces; /* set, ms: when the block is refused the old value goes too, lest it be taken for the new
                      one */

    /* What became of it; the data block is consumed. Not called when the block was refused. */
    void (*answer)(const struct mc_call *call, const struct store_block *block, enum store_status status,
                   const struct put_result *result);
    bool quiet;            /* ms: success is not answered */
    bool tells_number;     /* ms: the answer says the item's CAS */
    bool key_is_binary;    /* ms: key_text is base64 */
    struct bytes key_text; /* the key as it was sent, for ms's answer and logs; borrowed from the line */
    struct bytes flags;    /* ms: the flags, for the answer; borrowed from the line, behind key_text */
    uint32_t client_flags;
    uint32_t expires_tick;
    uint32_t value_size; /* bytes, without the line end */
};

/* The line is consumed; the block begins at call->at. The item's key is `key`. */
void cmd_store_begin(struct mc_call *call, const struct store_block *block, struct bytes key);

/* A set whose data block is consumed cannot be stored: the client is told, and what was there before goes. */
void cmd_store_refuse(struct mc_call *call, struct bytes key, bool noreply, enum store_status status);

/* A data block that comes in pieces; what a session in state VALUE owns. */
struct store_upload;

/* Goes on in the state VALUE. False when it needs more input. */
bool cmd_store_continue(struct mc_call *call);

/* The key that it is for; until the upload ends. */
struct bytes cmd_store_key(const struct store_upload *upload);

/* Bytes that the upload takes now. */
size_t cmd_store_memory_size(const struct store_upload *upload);

/* What is to be done with it. */
const struct store_block *cmd_store_block(const struct store_upload *upload);

/* What became of a block of the classic commands; an `answer` of struct store_block. */
void cmd_store_answer(const struct mc_call *call, const struct store_block *block, enum store_status status,
                      const struct put_result *result);

/* An upload in a record; its slices are borrowed from it. */
struct store_saved {
    struct store_block block; /* but for `answer`; its ticks are not there yet */
    struct bytes key;
    struct bytes text;  /* of the line, from block.key_text on */
    size_t flags_start; /* of block.flags in it */
    int64_t exptime;    /* as store_expiry takes it, both */
    int64_t create_exptime;
    struct pace pace;
    struct upload_saved upload;
};

/* Writes an upload down. Times are Unix times there: another store counts its ticks from another beginning. */
void cmd_store_save(const struct store_upload *upload, const struct store_worker *store,
                    struct record_writer *writer);

/* Reads what cmd_store_save has written; the record is bad where it cannot be. */
struct store_saved cmd_store_read(struct record_reader *reader);

/* The upload goes on where it was; NULL when memory ends. `answer`: the block's. */
struct store_upload *cmd_store_load(const struct store_saved *saved, const struct store_worker *store,
                                    void (*answer)(const struct mc_call *, const struct store_block *,
                                                   enum store_status, const struct put_result *));

/* The connection is gone in the state VALUE. */
void cmd_store_discard(struct memcached_worker *worker, struct store_upload *upload);

#endif
