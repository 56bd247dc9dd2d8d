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
enum { WIRE_READS_MAX = 2 * FILTER_WORK_MAX };

static int wire_read(BIO *bio, char *data, size_t size_max, size_t *size) {
    struct tls_worker *worker = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *size = size_max < worker->received.size ? size_max : worker->received.size;
    if (*size == 0 || worker->reads >= WIRE_READS_MAX) {
        BIO_set_retry_read(bio);
        return 0;
    }
    worker->reads++;
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
