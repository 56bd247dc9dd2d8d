/* SPDX-License-Identifier: MIT
 *
 * fuzz_store_stream: frames of a stream of items, behind a head that is right, taken into a store. Whatever they say the store is whole, and
 * can be used, filled and written out again, unless they were refused.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "portable.h"
#include "riposte/clock.h"
#include "riposte/store_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t now_ns = 1000 * CLOCK_NS_PER_S;

/* Some sets, until others have to go for them. */
static void use(struct store *store) {
    struct store_worker *worker = store_worker_join(store, now_ns);
    static const char value[1000];
    assert(worker != NULL);
    for (uint32_t i = 0; i < 64; i++) {
        char key[sizeof(i)];
        memcpy(key, &i, sizeof(i));
        struct store_record set = {.key = bytes_of(key, sizeof(key)),
                                   .value = bytes_of(value, sizeof(value))};
        set.hash = store_hash(worker, set.key);
        store_set(worker, &set);
        store_quiescent(worker, now_ns + i * CLOCK_NS_PER_S);
    }
    store_worker_leave(worker);
}

static void write_out(struct store *store) {
    struct record_writer piece = {0};
    struct store_export *source = store_export_begin(store, now_ns + 64 * CLOCK_NS_PER_S);
    bool good = source != NULL;
    while (good && (good = store_export_next(source, 1000, &piece)) && piece.size > 0) {
        struct bytes frames;
        assert(portable_open(bytes_of(piece.data, piece.size), &frames));
    }
    assert(good);
    store_export_end(source);
    record_discard(&piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct store_config config = {.memory_size_max = STORE_MEMORY_SIZE_MIN,
                                        .item_size_max = 16 * 1024,
                                        .evict = true,
                                        .workers_max = 1,
                                        .hash_seed = 1,
                                        .index_power_min = 6};
    size_t piece_size = PORTABLE_PIECE_HEAD_SIZE + size;
    char *piece = malloc(piece_size);
    struct store *store;
    struct store_imported imported;
    assert(piece != NULL && store_create(&config, &store) == 0);
    memcpy(piece + PORTABLE_PIECE_HEAD_SIZE, data, size);
    portable_seal(piece, piece_size);
    struct store_import *target = store_import_begin(store, SIZE_MAX, now_ns);
    assert(target != NULL);
    enum store_import_outcome outcome = store_import_take(target, bytes_of(piece, piece_size));
    store_import_end(target, &imported);
    free(piece);
    assert(index_check(store));
    if (outcome != STORE_IMPORT_BAD) {
        use(store);
        assert(index_check(store));
        write_out(store);
    }
    store_destroy(store);
    return 0;
}
