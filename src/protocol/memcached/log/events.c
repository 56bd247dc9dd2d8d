/* SPDX-License-Identifier: MIT
 *
 * events: words the log lines, which are memcached's (README.md, "Log lines"), and counts by prefix.
 */
#include "events.h"

#include <string.h>

#include "base64.h"
#include "line.h"
#include "stats/prefixes.h"

static void events_publish(struct memcached_worker *worker, enum watch_kind kind, const char *line,
                           const char *end) {
    struct watch *watch = &worker->service->watch;
    struct watch_fate fate = watch_publish(watch, kind, bytes_of(line, (size_t)(end - line)));
    counter_add(&worker->counters.log_written, 1);
    counter_add(&worker->counters.log_sent, fate.sent_count);
    counter_add(&worker->counters.log_skipped, fate.skipped_count);
}

static bool call_watched(const struct mc_call *call, unsigned kinds) {
    return (call->observed & kinds) != 0;
}

/* --- look-ups ------------------------------------------------------------------------------------------- */

static const char *absence_word(enum store_absence absence) {
    switch (absence) {
    case STORE_ABSENT:
        break;
    case STORE_ABSENT_EXPIRED:
        return "expired";
    case STORE_ABSENT_FLUSHED:
        return "flushed";
    }
    return "not_found";
}

/* Also what is not told is taken: the next look-up is another one. */
void events_looked(const struct mc_call *call, struct bytes key, const struct item_view *view) {
    char line[WATCH_LINE_SIZE_MAX];
    enum store_absence absence = store_absence_take(call->worker->store);
    if (!call_watched(call, WATCH_FETCHERS)) {
        return;
    }
    char *at = line_escaped(line_text(line, "type=item_get key="), key);
    at = line_text(line_text(at, " status="), view != NULL ? "found" : absence_word(absence));
    at = number_write(line_text(at, " clsid="), view != NULL ? ANSWER_ITEM_CLASS : 0);
    at = number_write(line_text(at, " cfd="), (unsigned)call->session->fd);
    at = number_write(line_text(at, " size="), view != NULL ? view->value.size : 0);
    events_publish(call->worker, WATCH_FETCHERS, line, at);
}

static void events_count(const struct mc_call *call, struct bytes key, struct prefix_counts counts) {
    if (call_watched(call, OBSERVE_PREFIXES) && !prefixes_count(call->worker->prefixes, key, counts)) {
        counter_add(&call->worker->counters.prefixes_left_out, 1);
    }
}

void events_get(const struct mc_call *call, struct bytes key, const struct item_view *view) {
    events_looked(call, key, view);
    events_count(call, key, (struct prefix_counts){.gets = 1, .hits = view != NULL});
}

size_t events_change(const struct mc_call *call, struct bytes key) {
    const struct get_options options = {.no_use = true};
    struct item_view view;
    if (!call_watched(call, WATCH_FETCHERS | WATCH_DELETIONS)) {
        return 0;
    }
    bool found = store_get_with(call->worker->store, key, &options, &view) == STORE_OK;
    events_looked(call, key, found ? &view : NULL);
    return found ? view.value.size : 0;
}

/* --- storing -------------------------------------------------------------------------------------------- */

void events_set(const struct mc_call *call, struct bytes key) {
    events_count(call, key, (struct prefix_counts){.sets = 1});
}

static const char *status_word(enum store_status status) {
    switch (status) {
    case STORE_OK:
        return "stored";
    case STORE_MISS:
        return "not_found";
    case STORE_EXISTS:
        return "exists";
    case STORE_TOO_LARGE:
        return "too_large";
    case STORE_NO_MEMORY:
        return "no_memory";
    case STORE_NOT_STORED:
    case STORE_NOT_NUMBER:
        break;
    }
    return "not_stored";
}

static const char *put_word(const struct store_block *block) {
    if (block->is_cas) {
        return "cas";
    }
    switch (block->options.mode) {
    case PUT_SET:
        return "set";
    case PUT_ADD:
        return "add";
    case PUT_REPLACE:
        return "replace";
    case PUT_APPEND:
        return "append";
    case PUT_PREPEND:
        return "prepend";
    }
    return "set";
}

/* Seconds left; as in memcached modulo 2^32 for what has expired. */
static uint32_t ttl_shown(const struct mc_call *call, uint32_t expires_tick) {
    return expires_tick == STORE_EXPIRES_NEVER ? 0 : expires_tick - store_now_tick(call->worker->store);
}

static void events_mutation(const struct mc_call *call, struct bytes key, enum store_status status,
                            const char *command, uint32_t expires_tick, size_t value_size) {
    char line[WATCH_LINE_SIZE_MAX];
    bool made = status != STORE_TOO_LARGE && status != STORE_NO_MEMORY;
    char *at = line_escaped(line_text(line, "type=item_store key="), key);
    at = line_text(line_text(at, " status="), status_word(status));
    at = line_text(line_text(at, " cmd="), command);
    at = number_write(line_text(at, " ttl="), made ? ttl_shown(call, expires_tick) : 0);
    at = number_write(line_text(at, " clsid="), made ? ANSWER_ITEM_CLASS : 0);
    at = number_write(line_text(at, " cfd="), (unsigned)call->session->fd);
    at = number_write(line_text(at, " size="), made ? value_size : 0);
    events_publish(call->worker, WATCH_MUTATIONS, line, at);
}

void events_stored(const struct mc_call *call, const struct store_block *block, enum store_status status,
                   const struct put_result *result) {
    char decoded[STORE_KEY_SIZE_MAX];
    struct bytes key = block->key_text;
    store_absence_take(call->worker->store); /* of the item that was replaced */
    if (!call_watched(call, WATCH_MUTATIONS)) {
        return;
    }
    if (block->key_is_binary) {
        size_t size = 0;
        bool is_base64 = base64_decode(block->key_text, decoded, &size);
        key = bytes_of(decoded, is_base64 ? size : 0);
    }
    events_mutation(call, key, status, put_word(block), block->expires_tick,
                    status == STORE_OK ? result->value_size : block->value_size);
}

void events_created(const struct mc_call *call, struct bytes key, const struct number_result *result) {
    char digits[BYTES_U64_DIGITS_MAX];
    if (call_watched(call, WATCH_MUTATIONS)) {
        size_t value_size = bytes_format_u64(digits, result->number);
        events_mutation(call, key, STORE_OK, "add", result->expires_tick, value_size);
    }
}

/* --- the ends of items ---------------------------------------------------------------------------------- */

void events_delete(const struct mc_call *call, struct bytes key) {
    events_count(call, key, (struct prefix_counts){.deletes = 1});
}

void events_deleted(const struct mc_call *call, struct bytes key, const char *command, size_t value_size) {
    char line[WATCH_LINE_SIZE_MAX];
    if (!call_watched(call, WATCH_DELETIONS)) {
        return;
    }
    char *at = line_escaped(line_text(line, "type=deleted key="), key);
    at = line_text(line_text(at, " cmd="), command);
    at = number_write(line_text(at, " clsid="), ANSWER_ITEM_CLASS);
    at = number_write(line_text(at, " size="), value_size);
    events_publish(call->worker, WATCH_DELETIONS, line, at);
}

void events_evicted(void *user, const struct item_view *view) {
    struct memcached_worker *worker = user;
    char line[WATCH_LINE_SIZE_MAX];
    if ((service_observed(worker->service) & WATCH_EVICTIONS) == 0) {
        return;
    }
    uint32_t now_tick = store_now_tick(worker->store);
    bool never = view->expires_tick == STORE_EXPIRES_NEVER;
    char *at = line_escaped(line_text(line, "type=eviction key="), view->key);
    at = line_text(at, view->fetched ? " fetch=yes ttl=" : " fetch=no ttl=");
    at = never ? line_text(at, "-1") : number_write(at, view->expires_tick - now_tick);
    at = number_write(line_text(at, " la="), now_tick - view->used_tick);
    at = number_write(line_text(at, " clsid="), ANSWER_ITEM_CLASS);
    at = number_write(line_text(at, " size="), view->value.size);
    events_publish(worker, WATCH_EVICTIONS, line, at);
}

/* --- connections ---------------------------------------------------------------------------------------- */

static const char *reason_word(enum protocol_close reason) {
    switch (reason) {
    case PROTOCOL_CLOSE_NORMAL:
        return "normal";
    case PROTOCOL_CLOSE_ERROR:
        return "error";
    case PROTOCOL_CLOSE_IDLE_TIMEOUT:
        return "idle_timeout";
    case PROTOCOL_CLOSE_SHUTDOWN:
        return "shutdown";
    }
    return "normal";
}

/* Only of a client whose identity a filter knows. */
static char *identity_line(char *at, const struct protocol_peer *with) {
    char text[PROTOCOL_IDENTITY_SIZE_MAX];
    if (with->identity == NULL || !with->identity(with, text)) {
        return at;
    }
    return line_escaped(line_text(at, " identity="), bytes_of(text, strlen(text)));
}

void events_open(struct memcached_worker *worker, struct mc_session *session,
                 const struct protocol_peer *with) {
    char line[WATCH_LINE_SIZE_MAX];
    peer_read(&session->peer, session->fd); /* a system call: only while somebody watches */
    char *at = peer_line(line_text(line, "type=conn_new "), &session->peer);
    at = number_write(line_text(at, " cfd="), (unsigned)session->fd);
    events_publish(worker, WATCH_CONNEVENTS, line, identity_line(at, with));
}

void events_close(struct memcached_worker *worker, struct mc_session *session,
                  const struct protocol_peer *with, enum protocol_close reason) {
    char line[WATCH_LINE_SIZE_MAX];
    if (session->peer.family == AF_UNSPEC) {
        peer_read(&session->peer,
                  session->fd); /* it came before anybody watched; after a reset it is unknown */
    }
    char *at = peer_line(line_text(line, "type=conn_close "), &session->peer);
    at = line_text(line_text(at, " reason="), reason_word(reason));
    at = number_write(line_text(at, " cfd="), (unsigned)session->fd);
    events_publish(worker, WATCH_CONNEVENTS, line, identity_line(at, with));
}
