/* SPDX-License-Identifier: MIT
 *
 * items: `stats items`, `stats slabs`, `stats cachedump`: what memcached says of its slab classes.
 * Items are not kept in classes here; they all show as class 1, and pages and chunks are what memcached-tool
 * needs to print a line.
 */
#include <stdio.h>

#include "dump.h"
#include "stats.h"
#include "tokens.h"

enum {
    NAME_SIZE_MAX = 64,
    PAGE_SIZE_SHOWN = 1 << 20,
    CLASS_COUNT = 64,             /* memcached's slab classes: 1 to 63 */
    CACHEDUMP_SIZE_MAX = 2 << 20, /* bytes */
};

/* "<prefix>:<class>:<name>", or "<class>:<name>" without a prefix. */
static void class_number(struct reply *reply, const char *prefix, const char *name, uint64_t value) {
    char text[NAME_SIZE_MAX];
    snprintf(text, sizeof(text), "%s%d:%s", prefix, ANSWER_ITEM_CLASS, name);
    stat_number(reply, text, value);
}

static void item_number(struct reply *reply, const char *name, uint64_t value) {
    class_number(reply, "items:", name, value);
}

static void item_counter(struct reply *reply, const char *name, const struct counter *counter) {
    item_number(reply, name, counter_read(counter));
}

static void items_lines(const struct mc_totals *totals, struct reply *reply) {
    static const char *const moves[] = {"moves_to_cold",   "moves_to_warm", "moves_within_lru",
                                        "direct_reclaims", "hits_to_hot",   "hits_to_warm",
                                        "hits_to_cold",    "hits_to_temp"};
    const struct store_counters *sums = &totals->store.sums;
    item_number(reply, "number", totals->store.items_count);
    item_number(reply, "number_hot", 0);
    item_number(reply, "number_warm", 0);
    item_number(reply, "number_cold", totals->store.items_count);
    item_number(reply, "age_hot", 0);
    item_number(reply, "age_warm", 0);
    item_number(reply, "age", 0);
    item_number(reply, "mem_requested", totals->store.items_size);
    item_counter(reply, "evicted", &sums->evictions);
    item_number(reply, "evicted_nonzero", 0);
    item_number(reply, "evicted_time", 0);
    item_counter(reply, "outofmemory", &sums->no_memory);
    item_number(reply, "tailrepairs", 0);
    item_counter(reply, "reclaimed", &sums->reclaimed);
    item_counter(reply, "expired_unfetched", &sums->expired_unfetched);
    item_counter(reply, "evicted_unfetched", &sums->evicted_unfetched);
    item_counter(reply, "evicted_active", &sums->evicted_active);
    item_counter(reply, "crawler_reclaimed", &sums->swept);
    item_counter(reply, "crawler_items_checked", &sums->sweep_checked);
    item_number(reply, "lrutail_reflocked", 0);
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        item_number(reply, moves[i], 0);
    }
}

void stats_items(struct mc_call *call, struct bytes arguments) {
    struct mc_totals totals;
    (void)arguments;
    counters_since_reset(call->worker->service, &totals);
    if (totals.store.items_count > 0) {
        items_lines(&totals, call->reply);
    }
    stats_end(call->reply);
}

static void slab_number(struct reply *reply, const char *name, uint64_t value) {
    class_number(reply, "", name, value);
}

/* Chunks of the average item's size: as many as there are items. */
static void slab_sizes(const struct store_levels *store, struct reply *reply) {
    uint64_t chunk_size = store->items_size / store->items_count;
    uint64_t chunks_per_page = PAGE_SIZE_SHOWN / (chunk_size > 0 ? chunk_size : 1);
    chunks_per_page = chunks_per_page > 0 ? chunks_per_page : 1;
    uint64_t pages = (store->items_count + chunks_per_page - 1) / chunks_per_page;
    slab_number(reply, "chunk_size", chunk_size);
    slab_number(reply, "chunks_per_page", chunks_per_page);
    slab_number(reply, "total_pages", pages);
    slab_number(reply, "total_chunks", pages * chunks_per_page);
    slab_number(reply, "used_chunks", store->items_count);
    slab_number(reply, "free_chunks", pages * chunks_per_page - store->items_count);
    slab_number(reply, "free_chunks_end", 0);
}

static void slab_commands(const struct mc_counts *counts, struct reply *reply) {
    slab_number(reply, "get_hits", counts->get_hits);
    slab_number(reply, "cmd_set", counts->cmd_set);
    slab_number(reply, "delete_hits", counts->delete_hits);
    slab_number(reply, "incr_hits", counts->incr_hits);
    slab_number(reply, "decr_hits", counts->decr_hits);
    slab_number(reply, "cas_hits", counts->cas_hits);
    slab_number(reply, "cas_badval", counts->cas_badval);
    slab_number(reply, "touch_hits", counts->touch_hits);
}

void stats_slabs(struct mc_call *call, struct bytes arguments) {
    struct mc_totals totals;
    bool any;
    (void)arguments;
    counters_since_reset(call->worker->service, &totals);
    any = totals.store.items_count > 0;
    if (any) {
        slab_sizes(&totals.store, call->reply);
        slab_commands(&totals.commands, call->reply);
    }
    stat_number(call->reply, "active_slabs", any);
    stat_number(call->reply, "total_malloced", totals.store.memory_size);
    stats_end(call->reply);
}

/* stats cachedump <class> <count>: 0 is no bound on the count. */
void stats_cachedump(struct mc_call *call, struct bytes arguments) {
    struct bytes class_text = tokens_next(&arguments);
    struct bytes count_text = tokens_next(&arguments);
    uint32_t class;
    uint32_t count;
    if (!call->worker->service->config.dump_enabled) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR stats cachedump not allowed"));
    } else if (count_text.size == 0) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR bad command line"));
    } else if (!bytes_parse_u32(class_text, &class) || !bytes_parse_u32(count_text, &count)) {
        call_fail(call, false, MC_ERROR_FORMAT);
    } else if (class >= CLASS_COUNT) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR Illegal slab id"));
    } else {
        dump_begin(call, DUMP_CACHE, class != ANSWER_ITEM_CLASS, count > 0 ? count : UINT32_MAX,
                   CACHEDUMP_SIZE_MAX);
    }
}
