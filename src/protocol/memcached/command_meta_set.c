/* SPDX-License-Identifier: MIT
 *
 * command_meta_set: ms.
 */
#include "command_meta.h"
#include "put.h"

/* HD, NS, EX or NF with the flags that ms returns. */
static void set_answer_line(const struct mc_call *call, const struct mc_put *put, const char code[2],
                            const struct put_result *result) {
    struct meta_answer answer = {
        .letters = META_LETTER('O') | META_LETTER('k') | META_LETTER('c') | META_LETTER('s'),
        .key = put->key_text,
        .key_is_binary = put->key_is_binary,
        .key_is_encoded = true,
        .cas = call->worker->service->config.cas_enabled ? result->cas : 0,
        .value_size = result->cas != 0 ? result->value_size : put->value_size,
    };
    struct bytes flag[META_FLAGS_MAX];
    unsigned flags_count = meta_flags_split(put->flags, flag);
    char *line = reply_reserve(call->reply, META_LINE_SIZE_MAX);
    memcpy(line, code, 2);
    char *at = meta_answer_flags(line + 2, flag, flags_count, &answer);
    memcpy(at, "\r\n", 2);
    reply_commit(call->reply, (size_t)(at + 2 - line));
}

static void set_answer(const struct mc_call *call, const struct mc_put *put, enum store_status status,
                       const struct put_result *result) {
    switch (status) {
    case STORE_OK:
        if (!put->quiet) {
            set_answer_line(call, put, "HD", result);
        }
        return;
    case STORE_MISS:
        set_answer_line(call, put, "NF", result);
        return;
    case STORE_EXISTS:
        set_answer_line(call, put, "EX", result);
        return;
    case STORE_NOT_STORED:
        set_answer_line(call, put, "NS", result);
        return;
    case STORE_TOO_LARGE:
        call_fail(call, false, MC_ERROR_TOO_LARGE);
        return;
    case STORE_NOT_NUMBER:
    case STORE_NO_MEMORY:
        call_fail(call, false, MC_ERROR_NO_MEMORY_STORE);
        return;
    }
}

/* M of ms: *mode, or false. */
static bool set_mode(const struct meta *meta, enum put_mode *mode) {
    switch (meta->mode) {
    case '\0':
    case 'S':
        *mode = PUT_SET;
        return true;
    case 'E':
        *mode = PUT_ADD;
        return true;
    case 'A':
        *mode = PUT_APPEND;
        return true;
    case 'P':
        *mode = PUT_PREPEND;
        return true;
    case 'R':
        *mode = PUT_REPLACE;
        return true;
    default:
        return false;
    }
}

static struct put_options set_options(const struct mc_call *call, const struct meta *meta,
                                      enum put_mode mode) {
    bool grows = mode == PUT_APPEND || mode == PUT_PREPEND;
    return (struct put_options){
        /* With C replace is a cas: a missing item is NF, not NS. */
        .mode = mode == PUT_REPLACE && meta_has(meta, 'C') ? PUT_SET : mode,
        /* Like add, append and prepend know no CAS of 0. */
        .compare = meta_has(meta, 'C') && mode != PUT_ADD && !(grows && meta->cas_expected == 0),
        .cas_expected = meta->cas_expected,
        .invalidate = meta_has(meta, 'I') && !grows,
        .cas_new = meta->cas_new,
        .create = meta_has(meta, 'N') && grows,
        .create_expires_tick = meta_expiry(call, meta->create_ttl),
    };
}

void mc_meta_set(struct mc_call *call, const struct meta *meta) {
    enum put_mode mode;
    if (!set_mode(meta, &mode)) {
        call->requests++;
        call_fail(call, false, MC_ERROR_META_SET_MODE);
        mc_swallow_begin(call, meta->swallow_size);
        return;
    }
    struct mc_put put = {
        .options = set_options(call, meta, mode),
        .is_cas = meta_has(meta, 'C') && (mode == PUT_SET || mode == PUT_REPLACE),
        .replaces = true,
        .answer = set_answer,
        .quiet = meta_has(meta, 'q'),
        .key_text = meta->key_text,
        .flags = meta->flags,
        .key_is_binary = meta->key_is_binary,
        .expires_tick = meta_has(meta, 'T') ? meta_expiry(call, meta->ttl) : STORE_EXPIRES_NEVER,
        .value_size = meta->value_size,
    };
    struct mc_put_item item = {
        .key = meta->key,
        .key_is_binary = meta->key_is_binary,
        .client_flags = meta->client_flags,
        .expires_tick = put.expires_tick,
        .value_size = meta->value_size,
    };
    mc_put_begin(call, &put, &item);
}
