/* SPDX-License-Identifier: MIT
 *
 * put_record: writes the options of a store_put, and reads them.
 */
#include "put_record.h"

int64_t put_record_expiry(const struct store_worker *store, uint32_t tick) {
    if (tick == STORE_EXPIRES_NEVER) {
        return 0;
    }
    return tick == STORE_EXPIRED ? -1 : (int64_t)store_tick_unix_s(store, tick);
}

void put_record_write(const struct put_options *options, const struct store_worker *store,
                      struct record_writer *writer) {
    record_put_u8(writer, (uint8_t)options->mode);
    record_put_u8(writer, options->compare);
    record_put_u64(writer, options->cas_expected);
    record_put_u8(writer, options->invalidate);
    record_put_u64(writer, options->cas_new);
    record_put_u8(writer, options->create);
    record_put_u64(writer, (uint64_t)put_record_expiry(store, options->create_expires_tick));
}

struct put_options put_record_read(struct record_reader *reader, int64_t *create_exptime) {
    struct put_options options = {0};
    uint8_t mode = record_get_u8(reader);
    reader->bad |= mode > PUT_PREPEND;
    options.mode = reader->bad ? PUT_SET : (enum put_mode)mode;
    options.compare = record_get_bool(reader);
    options.cas_expected = record_get_u64(reader);
    options.invalidate = record_get_bool(reader);
    options.cas_new = record_get_u64(reader);
    options.create = record_get_bool(reader);
    *create_exptime = (int64_t)record_get_u64(reader);
    return options;
}
