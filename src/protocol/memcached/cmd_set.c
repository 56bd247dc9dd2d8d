/* SPDX-License-Identifier: MIT
 *
 * cmd_set: set, add, replace, append, prepend and cas, but for their data block (cmd_store.c).
 */
#include "cmd_store.h"
#include "log/events.h"
#include "riposte/check.h"

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
        return answer_error(MC_ERROR_TOO_LARGE);
    case STORE_NO_MEMORY:
    case STORE_NOT_NUMBER:
        break;
    }
    return answer_error(MC_ERROR_NO_MEMORY_STORE);
}

void cmd_store_answer(const struct mc_call *call, const struct store_block *block, enum store_status status,
                      const struct put_result *result) {
    (void)result;
    call_answer(call, block->noreply, put_line(status));
}

static void store_begin(struct mc_call *call, const struct mc_request *request,
                        const struct put_options *options) {
    struct store_block block = {
        .options = *options,
        .noreply = request->noreply,
        .is_cas = options->compare,
        .replaces = options->mode == PUT_SET && !options->compare,
        .answer = cmd_store_answer,
        .key_text = request->key,
        .flags = bytes_of(request->key.data + request->key.size, 0),
        .client_flags = request->client_flags,
        .expires_tick = store_expiry(call->worker->store, request->exptime),
        .value_size = request->value_size,
    };
    if (unlikely(call->observed)) {
        events_set(call, request->key);
    }
    cmd_store_begin(call, &block, request->key);
}

void cmd_set(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_SET};
    store_begin(call, request, &options);
}

void cmd_add(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_ADD};
    store_begin(call, request, &options);
}

void cmd_replace(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_REPLACE};
    store_begin(call, request, &options);
}

void cmd_append(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_APPEND};
    store_begin(call, request, &options);
}

void cmd_prepend(struct mc_call *call, const struct mc_request *request) {
    static const struct put_options options = {.mode = PUT_PREPEND};
    store_begin(call, request, &options);
}

void cmd_cas(struct mc_call *call, const struct mc_request *request) {
    struct put_options options = {.mode = PUT_SET, .compare = true, .cas_expected = request->number};
    store_begin(call, request, &options);
}
