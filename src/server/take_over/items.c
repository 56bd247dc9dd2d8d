/* SPDX-License-Identifier: MIT
 *
 * items: writes pieces and sends their places, takes them and asks for more. See items.h.
 */
#include "items.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "channel.h"
#include "records.h"
#include "riposte/clock.h"
#include "riposte/store_file.h"

/* --- the old one ------------------------------------------------------------------------------------------ */

/* Behind the records and numbers that are there already. */
static int items_begin(struct items_out *items, struct store *store, int records_fd) {
    struct stat status;
    if (fstat(records_fd, &status) < 0) {
        return -errno;
    }
    *items = (struct items_out){.has_begun = true, .begin = (uint64_t)status.st_size};
    store_file_resume(store);
    items->source = store_export_begin(store, clock_monotonic_ns());
    return items->source == NULL ? -ENOMEM : 0;
}

/* Where the last piece is not, which the other one may still be reading. */
static uint64_t items_place(struct items_out *items, size_t size) {
    items->offset = size <= items->offset ? 0 : items->end;
    items->end = items->offset + size;
    return items->begin + items->offset;
}

static int items_send_piece(struct items_out *items, int channel_fd, int records_fd, uint64_t deadline_ns) {
    struct message message = {.kind = MESSAGE_ITEMS};
    message.items.size = items->piece.size;
    message.items.offset = items_place(items, items->piece.size);
    int result = records_write(records_fd, items->piece.data, items->piece.size, message.items.offset);
    return result < 0 ? result : channel_send(channel_fd, &message, NULL, 0, deadline_ns);
}

static int items_send_last(struct items_out *items, int channel_fd, uint64_t deadline_ns) {
    struct message message = {.kind = MESSAGE_ITEMS_END};
    message.items_end.left_count = store_export_left(items->source);
    items->has_ended = true;
    return channel_send(channel_fd, &message, NULL, 0, deadline_ns);
}

int items_send(struct items_out *items, struct store *store, const struct message_items_wanted *wanted,
               int channel_fd, int records_fd, uint64_t until_ns, uint64_t deadline_ns) {
    int result = items->has_begun ? 0 : items_begin(items, store, records_fd);
    if (result < 0 || items->has_ended) {
        return result;
    }
    items->piece.size = 0;
    bool goes_on = !wanted->no_more && clock_monotonic_ns() < until_ns;
    if (goes_on && !store_export_next(items->source, ITEMS_PIECE_SIZE, &items->piece)) {
        return -ENOMEM;
    }
    return items->piece.size > 0 ? items_send_piece(items, channel_fd, records_fd, deadline_ns)
                                 : items_send_last(items, channel_fd, deadline_ns);
}

bool items_send_end(struct items_out *items) {
    bool had_begun = items->has_begun;
    if (items->source != NULL) {
        store_export_end(items->source);
    }
    record_discard(&items->piece);
    *items = (struct items_out){0};
    return had_begun;
}

/* --- the new one ------------------------------------------------------------------------------------------ */

static int items_want(int channel_fd, bool no_more, uint64_t deadline_ns) {
    const struct message wanted = {.kind = MESSAGE_ITEMS_WANTED, .items_wanted.no_more = no_more};
    int result = channel_send(channel_fd, &wanted, NULL, 0, deadline_ns);
    return result == -EPIPE ? 0 : result; /* its end is heard, too, and what it has said before */
}

int items_ask(int channel_fd, uint64_t deadline_ns) {
    int result = 0;
    for (unsigned i = 0; i < ITEMS_PIECES_MAX && result == 0; i++) {
        result = items_want(channel_fd, false, deadline_ns);
    }
    return result;
}

int items_take(struct store_import *target, const struct message_items *message, int channel_fd,
               int records_fd, uint64_t deadline_ns) {
    int result;
    char *piece = records_read(records_fd, message->offset, message->size, &result);
    if (piece == NULL) {
        return result;
    }
    enum store_import_outcome outcome = store_import_take(target, bytes_of(piece, message->size));
    free(piece);
    return outcome == STORE_IMPORT_BAD ? -EPROTO
                                       : items_want(channel_fd, outcome == STORE_IMPORT_FULL, deadline_ns);
}
