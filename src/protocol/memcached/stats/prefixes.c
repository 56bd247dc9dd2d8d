/* SPDX-License-Identifier: MIT
 *
 * prefixes: tables of twice as many slots as prefixes, open addressing, no removal but of all: a prefix stays in
 * its slot, so that a listing that goes on from slot to slot sees none twice.
 */
#include "prefixes.h"

#include <pthread.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "line.h"
#include "listing.h"
#include "riposte/random.h"
#include "riposte/store.h"

enum {
    SLOTS_COUNT = 2 * PREFIXES_MAX,
    PIECE_PREFIXES = 32, /* of a listing, before others come first; some 4 KiB of lines */
    PIECE_SLOTS = 1024,  /* looked at for them: 8 KiB of pointers */
    PIECE_WORKERS = 16,  /* the same of workers that have none */
    PREFIX_LINE_SIZE_MAX = STORE_KEY_SIZE_MAX + 5 * BYTES_U64_DIGITS_MAX + 64,
};

struct prefix {
    struct prefix_counts counts;
    uint8_t size; /* bytes of text, below STORE_KEY_SIZE_MAX */
    char text[];
};

struct prefix_table {
    unsigned count;
    struct prefix **slots; /* SLOTS_COUNT; NULL until the first prefix: most servers never have one */
};

struct prefixes {
    char delimiter; /* constant, both */
    uint64_t seed;
    _Atomic size_t memory_size; /* of all tables */
};

struct prefixes_worker {
    struct prefixes *prefixes; /* borrowed */
    pthread_mutex_t lock;      /* of the table; a leaf */
    struct prefix_table table;
};

struct prefixes_dump {
    struct prefixes *prefixes; /* borrowed */
    struct prefix_table table; /* the sums */
    unsigned worker_index;     /* whose table is gathered; config.workers_max: all are */
    uint32_t slot;             /* of that table, then of the own one */
};

/* --- a table ---------------------------------------------------------------------------------------------- */

/* Memory within the bound of all; NULL where there is none left. relaxed, here and below: a sum, it orders nothing. */
static void *memory_take(struct prefixes *prefixes, size_t size) {
    size_t before = atomic_fetch_add_explicit(&prefixes->memory_size, size, memory_order_relaxed);
    void *memory = before + size <= PREFIXES_MEMORY_MAX ? calloc(1, size) : NULL;
    if (memory == NULL) {
        atomic_fetch_sub_explicit(&prefixes->memory_size, size, memory_order_relaxed);
    }
    return memory;
}

static void memory_give(struct prefixes *prefixes, void *memory, size_t size) {
    if (memory != NULL) {
        atomic_fetch_sub_explicit(&prefixes->memory_size, size, memory_order_relaxed);
        free(memory);
    }
}

static size_t prefix_memory_size(size_t text_size) {
    return sizeof(struct prefix) + text_size;
}

static struct prefix *prefix_create(struct prefixes *prefixes, struct bytes text) {
    struct prefix *prefix = memory_take(prefixes, prefix_memory_size(text.size));
    if (prefix != NULL) {
        prefix->size = (uint8_t)text.size;
        memcpy(prefix->text, text.data, text.size);
    }
    return prefix;
}

/* The prefix, made when there is room; NULL otherwise. */
static struct prefix *table_find(struct prefixes *prefixes, struct prefix_table *table, struct bytes text) {
    if (table->slots == NULL) {
        table->slots = memory_take(prefixes, SLOTS_COUNT * sizeof(struct prefix *));
        if (table->slots == NULL) {
            return NULL;
        }
    }
    uint32_t slot = (uint32_t)XXH3_64bits_withSeed(text.data, text.size, prefixes->seed) % SLOTS_COUNT;
    while (table->slots[slot] != NULL) {
        struct prefix *prefix = table->slots[slot];
        if (bytes_equal(bytes_of(prefix->text, prefix->size), text)) {
            return prefix;
        }
        slot = (slot + 1) % SLOTS_COUNT;
    }
    if (table->count == PREFIXES_MAX) {
        return NULL;
    }
    table->slots[slot] = prefix_create(prefixes, text);
    table->count += table->slots[slot] != NULL;
    return table->slots[slot];
}

/* False when there is no room for it. */
static bool table_add(struct prefixes *prefixes, struct prefix_table *table, struct bytes text,
                      const struct prefix_counts *counts) {
    struct prefix *prefix = table_find(prefixes, table, text);
    if (prefix == NULL) {
        return false;
    }
    prefix->counts.gets += counts->gets;
    prefix->counts.hits += counts->hits;
    prefix->counts.sets += counts->sets;
    prefix->counts.deletes += counts->deletes;
    return true;
}

static void table_free(struct prefixes *prefixes, struct prefix_table *table) {
    for (unsigned i = 0; table->slots != NULL && i < SLOTS_COUNT; i++) {
        if (table->slots[i] != NULL) {
            memory_give(prefixes, table->slots[i], prefix_memory_size(table->slots[i]->size));
        }
    }
    memory_give(prefixes, table->slots, SLOTS_COUNT * sizeof(struct prefix *));
    *table = (struct prefix_table){0};
}

/* --- what all share, and a worker's own ------------------------------------------------------------------- */

struct prefixes *prefixes_create(char delimiter) {
    struct prefixes *prefixes = calloc(1, sizeof(*prefixes));
    if (prefixes != NULL) {
        prefixes->delimiter = delimiter;
        prefixes->seed = random_seed();
    }
    return prefixes;
}

void prefixes_destroy(struct prefixes *prefixes) {
    assert(prefixes_memory_size(prefixes) == 0);
    free(prefixes);
}

size_t prefixes_memory_size(const struct prefixes *prefixes) {
    return atomic_load_explicit(&prefixes->memory_size, memory_order_relaxed);
}

struct prefixes_worker *prefixes_worker_create(struct prefixes *prefixes) {
    struct prefixes_worker *own = calloc(1, sizeof(*own));
    if (own != NULL) {
        own->prefixes = prefixes;
        pthread_mutex_init(&own->lock, NULL);
    }
    return own;
}

void prefixes_worker_destroy(struct prefixes_worker *own) {
    table_free(own->prefixes, &own->table);
    pthread_mutex_destroy(&own->lock);
    free(own);
}

bool prefixes_count(struct prefixes_worker *own, struct bytes key, struct prefix_counts counts) {
    const char *delimiter = memchr(key.data, own->prefixes->delimiter, key.size);
    if (delimiter == NULL) {
        return true;
    }
    pthread_mutex_lock(&own->lock);
    bool counted =
        table_add(own->prefixes, &own->table, bytes_of(key.data, (size_t)(delimiter - key.data)), &counts);
    pthread_mutex_unlock(&own->lock);
    return counted;
}

/* A worker's table, which is empty then: it may be large, and is freed when nobody waits for it. */
static struct prefix_table worker_take(struct memcached_service *service, unsigned index) {
    struct prefix_table table = {0};
    pthread_rwlock_rdlock(&service->lock); /* the worker stays */
    struct memcached_worker *worker = service->workers[index];
    if (worker != NULL) {
        pthread_mutex_lock(&worker->prefixes->lock);
        table = worker->prefixes->table;
        worker->prefixes->table = (struct prefix_table){0};
        pthread_mutex_unlock(&worker->prefixes->lock);
    }
    pthread_rwlock_unlock(&service->lock);
    return table;
}

void prefixes_reset(struct memcached_service *service) {
    for (unsigned i = 0; i < service->config.workers_max; i++) {
        struct prefix_table table = worker_take(service, i);
        table_free(service->prefixes, &table);
    }
}

/* --- a listing: gathered ---------------------------------------------------------------------------------- */

/* A copy, to be added without the lock. */
struct prefix_row {
    struct prefix_counts counts;
    uint8_t size;
    char text[STORE_KEY_SIZE_MAX];
};

/* Copies prefixes from slot *slot on, which it moves on; returns how many. *slot is SLOTS_COUNT at the end. */
static unsigned rows_read(const struct prefix_table *table, uint32_t *slot,
                          struct prefix_row rows[PIECE_PREFIXES]) {
    unsigned count = 0;
    uint32_t stop =
        table->slots == NULL || SLOTS_COUNT - *slot < PIECE_SLOTS ? SLOTS_COUNT : *slot + PIECE_SLOTS;
    if (table->slots == NULL) {
        *slot = stop;
    }
    for (; *slot < stop && count < PIECE_PREFIXES; (*slot)++) {
        const struct prefix *prefix = table->slots[*slot];
        if (prefix != NULL) {
            struct prefix_row *row = &rows[count++];
            row->counts = prefix->counts;
            row->size = prefix->size;
            memcpy(row->text, prefix->text, prefix->size);
        }
    }
    return count;
}

/* The same of a worker's, which may be gone or have nothing. */
static unsigned worker_read(struct memcached_service *service, struct prefixes_dump *dump,
                            struct prefix_row rows[PIECE_PREFIXES]) {
    static const struct prefix_table empty;
    unsigned count;
    pthread_rwlock_rdlock(&service->lock); /* the worker stays */
    struct memcached_worker *worker = service->workers[dump->worker_index];
    if (worker == NULL) {
        count = rows_read(&empty, &dump->slot, rows);
    } else {
        pthread_mutex_lock(&worker->prefixes->lock);
        count = rows_read(&worker->prefixes->table, &dump->slot, rows);
        pthread_mutex_unlock(&worker->prefixes->lock);
    }
    pthread_rwlock_unlock(&service->lock);
    if (dump->slot == SLOTS_COUNT) {
        dump->slot = 0;
        dump->worker_index++;
    }
    return count;
}

/* False when memory has ended. What is beyond PREFIXES_MAX in the sum is left out, as a worker does. */
static bool dump_gather(struct memcached_service *service, struct prefixes_dump *dump) {
    struct prefix_row rows[PIECE_PREFIXES];
    unsigned count = 0;
    for (unsigned i = 0; i < PIECE_WORKERS && count == 0 && dump->worker_index < service->config.workers_max;
         i++) {
        count = worker_read(service, dump, rows);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!table_add(dump->prefixes, &dump->table, bytes_of(rows[i].text, rows[i].size), &rows[i].counts) &&
            dump->table.count < PREFIXES_MAX) {
            return false;
        }
    }
    return true;
}

/* --- a listing: written ----------------------------------------------------------------------------------- */

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

/* True when it was the last piece. */
static bool dump_write(struct prefixes_dump *dump, struct reply *reply) {
    struct prefix_row rows[PIECE_PREFIXES];
    unsigned count = rows_read(&dump->table, &dump->slot, rows);
    for (unsigned i = 0; i < count; i++) {
        row_write(&rows[i], reply);
    }
    return dump->slot == SLOTS_COUNT;
}

void prefixes_dump_begin(struct mc_call *call) {
    struct prefixes_dump *dump = listing_begin(call, MC_SESSION_PREFIXES, sizeof(*dump));
    if (dump != NULL) {
        dump->prefixes = call->worker->service->prefixes;
        call->session->prefixes = dump;
    }
}

void prefixes_dump_discard(struct prefixes_dump *dump) {
    table_free(dump->prefixes, &dump->table);
    free(dump);
}

static void dump_end(struct mc_call *call) {
    prefixes_dump_discard(call->session->prefixes);
    call->session->prefixes = NULL;
    listing_end(call);
}

bool prefixes_dump_continue(struct mc_call *call) {
    struct memcached_service *service = call->worker->service;
    struct prefixes_dump *dump = call->session->prefixes;
    if (dump->worker_index < service->config.workers_max) {
        if (!dump_gather(service, dump)) {
            call_fail(call, false, MC_ERROR_NO_MEMORY_STATS);
            dump_end(call);
        }
    } else if (dump_write(dump, call->reply)) {
        reply_copy(call->reply, CALL_LINE("END"));
        dump_end(call);
    }
    call->yielded = true;
    call->work += PROTOCOL_WORK_COSTLY;
    return false;
}
