/* SPDX-License-Identifier: MIT
 *
 * answer: writes what a get answers to a hit. Line, data and line end are one reserved run where they fit,
 * otherwise the data follows the line as value.h says.
 */
#include "answer.h"

#include "riposte/check.h"
#include "value.h"

enum {
    LINE_END_SIZE = 2,
    END_SIZE = 5,
    /* Most bytes around a value. */
    AROUND_SIZE_MAX = ANSWER_VALUE_LINE_SIZE_MAX + LINE_END_SIZE + END_SIZE,
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

void answer_value_data(struct memcached_worker *worker, struct reply *reply, const struct item_view *view) {
    struct bytes data = bytes_of(view->value.data, view->value.size + LINE_END_SIZE);
    if (value_reply(reply, view, data)) {
        counter_add(&worker->counters.values_pinned, 1);
    }
}

void answer_value(struct memcached_worker *worker, struct reply *reply, const struct item_view *view,
                  bool with_cas, bool last) {
    uint64_t cas = worker->service->config.cas_enabled ? view->cas : 0;
    bool is_inline = value_fits_reserve(AROUND_SIZE_MAX, view->value.size);
    char *begin = reply_reserve(reply, AROUND_SIZE_MAX + (is_inline ? view->value.size : 0));
    char *at = value_line(begin, view, with_cas ? &cas : NULL);
    if (likely(is_inline)) {
        memcpy(at, view->value.data, view->value.size + LINE_END_SIZE);
        at += view->value.size + LINE_END_SIZE;
        memcpy(at, "END\r\n", END_SIZE); /* beyond what is committed, unless this is the last */
        reply_commit(reply, (size_t)(at - begin) + (last ? END_SIZE : 0));
        return;
    }
    reply_commit(reply, (size_t)(at - begin));
    answer_value_data(worker, reply, view);
    if (last) {
        reply_copy(reply, bytes_of("END\r\n", END_SIZE));
    }
}
