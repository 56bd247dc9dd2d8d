/* SPDX-License-Identifier: MIT
 *
 * dump: words the lines of a listing and writes them piece by piece.
 */
#include "dump.h"

#include <stdlib.h>

#include "line.h"
#include "listing.h"

enum {
    /*
     * A piece ends after so many items: some 15 microseconds, most of them cache misses. The engine writes up
     * to four in a turn, and the answers of all others wait for the end of the turn.
     */
    PIECE_ITEMS = 32,
    PIECE_BUCKETS = 64, /* and after so many buckets, where few have items */

    /* Most bytes of a line: every byte of the key escaped, and eight numbers with their names. */
    DUMP_LINE_SIZE_MAX = STORE_KEY_SIZE_MAX * 3 + 256,
};

/* What a visit needs. */
struct dump_visit {
    struct mc_call *call;
    struct dump *dump;
    unsigned items_count; /* seen in this piece */
};

static char *meta_line(char *at, const struct memcached_worker *worker, const struct item_view *view) {
    at = line_escaped(line_text(at, "key="), view->key);
    at = line_text(at, " exp=");
    at = view->expires_tick == STORE_EXPIRES_NEVER
             ? line_text(at, "-1")
             : number_write(at, store_tick_unix_s(worker->store, view->expires_tick));
    at = number_write(line_text(at, " la="), store_tick_unix_s(worker->store, view->used_tick));
    at = number_write(line_text(at, " cas="), service_cas(worker->service, view->cas));
    at = line_text(at, view->fetched ? " fetch=yes" : " fetch=no");
    at = number_write(line_text(at, " cls="), ANSWER_ITEM_CLASS);
    at = number_write(line_text(at, " size="), answer_item_size(view));
    at = number_write(line_text(at, " flags="), view->client_flags);
    return line_text(at, " \n");
}

static char *mg_line(char *at, const struct item_view *view) {
    at = answer_meta_key(line_text(at, "mg "), view->key, view->key_is_binary);
    return line_text(at, view->key_is_binary ? " b\r\n" : "\r\n");
}

static char *cache_line(char *at, const struct memcached_worker *worker, const struct item_view *view) {
    bool never = view->expires_tick == STORE_EXPIRES_NEVER;
    at = answer_meta_key(line_text(at, "ITEM "), view->key, false);
    at = number_write(line_text(at, " ["), view->value.size);
    at =
        number_write(line_text(at, " b; "), never ? 0 : store_tick_unix_s(worker->store, view->expires_tick));
    return line_text(at, " s]\r\n");
}

static char *dump_line(char *at, const struct dump_visit *visit, const struct item_view *view) {
    switch (visit->dump->kind) {
    case DUMP_META:
        return meta_line(at, visit->call->worker, view);
    case DUMP_MG:
        return mg_line(at, view);
    case DUMP_CACHE:
        return view->key_is_binary ? at : cache_line(at, visit->call->worker, view);
    }
    return at;
}

static void dump_visit_item(void *user, const struct item_view *view) {
    struct dump_visit *visit = user;
    struct dump *dump = visit->dump;
    visit->items_count++;
    if (dump->items_left == 0) {
        return;
    }
    char *line = reply_reserve(visit->call->reply, DUMP_LINE_SIZE_MAX);
    size_t size = (size_t)(dump_line(line, visit, view) - line);
    if (size > dump->size_left) {
        dump->items_left = 0;
        return;
    }
    reply_commit(visit->call->reply, size);
    dump->size_left -= dump->size_left == UINT32_MAX ? 0 : (uint32_t)size;
    dump->items_left -= dump->items_left == UINT32_MAX || size == 0 ? 0 : 1;
}

static void dump_piece(struct mc_call *call, struct dump *dump) {
    struct dump_visit visit = {.call = call, .dump = dump};
    for (unsigned i = 0; i < PIECE_BUCKETS && visit.items_count < PIECE_ITEMS && !dump->cursor.done; i++) {
        store_walk(call->worker->store, &dump->cursor, 1, dump_visit_item, &visit);
    }
}

static void dump_end(struct mc_call *call, struct dump *dump) {
    reply_copy(call->reply, dump->kind == DUMP_MG ? CALL_LINE("EN") : CALL_LINE("END"));
    call->session->dump = NULL;
    listing_end(call);
    free(dump);
}

bool dump_continue(struct mc_call *call) {
    struct dump *dump = call->session->dump;
    if (!dump->empty && dump->items_left > 0) {
        dump_piece(call, dump);
        call->work += PROTOCOL_WORK_COSTLY;
    }
    if (dump->empty || dump->items_left == 0 || dump->cursor.done) {
        dump_end(call, dump);
    }
    call->yielded = true;
    return false;
}

void dump_begin(struct mc_call *call, enum dump_kind kind, bool empty, uint32_t items_max,
                uint32_t size_max) {
    struct dump *dump = listing_begin(call, MC_SESSION_DUMP, sizeof(*dump));
    if (dump == NULL) {
        return;
    }
    *dump = (struct dump){.kind = kind, .empty = empty, .items_left = items_max, .size_left = size_max};
    call->session->dump = dump;
}

void dump_discard(struct dump *dump) {
    free(dump);
}
