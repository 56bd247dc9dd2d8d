/* SPDX-License-Identifier: MIT
 *
 * put_record: how a value under way will be stored, in a record. An expiry tick is a Unix time there: another store counts its ticks
 * from another beginning.
 */
#ifndef PROTOCOL_PUT_RECORD_H
#define PROTOCOL_PUT_RECORD_H

#include "riposte/record.h"
#include "riposte/store.h"

/* An expiry tick as store_expiry takes it: 0 never, -1 at once, otherwise a Unix time. */
int64_t put_record_expiry(const struct store_worker *store, uint32_t tick);

void put_record_write(const struct put_options *options, const struct store_worker *store,
                      struct record_writer *writer);

/* The options, but for their tick, which store_expiry makes of *create_exptime. Bad where they cannot be. */
struct put_options put_record_read(struct record_reader *reader, int64_t *create_exptime);

#endif
