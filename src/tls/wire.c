/* SPDX-License-Identifier: MIT
 *
 * wire: a kind of BIO. See wire.h.
 */
#include "wire.h"

#include <string.h>

#include "riposte/filter.h"
#include "riposte/reply.h"
#include "service.h"

/*
 * OpenSSL stays in one call for as long as there are records without data: those of a handshake, hellos that it refuses. So it finds
 * no more than so many at once.
 */
enum { WIRE_READS_MAX = FILTER_WORK_MAX };

enum { HEADER_SIZE = 5 }; /* type, version, and the size of the body in two bytes */

/* Goes on through `received` to the end of a record, size_max bytes at most. Returns how many bytes these are. */
static size_t record_advance(struct wire_record *record, struct bytes received, size_t size_max) {
    size_t size = 0, room = size_max < received.size ? size_max : received.size;
    for (; record->header_size < HEADER_SIZE && size < room; record->header_size++) {
        record->body_size = (uint16_t)(record->body_size << 8 | (uint8_t)received.data[size++]);
    }
    if (record->header_size < HEADER_SIZE) {
        return size;
    }
    size_t part = record->body_size < room - size ? record->body_size : room - size;
    record->body_size = (uint16_t)(record->body_size - part);
    if (record->body_size == 0) {
        record->header_size = 0;
    }
    return size + part;
}

static int wire_read(BIO *bio, char *data, size_t size_max, size_t *size) {
    struct tls_worker *worker = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (worker->received.size == 0 || worker->reads >= WIRE_READS_MAX) {
        BIO_set_retry_read(bio);
        return 0;
    }
    worker->reads++;
    *size = record_advance(worker->record, worker->received, size_max);
    memcpy(data, worker->received.data, *size);
    worker->received = bytes_after(worker->received, *size);
    return 1;
}

/* Never refuses: how much a connection may have unsent is the engine's to bound. */
static int wire_write(BIO *bio, const char *data, size_t size_max, size_t *size) {
    struct tls_worker *worker = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    reply_copy(worker->output, bytes_of(data, size_max));
    *size = size_max;
    return 1;
}

static long wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* all else is not known here */
}

static int wire_begin(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *wire_method_create(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (method != NULL && BIO_meth_set_read_ex(method, wire_read) &&
        BIO_meth_set_write_ex(method, wire_write) && BIO_meth_set_ctrl(method, wire_control) &&
        BIO_meth_set_create(method, wire_begin)) {
        return method;
    }
    BIO_meth_free(method);
    return NULL;
}

BIO *wire_create(struct tls_worker *worker) {
    BIO *bio = BIO_new(worker->tls->wire_method);
    if (bio != NULL) {
        BIO_set_data(bio, worker);
    }
    return bio;
}
