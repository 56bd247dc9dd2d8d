/* SPDX-License-Identifier: MIT
 *
 * fuzz_engine_moved: the record of a frozen connection, as another process may have written it. What is read is whole: its output can
 * be walked to the end, has as many values as it says, and is written again as the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "moved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct moved *moved) {
    struct moved_walk walk = moved_walk(moved);
    uint64_t bytes_size = 0, file_size = 0;
    uint32_t values = 0;
    struct moved_piece piece;
    while ((piece = moved_next(&walk)).kind != MOVED_END) {
        assert(piece.size > 0);
        bytes_size += piece.kind == MOVED_BYTES ? piece.size : 0;
        file_size += piece.kind == MOVED_FILE ? piece.size : 0;
        values += piece.kind == MOVED_VALUE;
    }
    assert(!walk.bad);
    assert(bytes_size == moved->output.size + moved->output_rest.size);
    assert(file_size == moved->file_size);
    assert(values == moved_values_count(moved));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct moved moved;
    if (moved_read(bytes_of((const char *)data, size), &moved)) {
        struct record_writer again = {0};
        walk(&moved);
        assert(moved_write(&again, &moved));
        assert(again.size == size && memcmp(again.data, data, size) == 0);
        record_discard(&again);
    }
    return 0;
}
