/* SPDX-License-Identifier: MIT
 *
 * flush_table: searching the table of flushed prefixes, making the next one, and judging items by it. See flush_table.h.
 */
#include "flush_table.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static struct bytes row_prefix(const struct flush_table *table, uint32_t index) {
    const char *texts = (const char *)&table->rows[table->count];
    return bytes_of(texts + table->rows[index].text, table->rows[index].size);
}

static int compare(struct bytes left, struct bytes right) {
    int order = memcmp(left.data, right.data, left.size < right.size ? left.size : right.size);
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

static size_t common_size(struct bytes left, struct bytes right) {
    size_t size = 0, size_max = left.size < right.size ? left.size : right.size;
    while (size < size_max && left.data[size] == right.data[size]) {
        size++;
    }
    return size;
}

static bool begins_with(struct bytes text, struct bytes prefix) {
    return text.size >= prefix.size && memcmp(text.data, prefix.data, prefix.size) == 0;
}

/* How many rows stand before `key` in the order; with `equal` also the one that is the same. */
static uint32_t rows_before(const struct flush_table *table, struct bytes key, bool equal) {
    uint32_t first = 0, last = table->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        int order = compare(row_prefix(table, middle), key);
        if (order < 0 || (equal && order == 0)) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first;
}

uint64_t flush_table_find(const struct flush_table *table, struct bytes key) {
    uint32_t before = rows_before(table, key, true);
    if (before == 0) {
        return 0;
    }
    const struct flush_row *row = &table->rows[before - 1];
    size_t common = common_size(row_prefix(table, before - 1), key);
    while (row->size > common) {
        if (row->parent == FLUSH_ROW_NONE) {
            return 0;
        }
        row = &table->rows[row->parent];
    }
    return row->number;
}

uint32_t flush_table_count_below(const struct flush_table *table, struct bytes prefix) {
    uint32_t first = rows_before(table, prefix, false), end = first;
    while (end < table->count && begins_with(row_prefix(table, end), prefix)) {
        end++;
    }
    return end - first;
}

bool flush_table_is_sound(const struct flush_table *table, size_t size) {
    size_t rows_size = sizeof(*table);
    if (size < rows_size || table->size != size || table->count == 0 ||
        table->count > STORE_FLUSHED_PREFIXES_MAX) {
        return false;
    }
    rows_size += table->count * sizeof(table->rows[0]);
    for (uint32_t i = 0; i < table->count; i++) {
        /* Not read before it is known to be there. */
        if (size < rows_size || (uint64_t)table->rows[i].text + table->rows[i].size > size - rows_size ||
            (table->rows[i].parent >= i && table->rows[i].parent != FLUSH_ROW_NONE)) {
            return false;
        }
    }
    return true;
}

/* --- making --- */

/* What a table under construction has got so far; its count is the final one from the start. */
struct making {
    struct flush_table *table;
    uint32_t rows_count;
    uint32_t texts_size;
};

static struct making making_begin(void *block, uint32_t count) {
    struct flush_table *table = block;
    table->count = count;
    return (struct making){.table = table};
}

static struct flush_row *making_add(struct making *making, struct bytes prefix, uint64_t number) {
    struct flush_table *table = making->table;
    struct flush_row *row = &table->rows[making->rows_count++];
    assert(making->rows_count <= table->count);
    *row = (struct flush_row){.number = number, .text = making->texts_size, .size = (uint8_t)prefix.size};
    memcpy((char *)&table->rows[table->count] + making->texts_size, prefix.data, prefix.size);
    making->texts_size += (uint32_t)prefix.size;
    return row;
}

/* The row before is the parent, or a parent of that one is, or there is none. */
static struct flush_table *making_end(const struct making *making) {
    struct flush_table *table = making->table;
    assert(making->rows_count == table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        uint16_t parent = i == 0 ? FLUSH_ROW_NONE : (uint16_t)(i - 1);
        while (parent != FLUSH_ROW_NONE && !begins_with(row_prefix(table, i), row_prefix(table, parent))) {
            parent = table->rows[parent].parent;
        }
        table->rows[i].parent = parent;
    }
    table->size = sizeof(*table) + table->count * sizeof(table->rows[0]) + making->texts_size;
    return table;
}

static size_t texts_size(const struct flush_table *table) {
    return table->size - sizeof(*table) - table->count * sizeof(table->rows[0]);
}

size_t flush_table_size_with(const struct flush_table *old, struct bytes prefix) {
    uint32_t count = old == NULL ? 0 : old->count;
    return sizeof(*old) + (count + 1) * sizeof(old->rows[0]) + (old == NULL ? 0 : texts_size(old)) +
           prefix.size;
}

struct flush_table *flush_table_make_with(void *block, const struct flush_table *old, struct bytes prefix,
                                          struct flush_row **row) {
    uint32_t old_count = old == NULL ? 0 : old->count;
    uint32_t before = old == NULL ? 0 : rows_before(old, prefix, false);
    uint32_t below = old == NULL ? 0 : flush_table_count_below(old, prefix);
    struct making making = making_begin(block, old_count - below + 1);
    for (uint32_t i = 0; i < before; i++) {
        making_add(&making, row_prefix(old, i), old->rows[i].number);
    }
    *row = making_add(&making, prefix, 0);
    for (uint32_t i = before + below; i < old_count; i++) {
        making_add(&making, row_prefix(old, i), old->rows[i].number);
    }
    return making_end(&making);
}

static uint32_t count_above(const struct flush_table *table, uint64_t number) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        count += table->rows[i].number > number;
    }
    return count;
}

size_t flush_table_size_above(const struct flush_table *old, uint64_t number) {
    return sizeof(*old) + count_above(old, number) * sizeof(old->rows[0]) + texts_size(old);
}

struct flush_table *flush_table_make_above(void *block, const struct flush_table *old, uint64_t number) {
    struct making making = making_begin(block, count_above(old, number));
    for (uint32_t i = 0; i < old->count; i++) {
        if (old->rows[i].number > number) {
            making_add(&making, row_prefix(old, i), old->rows[i].number);
        }
    }
    return making_end(&making);
}

/* --- judging items --- */

/* The number of the last flush of a prefix that has met the key; 0: none. */
static uint64_t flush_number_of(const struct store *store, struct bytes key) {
    /* acquire: pairs with table_publish (flush.c). */
    const struct flush_table *table = atomic_load_explicit(&store->flush_table, memory_order_acquire);
    return table == NULL ? 0 : flush_table_find(table, key);
}

static uint64_t item_order(const struct store *store, const struct item *item, uint32_t location) {
    return item_has(item, ITEM_DRAWN)
               ? item_own_cas(item)
               : arena_number(&store->arena, arena_segment_of(&store->arena, location));
}

bool flush_table_has_taken(const struct store *store, const struct item *item, uint32_t location) {
    uint64_t opened = arena_number(&store->arena, arena_segment_of(&store->arena, location));
    return opened < store_flush_number(store) ||
           item_order(store, item, location) < flush_number_of(store, item_key(item));
}

bool flush_table_is_low(struct store_worker *worker, const struct item *item, uint32_t location) {
    uint64_t number = flush_number_of(worker->store, item_key(item));
    if (item_order(worker->store, item, location) >= number) {
        return false;
    }
    if (worker->number_above < number) {
        worker->number_above = number;
    }
    return true;
}

void flush_table_before_copy(struct store_worker *worker, struct bytes key, enum segment_queue queue,
                             unsigned class) {
    const struct segment_open *open = &worker->open[queue][class];
    if (open->index != SEGMENT_NONE && open->number < flush_number_of(worker->store, key)) {
        segment_close(worker, queue, class);
    }
}
