/* SPDX-License-Identifier: MIT
 *
 * server_riposte: the filter of src/tls, given what the engine gives it; its output goes to the wire as the engine hands it
 * to the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "connection.h"
#include "reply.h"
#include "riposte/reply.h"
#include "riposte/tls.h"

enum { PLAIN_ROOM = 16384, PIECES_MAX = 8, UNSENT_SIZE_MAX = 1 << 20 };

static struct tls *tls;
static struct tls_worker *worker;
static struct reply_pool pool;
static struct reply output; /* of the connection whose turn it is; empty in between */
static char plain[PLAIN_ROOM];

static void create(void) {
    static char chain_path[64], key_path[64];
    static const struct tls_listen listen = {.used = true};
    char message[TLS_MESSAGE_SIZE_MAX];
    certificate_make(chain_path, key_path);
    struct tls_config config = {
        .certificates = {{chain_path, key_path}},
        .certificates_count = 1,
        .tickets = true,
        .listens = &listen,
        .listens_count = 1,
        .workers_max = 1,
    };
    must(tls_create(&config, &tls, message) == 0, message);
    worker = tls_worker_create(tls, 0);
    must(worker != NULL, "a worker");
    output.unsent_size_max = UNSENT_SIZE_MAX;
    output.pool = &pool;
}

static void output_take(struct connection *connection) {
    struct iovec pieces[PIECES_MAX];
    struct wire *out = &connection->to_client;
    size_t size = 0;
    unsigned count = reply_iov(&output, pieces, PIECES_MAX, &size);
    if (out->begin == out->end) {
        out->begin = out->end = 0;
    }
    must(size <= sizeof(out->bytes) - out->end, "room on the wire");
    for (unsigned i = 0; i < count; i++) {
        memcpy(out->bytes + out->end, pieces[i].iov_base, pieces[i].iov_len);
        out->end += pieces[i].iov_len;
    }
    reply_sent(&output, size);
}

static void open(struct connection *connection) {
    connection->server = calloc(1, tls_filter.state_size);
    must(connection->server != NULL, "memory");
    tls_filter.open(connection->server, &output, tls_worker_context(worker, 0));
}

static void receive(struct connection *connection) {
    struct wire *in = &connection->to_server;
    struct bytes wire = bytes_of((const char *)in->bytes + in->begin, in->end - in->begin);
    struct filter_progress progress = tls_filter.receive(connection->server, wire, plain, sizeof(plain),
                                                         &output, tls_worker_context(worker, 0));
    must(progress.next == FILTER_NEXT_INPUT && progress.consumed == wire.size, "receiving");
    in->begin = in->end = 0;
    connection->plain_size = progress.plain_size;
    output_take(connection);
}

static void send(struct connection *connection, size_t size) {
    struct iovec piece = {connection->plain, size};
    must(tls_filter.send(connection->server, &piece, 1, &output, tls_worker_context(worker, 0)) == size,
         "sending");
    output_take(connection);
}

static void close(struct connection *connection) {
    tls_filter.finish(connection->server, &output, tls_worker_context(worker, 0));
    output_take(connection);
    tls_filter.close(connection->server, tls_worker_context(worker, 0));
    free(connection->server);
}

static void destroy(void) {
    tls_worker_destroy(worker);
    tls_destroy(tls);
    reply_discard(&output);
    reply_pool_deinit(&pool);
}

const struct server_kind server_riposte = {"riposte", create, open, receive, send, close, destroy};
