/* SPDX-License-Identifier: MIT
 *
 * value: see value.h. Three ways by size: line, data and line end in one reserved run; line reserved and data
 * copied; line reserved and data pinned. The store keeps "\r\n" behind every value, so data and line end are
 * always one run.
 */
#include "value.h"

#include "riposte/check.h"

enum {
    LINE_END_SIZE = 2,
    END_SIZE = 5,
    /* Bytes of value that fit one reserve with everything around it. */
    VALUE_INLINE_SIZE_MAX = REPLY_RESERVE_SIZE_MAX - VALUE_LINE_SIZE_MAX - LINE_END_SIZE - END_SIZE,
};

static char *value_line(char *at, const struct item_view *view, const uint64_t *cas) {
    memcpy(at, "VALUE ", 6);
    memcpy(at + 6, view->key.data, view->key.size);
    at += 6 + view->key.size;
    *at++ = ' ';
    at = number_write(at, view->client_flags);
    *at++ = ' ';
    at = number_write(at, view->value.size);
    if (cas != NULL) {
        *at++ = ' ';
        at = number_write(at, *cas);
    }
    memcpy(at, "\r\n", LINE_END_SIZE);
    return at + LINE_END_SIZE;
}

void value_reply_data(struct memcached_worker *worker, struct reply *reply, const struct item_view *view) {
    struct bytes data = bytes_of(view->value.data, view->value.size + LINE_END_SIZE);
    if (view->value.size < VALUE_PIN_SIZE_MIN) {
        reply_copy(reply, data);
        return;
    }
    counter_add(&worker->counters.values_pinned, 1);
    store_pin(view);
    reply_pin(reply, data, store_unpin, view->item);
}

void value_reply(struct memcached_worker *worker, struct reply *reply, const struct item_view *view,
                 bool with_cas, bool last) {
    uint64_t cas = worker->service->config.cas_enabled ? view->cas : 0;
    bool is_inline = view->value.size <= VALUE_INLINE_SIZE_MAX;
    size_t around = VALUE_LINE_SIZE_MAX + LINE_END_SIZE + END_SIZE;
    char *begin = reply_reserve(reply, around + (is_inline ? view->value.size : 0));
    char *at = value_line(begin, view, with_cas ? &cas : NULL);
    if (likely(is_inline)) {
        memcpy(at, view->value.data, view->value.size + LINE_END_SIZE);
        at += view->value.size + LINE_END_SIZE;
        memcpy(at, "END\r\n", END_SIZE); /* beyond what is committed, unless this is the last */
        reply_commit(reply, (size_t)(at - begin) + (last ? END_SIZE : 0));
        return;
    }
    reply_commit(reply, (size_t)(at - begin));
    value_reply_data(worker, reply, view);
    if (last) {
        reply_copy(reply, bytes_of("END\r\n", END_SIZE));
    }
}
