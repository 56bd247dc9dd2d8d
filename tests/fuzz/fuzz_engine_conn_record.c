/* SPDX-License-Identifier: MIT
 *
 * fuzz_engine_conn_record: the record of a frozen connection, as another process may have written it. What is read is whole: its output can
 * be walked to the end, has as many values as it says, and is written again as the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "conn_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct conn_record *record) {
    struct conn_record_walk walk = conn_record_walk(record);
    uint64_t bytes_size = 0, file_size = 0;
    uint32_t values = 0;
    struct conn_record_piece piece;
    while ((piece = conn_record_next(&walk)).kind != CONN_RECORD_END) {
        assert(piece.size > 0);
        bytes_size += piece.kind == CONN_RECORD_BYTES ? piece.size : 0;
        file_size += piece.kind == CONN_RECORD_FILE ? piece.size : 0;
        values += piece.kind == CONN_RECORD_VALUE;
    }
    assert(!walk.bad);
    assert(bytes_size == record->output.size + record->output_rest.size);
    assert(file_size == record->file_size);
    assert(values == conn_record_values_count(record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct conn_record record;
    if (conn_record_read(bytes_of((const char *)data, size), &record)) {
        struct record_writer again = {0};
        walk(&record);
        assert(conn_record_write(&again, &record));
        assert(again.size == size && memcmp(again.data, data, size) == 0);
        record_discard(&again);
    }
    return 0;
}
