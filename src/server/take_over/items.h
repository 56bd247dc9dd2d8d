/* SPDX-License-Identifier: MIT
 *
 * items: where the new server cannot use the store's memory as it is (another layout, other limits), it asks for the items one by one
 * (riposte/store_stream.h), within the pause:
 *
 *      old                                              new
 *                                         <----------- ITEMS_WANTED, ITEMS_WANTED
 *      the store is back in this process
 *      ITEMS: a piece is in the records' memory ------> checks it, stores what it says
 *                                         <----------- ITEMS_WANTED, or that it wants no more: it is full
 *      ...
 *      ITEMS_END: nothing or no time is left ---------> goes on
 *
 * Two pieces at a time, so that both sides work at once; each of about ITEMS_PIECE_SIZE bytes, or of one larger item. The old one keeps its
 * store until the verdict, so both stores are there at once: memory for both is what that takes. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_ITEMS_H
#define RIPOSTE_SERVER_TAKE_OVER_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "riposte/store_stream.h"

enum { ITEMS_PIECE_SIZE = 1024 * 1024, ITEMS_PIECES_MAX = 2 /* at a time */ };

/* The old one's side. All zero is none. */
struct items_out {
    bool has_begun;              /* the store is back in this process, and is read */
    bool has_ended;              /* ITEMS_END is sent */
    struct store_export *source; /* owned; NULL: no memory for it */
    struct record_writer piece;  /* owned */
    uint64_t begin;              /* in the records' memory, where pieces are, */
    uint64_t offset, end;        /* from there on: the last piece */
};

/*
 * Answers one ITEMS_WANTED. until_ns: so long pieces are sent; deadline_ns: of the message. 0 or -errno; the store has been left in its memory
 * (store_file_save), and is back with the first.
 */
int items_send(struct items_out *items, struct store *store, const struct message_items_wanted *wanted,
               int channel_fd, int records_fd, uint64_t until_ns, uint64_t deadline_ns);

/* In any case, before the store is used by anybody else. True: it is back in this process. */
bool items_send_end(struct items_out *items);

/* The new one's side: asks for the first pieces. 0 or -errno. */
int items_ask(int channel_fd, uint64_t deadline_ns);

/* Stores a piece, and asks for another one. 0; -EPROTO: it is damaged; other -errno. */
int items_take(struct store_import *target, const struct message_items *message, int channel_fd,
               int records_fd, uint64_t deadline_ns);

#endif
