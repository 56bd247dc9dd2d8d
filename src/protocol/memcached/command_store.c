/* SPDX-License-Identifier: MIT
 *
 * command_store: set, add, replace, append, prepend, cas, and the data block behind their lines.
 *
 *      line --> store_item_create --> all of the block here? --yes--> copied, ended, stored
 *                    |                                       \-no---> state VALUE: every call copies what came into the item
 *                    \--refused--> answer, state SWALLOW
 */
#include "command.h"
#include "riposte/check.h"

enum { LINE_END_SIZE = 2 };

static struct put_options put_options_for(enum mc_verb verb, uint64_t cas_unique) {
    switch (verb) {
    case MC_ADD:
        return (struct put_options){.mode = PUT_ADD};
    case MC_REPLACE:
        return (struct put_options){.mode = PUT_REPLACE};
    case MC_APPEND:
        return (struct put_options){.mode = PUT_APPEND};
    case MC_PREPEND:
        return (struct put_options){.mode = PUT_PREPEND};
    case MC_CAS:
        return (struct put_options){.mode = PUT_SET, .compare = true, .cas_expected = cas_unique};
    default:
        return (struct put_options){.mode = PUT_SET};
    }
}

static struct bytes put_line(enum store_status status) {
    switch (status) {
    case STORE_OK:
        return CALL_LINE("STORED");
    case STORE_MISS:
        return CALL_LINE("NOT_FOUND");
    case STORE_EXISTS:
        return CALL_LINE("EXISTS");
    case STORE_NOT_STORED:
        return CALL_LINE("NOT_STORED");
    case STORE_TOO_LARGE:
        return error_line(MC_ERROR_TOO_LARGE);
    case STORE_NO_MEMORY:
    case STORE_NOT_NUMBER:
        break;
    }
    return error_line(MC_ERROR_NO_MEMORY_STORE);
}

static void put_count(struct mc_counters *counters, enum mc_verb verb, enum store_status status) {
    counter_add(&counters->cmd_set, 1);
    if (verb == MC_CAS) {
        counter_add(status == STORE_OK       ? &counters->cas_hits
                    : status == STORE_EXISTS ? &counters->cas_badval
                                             : &counters->cas_misses,
                    1);
    }
}

/* The block is complete: stores the item, or gives it back when the block did not end as announced. */
static void put_finish(struct mc_call *call, struct item *item, enum mc_verb verb, uint64_t cas_unique,
                       bool noreply, bool end_is_wrong) {
    struct memcached_worker *worker = call->worker;
    call->requests++;
    if (unlikely(end_is_wrong)) {
        store_item_discard(worker->store, item);
        counter_add(&worker->counters.cmd_set, 1);
        call_fail(call, noreply, MC_ERROR_DATA_CHUNK);
        return;
    }
    struct put_options options = put_options_for(verb, cas_unique);
    enum store_status status = store_put(worker->store, item, &options, NULL);
    put_count(&worker->counters, verb, status);
    call_answer(call, noreply, put_line(status));
}

/* No room for the item: the client is told at once and its block skipped. A set must not leave the old value behind. */
static void put_refuse(struct mc_call *call, const struct mc_request *request, enum store_status status) {
    if (request->verb == MC_SET) {
        store_delete(call->worker->store, request->key, NULL, NULL);
    }
    call_answer(call, request->noreply, put_line(status));
    call->requests++;
    mc_swallow_begin(call, request->value_size + LINE_END_SIZE);
}

static void value_begin(struct mc_call *call, const struct mc_request *request, struct item *item) {
    struct mc_session *session = call->session;
    session->state = MC_SESSION_VALUE;
    session->item = item;
    session->verb = request->verb;
    session->cas_unique = request->number;
    session->value_size = request->value_size;
    session->received_size = 0;
    session->noreply = request->noreply;
    session->end_is_wrong = false;
    counter_add(&call->worker->counters.values_in_pieces, 1);
}

void mc_store(struct mc_call *call, const struct mc_request *request) {
    struct item *item;
    uint32_t expires_tick = store_expiry(call->worker->store, request->exptime);
    enum store_status status =
        store_item_create(call->worker->store, request->key, false, request->client_flags, expires_tick,
                          request->value_size, &item);
    if (unlikely(status != STORE_OK)) {
        put_refuse(call, request, status);
        return;
    }
    size_t value_size = request->value_size;
    if (unlikely((size_t)(call->end - call->at) < value_size + LINE_END_SIZE)) {
        value_begin(call, request, item);
        return;
    }
    memcpy(store_item_value(item), call->at, value_size);
    bool end_is_wrong = memcmp(call->at + value_size, "\r\n", LINE_END_SIZE) != 0;
    call->at += value_size + LINE_END_SIZE;
    put_finish(call, item, request->verb, request->number, request->noreply, end_is_wrong);
}

/* Takes what there is of the value. */
static void value_take(struct mc_call *call) {
    struct mc_session *session = call->session;
    if (session->received_size >= session->value_size) {
        return;
    }
    size_t missing_size = session->value_size - session->received_size;
    size_t here_size = (size_t)(call->end - call->at);
    size_t size = here_size < missing_size ? here_size : missing_size;
    memcpy(store_item_value(session->item) + session->received_size, call->at, size);
    session->received_size += (uint32_t)size;
    call->at += size;
}

/* Takes what there is of the line end behind the value; a wrong byte is remembered, not stored. */
static void value_take_end(struct mc_call *call) {
    struct mc_session *session = call->session;
    while (session->received_size >= session->value_size &&
           session->received_size < session->value_size + LINE_END_SIZE && call->at < call->end) {
        char expected = "\r\n"[session->received_size - session->value_size];
        session->end_is_wrong |= *call->at++ != expected;
        session->received_size++;
    }
}

bool mc_store_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    value_take(call);
    value_take_end(call);
    if (session->received_size < session->value_size + LINE_END_SIZE) {
        return false;
    }
    struct item *item = session->item;
    session->item = NULL;
    session->state = MC_SESSION_LINE;
    put_finish(call, item, session->verb, session->cas_unique, session->noreply, session->end_is_wrong);
    return true;
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
