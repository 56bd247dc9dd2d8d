/* SPDX-License-Identifier: MIT
 *
 * prefixes: a table of twice as many slots as prefixes, open addressing, no removal but of all: a prefix
 * stays in its slot, so that a listing that goes on from slot to slot shows none twice.
 */
#include "prefixes.h"

#include <pthread.h>
#include <stdlib.h>

#include "riposte/store.h"
#include "line.h"

enum {
    SLOTS_COUNT = 2 * PREFIXES_MAX,
    PIECE_PREFIXES = 32, /* of a listing, before others come first; some 4 KiB of lines */
    PIECE_SLOTS = 1024,  /* looked at for them: 8 KiB of pointers */
    PREFIX_LINE_SIZE_MAX = STORE_KEY_SIZE_MAX + 5 * BYTES_U64_DIGITS_MAX + 64,
};

struct prefix {
    struct prefix_counts counts;
    uint8_t size; /* bytes of text, below STORE_KEY_SIZE_MAX */
    char text[];
};

struct prefixes {
    char delimiter; /* constant */
    pthread_mutex_t lock;
    unsigned count;
    struct prefix **slots; /* SLOTS_COUNT; NULL until the first prefix: most servers never have one */
};

struct prefixes *prefixes_create(char delimiter) {
    struct prefixes *prefixes = calloc(1, sizeof(*prefixes));
    if (prefixes != NULL) {
        prefixes->delimiter = delimiter;
        pthread_mutex_init(&prefixes->lock, NULL);
    }
    return prefixes;
}

void prefixes_destroy(struct prefixes *prefixes) {
    prefixes_reset(prefixes);
    pthread_mutex_destroy(&prefixes->lock);
    free(prefixes);
}

/* FNV-1a: short texts, no adversary to gain anything but a slower `stats detail`. */
static uint32_t prefix_hash(struct bytes text) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * 16777619u;
    }
    return hash;
}

static struct prefix *prefix_create(struct bytes text) {
    struct prefix *prefix = calloc(1, sizeof(*prefix) + text.size);
    if (prefix != NULL) {
        prefix->size = (uint8_t)text.size;
        memcpy(prefix->text, text.data, text.size);
    }
    return prefix;
}

/* The prefix, made when there is room; NULL otherwise. With the lock held. */
static struct prefix *prefixes_find(struct prefixes *prefixes, struct bytes text) {
    if (prefixes->slots == NULL) {
        prefixes->slots = calloc(SLOTS_COUNT, sizeof(struct prefix *));
        if (prefixes->slots == NULL) {
            return NULL;
        }
    }
    uint32_t slot = prefix_hash(text) % SLOTS_COUNT;
    while (prefixes->slots[slot] != NULL) {
        struct prefix *prefix = prefixes->slots[slot];
        if (bytes_equal(bytes_of(prefix->text, prefix->size), text)) {
            return prefix;
        }
        slot = (slot + 1) % SLOTS_COUNT;
    }
    if (prefixes->count == PREFIXES_MAX) {
        return NULL;
    }
    prefixes->slots[slot] = prefix_create(text);
    prefixes->count += prefixes->slots[slot] != NULL;
    return prefixes->slots[slot];
}

void prefixes_count(struct prefixes *prefixes, struct bytes key, struct prefix_counts counts) {
    const char *delimiter = memchr(key.data, prefixes->delimiter, key.size);
    if (delimiter == NULL) {
        return;
    }
    pthread_mutex_lock(&prefixes->lock);
    struct prefix *prefix = prefixes_find(prefixes, bytes_of(key.data, (size_t)(delimiter - key.data)));
    if (prefix != NULL) {
        prefix->counts.gets += counts.gets;
        prefix->counts.hits += counts.hits;
        prefix->counts.sets += counts.sets;
        prefix->counts.deletes += counts.deletes;
    }
    pthread_mutex_unlock(&prefixes->lock);
}

/* The table is taken out under the lock and freed behind it: it may be large, and every worker takes the lock. */
void prefixes_reset(struct prefixes *prefixes) {
    pthread_mutex_lock(&prefixes->lock);
    struct prefix **slots = prefixes->slots;
    prefixes->slots = NULL;
    prefixes->count = 0;
    pthread_mutex_unlock(&prefixes->lock);
    for (unsigned i = 0; slots != NULL && i < SLOTS_COUNT; i++) {
        free(slots[i]);
    }
    free(slots);
}

/* --- a listing ------------------------------------------------------------------------------------------ */

/* A copy, to be written without the lock. */
struct prefix_row {
    struct prefix_counts counts;
    uint8_t size;
    char text[STORE_KEY_SIZE_MAX];
};

/* Copies prefixes from slot *slot on, which it moves on; returns how many. *slot is SLOTS_COUNT at the end. */
static unsigned rows_read(struct prefixes *prefixes, uint32_t *slot, struct prefix_row rows[PIECE_PREFIXES]) {
    unsigned count = 0;
    pthread_mutex_lock(&prefixes->lock);
    uint32_t stop =
        prefixes->slots == NULL || SLOTS_COUNT - *slot < PIECE_SLOTS ? SLOTS_COUNT : *slot + PIECE_SLOTS;
    if (prefixes->slots == NULL) {
        *slot = stop;
    }
    for (; *slot < stop && count < PIECE_PREFIXES; (*slot)++) {
        const struct prefix *prefix = prefixes->slots[*slot];
        if (prefix != NULL) {
            struct prefix_row *row = &rows[count++];
            row->counts = prefix->counts;
            row->size = prefix->size;
            memcpy(row->text, prefix->text, prefix->size);
        }
    }
    pthread_mutex_unlock(&prefixes->lock);
    return count;
}

static void row_write(const struct prefix_row *row, struct reply *reply) {
    char *line = reply_reserve(reply, PREFIX_LINE_SIZE_MAX);
    char *at = line_bytes(line_text(line, "PREFIX "), bytes_of(row->text, row->size));
    at = number_write(line_text(at, " get "), row->counts.gets);
    at = number_write(line_text(at, " hit "), row->counts.hits);
    at = number_write(line_text(at, " set "), row->counts.sets);
    at = number_write(line_text(at, " del "), row->counts.deletes);
    at = line_text(at, "\r\n");
    reply_commit(reply, (size_t)(at - line));
}

void prefixes_dump_begin(struct mc_call *call) {
    if (!service_listing_begin(call->worker->service)) {
        call_answer(call, false, CALL_BUSY);
        return;
    }
    call->session->prefix_slot = 0;
    call->session->state = MC_SESSION_PREFIXES;
}

bool prefixes_dump_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    struct prefix_row rows[PIECE_PREFIXES];
    unsigned count = rows_read(call->worker->service->prefixes, &session->prefix_slot, rows);
    for (unsigned i = 0; i < count; i++) {
        row_write(&rows[i], call->reply);
    }
    if (session->prefix_slot == SLOTS_COUNT) {
        reply_copy(call->reply, CALL_LINE("END"));
        session->state = MC_SESSION_LINE;
        service_listing_end(call->worker->service);
        call->requests++;
    }
    call->yielded = true;
    call->costly = true;
    return false;
}
