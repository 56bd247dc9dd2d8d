/* SPDX-License-Identifier: MIT
 *
 * put: see put.h.
 */
#include "put.h"

#include <stdlib.h>

#include "observe.h"
#include "riposte/check.h"
#include "upload.h"

enum { LINE_END_SIZE = 2 };

/* Allocated when a block is not all there with its line, so that connections without one stay small. */
struct put_upload {
    struct upload upload;
    struct mc_put put; /* its slices point into `text` */
    struct item *item; /* owned until it is stored or discarded */
    char text[];       /* what put.key_text to put.flags was in the line */
};

static void put_count(struct mc_counters *counters, const struct mc_put *put, enum store_status status) {
    counter_add(&counters->cmd_set, 1);
    if (unlikely(put->is_cas)) {
        counter_add(status == STORE_OK       ? &counters->cas_hits
                    : status == STORE_EXISTS ? &counters->cas_badval
                                             : &counters->cas_misses,
                    1);
    }
}

/* The block is complete: stores the item, or gives it back when the block did not end as announced. */
static void put_finish(struct mc_call *call, const struct mc_put *put, struct item *item, bool end_is_wrong) {
    struct memcached_worker *worker = call->worker;
    call->requests++;
    if (unlikely(end_is_wrong)) {
        store_item_discard(worker->store, item);
        counter_add(&worker->counters.cmd_set, 1);
        call_fail(call, put->noreply, MC_ERROR_DATA_CHUNK);
        return;
    }
    struct put_result result = {0};
    enum store_status status = store_put(worker->store, item, &put->options, &result);
    put_count(&worker->counters, put, status);
    put->answer(call, put, status, &result);
    if (unlikely(call->observed)) {
        observe_stored(call, put, status, &result);
    }
}

/* No room: the client is told at once and its block is skipped. */
static void put_refuse(struct mc_call *call, const struct mc_put *put, const struct mc_put_item *item,
                       enum store_status status, enum mc_error error) {
    if (unlikely(call->observed)) {
        observe_stored(call, put, status, NULL);
    }
    if (put->replaces) {
        store_delete(call->worker->store, item->key, NULL, NULL);
    }
    call_fail(call, put->noreply, error);
    call->requests++;
    mc_swallow_begin(call, item->value_size + LINE_END_SIZE);
}

/* Copies the part of the line that the answer needs and points the slices to the copy. */
static void text_keep(struct put_upload *upload, size_t text_size) {
    struct mc_put *put = &upload->put;
    if (text_size == 0) {
        return;
    }
    memcpy(upload->text, put->key_text.data, text_size);
    put->flags.data = upload->text + (put->flags.data - put->key_text.data);
    put->key_text.data = upload->text;
}

static struct put_upload *put_upload_create(const struct mc_put *put, struct item *item,
                                            uint32_t value_size) {
    size_t text_size =
        put->key_text.size > 0 ? (size_t)(put->flags.data + put->flags.size - put->key_text.data) : 0;
    struct put_upload *upload = malloc(sizeof(*upload) + text_size);
    if (upload == NULL) {
        return NULL;
    }
    *upload = (struct put_upload){.put = *put, .item = item};
    upload_init(&upload->upload, store_item_value(item), value_size, bytes_of("\r\n", LINE_END_SIZE));
    text_keep(upload, text_size);
    return upload;
}

/* The block comes in pieces. */
static void put_wait(struct mc_call *call, const struct mc_put *put, const struct mc_put_item *item,
                     struct item *stored) {
    struct put_upload *upload = put_upload_create(put, stored, item->value_size);
    if (upload == NULL) {
        store_item_discard(call->worker->store, stored);
        put_refuse(call, put, item, STORE_NO_MEMORY, MC_ERROR_NO_MEMORY_READ);
        return;
    }
    counter_add(&call->worker->counters.values_in_pieces, 1);
    call->session->upload = upload;
    call->session->state = MC_SESSION_VALUE;
}

void mc_put_begin(struct mc_call *call, const struct mc_put *put, const struct mc_put_item *item) {
    struct item *stored;
    enum store_status status =
        store_item_create(call->worker->store, item->key, item->key_is_binary, item->client_flags,
                          item->expires_tick, item->value_size, &stored);
    if (unlikely(status != STORE_OK)) {
        put_refuse(call, put, item, status,
                   status == STORE_TOO_LARGE ? MC_ERROR_TOO_LARGE : MC_ERROR_NO_MEMORY_STORE);
        return;
    }
    size_t value_size = item->value_size;
    if (unlikely((size_t)(call->end - call->at) < value_size + LINE_END_SIZE)) {
        put_wait(call, put, item, stored);
        return;
    }
    memcpy(store_item_value(stored), call->at, value_size);
    bool end_is_wrong = memcmp(call->at + value_size, "\r\n", LINE_END_SIZE) != 0;
    call->at += value_size + LINE_END_SIZE;
    put_finish(call, put, stored, end_is_wrong);
}

bool mc_put_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    struct put_upload *upload = session->upload;
    call->at += upload_take(&upload->upload, call_unread(call));
    if (!upload_complete(&upload->upload)) {
        return false;
    }
    session->upload = NULL;
    session->state = MC_SESSION_LINE;
    put_finish(call, &upload->put, upload->item, upload->upload.end_is_wrong);
    free(upload);
    return true;
}

void put_upload_discard(struct memcached_worker *worker, struct put_upload *upload) {
    store_item_discard(worker->store, upload->item);
    free(upload);
}

void mc_swallow_begin(struct mc_call *call, uint32_t size) {
    assert(size > 0);
    call->session->state = MC_SESSION_SWALLOW;
    call->session->swallow_size = size;
}

bool mc_swallow_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    size_t here_size = (size_t)(call->end - call->at);
    size_t size = here_size < session->swallow_size ? here_size : session->swallow_size;
    call->at += size;
    session->swallow_size -= (uint32_t)size;
    if (session->swallow_size > 0) {
        return false;
    }
    session->state = MC_SESSION_LINE;
    return true;
}
