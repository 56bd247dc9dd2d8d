/* SPDX-License-Identifier: MIT
 *
 * command_store: set, add, replace, append, prepend, cas.
 */
#include "command.h"
#include "observe.h"
#include "put.h"
#include "riposte/check.h"

static struct put_options put_options_for(const struct mc_request *request) {
    switch (request->verb) {
    case MC_ADD:
        return (struct put_options){.mode = PUT_ADD};
    case MC_REPLACE:
        return (struct put_options){.mode = PUT_REPLACE};
    case MC_APPEND:
        return (struct put_options){.mode = PUT_APPEND};
    case MC_PREPEND:
        return (struct put_options){.mode = PUT_PREPEND};
    case MC_CAS:
        return (struct put_options){.mode = PUT_SET, .compare = true, .cas_expected = request->number};
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

static void store_answer(const struct mc_call *call, const struct mc_put *put, enum store_status status,
                         const struct put_result *result) {
    (void)result;
    call_answer(call, put->noreply, put_line(status));
}

void mc_store(struct mc_call *call, const struct mc_request *request) {
    struct mc_put put = {
        .options = put_options_for(request),
        .noreply = request->noreply,
        .is_cas = request->verb == MC_CAS,
        .replaces = request->verb == MC_SET,
        .answer = store_answer,
        .key_text = request->key,
        .flags = bytes_of(request->key.data + request->key.size, 0),
        .expires_tick = store_expiry(call->worker->store, request->exptime),
        .value_size = request->value_size,
    };
    struct mc_put_item item = {
        .key = request->key,
        .client_flags = request->client_flags,
        .expires_tick = put.expires_tick,
        .value_size = request->value_size,
    };
    if (unlikely(call->observed)) {
        observe_set(call, request->key);
    }
    mc_put_begin(call, &put, &item);
}
