/* SPDX-License-Identifier: MIT
 *
 * saved: writes what a session is in the middle of, and makes a session of it.
 */
#include "saved.h"

#include "call.h"
#include "cmd_meta.h"
#include "cmd_store.h"
#include "log/peer.h"
#include "put_record.h"

enum { SAVED_VERSION = 1 };

/* What a record says; slices are borrowed from it. */
struct saved {
    struct mc_session session;  /* but for what it owns, and what belongs to one process */
    int64_t touch_exptime;      /* KEYS: as store_expiry takes it */
    bool is_meta;               /* VALUE: of an ms */
    struct store_saved upload;  /* VALUE */
    unsigned watch_kinds;       /* WATCH */
    uint64_t watch_skipped;     /* WATCH */
    struct bytes watch_waiting; /* WATCH: lines that it has not taken */
};

bool saved_is_ready(const void *session) {
    const struct mc_session *own = session;
    switch (own->state) {
    case MC_SESSION_LINE:
    case MC_SESSION_VALUE:
    case MC_SESSION_SWALLOW:
    case MC_SESSION_KEYS:
    case MC_SESSION_WATCH:
        return true;
    case MC_SESSION_DUMP:
    case MC_SESSION_CONNS:
    case MC_SESSION_PREFIXES:
    case MC_SESSION_REFRESH:
        break;
    }
    return false;
}

/* --- to a record ---------------------------------------------------------------------------------------------- */

static void client_write(const struct mc_session *session, struct record_writer *writer) {
    const struct peer *peer = &session->peer;
    record_put_u8(writer, session->authenticated);
    record_put_u8(writer, session->auth_failures);
    record_put_u8(writer, session->latency);
    record_put_u8(writer, session->spoken);
    record_put_bytes(writer, bytes_of((const char *)peer->address, sizeof(peer->address)));
    record_put_u32(writer, peer->port);
    record_put_u8(writer, peer->family);
}

/* The lines that it has not taken go with it. */
static void watch_write(struct mc_session *session, struct memcached_worker *worker,
                        struct record_writer *writer) {
    struct watch *watch = &worker->service->watch;
    struct record_writer waiting = {0};
    struct bytes lines;
    while ((lines = watcher_front(session->watcher)).size > 0 &&
           waiting.size + lines.size <= WATCH_WAITING_SIZE_MAX) {
        char *room = record_reserve(&waiting, lines.size);
        if (room != NULL) {
            memcpy(room, lines.data, lines.size);
        }
        watcher_drop(session->watcher, lines.size);
    }
    record_put_u32(writer, watcher_kinds(session->watcher));
    record_put_u64(writer, watcher_skipped_count(watch, session->watcher));
    record_put_bytes(writer, bytes_of(waiting.data, waiting.size));
    writer->broken |= waiting.broken;
    record_discard(&waiting);
    watch_remove(watch, session->watcher);
}

static void state_write(struct mc_session *session, struct memcached_worker *worker,
                        struct record_writer *writer) {
    switch (session->state) {
    case MC_SESSION_LINE:
    case MC_SESSION_SWALLOW:
        record_put_u32(writer, session->swallow_size);
        record_put_u32(writer, session->auth_wait.since_ms);
        record_put_u32(writer, session->auth_wait.until_ms);
        return;
    case MC_SESSION_VALUE:
        record_put_u8(writer, cmd_store_block(session->upload)->answer == cmd_meta_set_answer);
        cmd_store_save(session->upload, worker->store, writer);
        cmd_store_discard(worker, session->upload);
        return;
    case MC_SESSION_KEYS:
        record_put_u8(writer, session->keys_with_cas);
        record_put_u8(writer, session->keys_touch);
        record_put_u8(writer, session->keys_open);
        record_put_u8(writer, session->keys_seen);
        record_put_u8(writer, session->keys_skipped);
        record_put_u64(writer, (uint64_t)put_record_expiry(worker->store, session->touch_expires_tick));
        return;
    case MC_SESSION_WATCH:
        watch_write(session, worker, writer);
        return;
    case MC_SESSION_DUMP:
    case MC_SESSION_CONNS:
    case MC_SESSION_PREFIXES:
    case MC_SESSION_REFRESH:
        assert(false); /* saved_is_ready was asked */
    }
}

void saved_write(void *session, struct record_writer *writer, void *context) {
    struct mc_session *own = session;
    record_put_u8(writer, SAVED_VERSION);
    record_put_u8(writer, (uint8_t)own->state);
    client_write(own, writer);
    state_write(own, context, writer);
}

/* --- from a record -------------------------------------------------------------------------------------------- */

static void client_read(struct record_reader *reader, struct mc_session *session) {
    struct peer *peer = &session->peer;
    session->authenticated = record_get_bool(reader);
    session->auth_failures = record_get_u8(reader);
    session->latency = record_get_u8(reader);
    session->spoken = record_get_bool(reader);
    struct bytes address = record_get_bytes(reader, sizeof(peer->address));
    peer->port = (uint16_t)record_get_u32(reader);
    peer->family = record_get_u8(reader);
    reader->bad |= address.size != sizeof(peer->address) || session->latency >= LATENCY_COMMANDS_COUNT ||
                   session->auth_failures >= AUTH_FAILURES_MAX; /* the last one closes */
    if (!reader->bad) {
        memcpy(peer->address, address.data, address.size);
    }
}

/*
 * A line whose keys were checked is read on as one whose keys were not: that asks for nothing that the input, which came another
 * way, must have.
 */
static void keys_read(struct record_reader *reader, struct saved *saved) {
    struct mc_session *session = &saved->session;
    session->keys_with_cas = record_get_bool(reader);
    session->keys_touch = record_get_bool(reader);
    bool was_open = record_get_bool(reader);
    session->keys_open = true;
    session->keys_seen = record_get_bool(reader) || !was_open;
    session->keys_skipped = record_get_bool(reader);
    saved->touch_exptime = (int64_t)record_get_u64(reader);
}

static void state_read(struct record_reader *reader, struct saved *saved) {
    struct mc_session *session = &saved->session;
    switch (session->state) {
    case MC_SESSION_LINE:
    case MC_SESSION_SWALLOW:
        session->swallow_size = record_get_u32(reader);
        session->auth_wait.since_ms = record_get_u32(reader);
        session->auth_wait.until_ms = record_get_u32(reader);
        reader->bad |= session->state == MC_SESSION_SWALLOW && session->swallow_size == 0;
        return;
    case MC_SESSION_VALUE:
        saved->is_meta = record_get_bool(reader);
        saved->upload = cmd_store_read(reader);
        return;
    case MC_SESSION_KEYS:
        keys_read(reader, saved);
        return;
    case MC_SESSION_WATCH:
        saved->watch_kinds = record_get_u32(reader);
        saved->watch_skipped = record_get_u64(reader);
        saved->watch_waiting = record_get_bytes(reader, WATCH_WAITING_SIZE_MAX);
        /* Another bit would switch on what has its place beside them in `observed`. */
        reader->bad |= (saved->watch_kinds & ~(unsigned)WATCH_ALL) != 0;
        return;
    case MC_SESSION_DUMP:
    case MC_SESSION_CONNS:
    case MC_SESSION_PREFIXES:
    case MC_SESSION_REFRESH:
        break;
    }
    reader->bad = true;
}

static bool saved_read(struct bytes bytes, struct saved *saved) {
    struct record_reader reader = record_read(bytes);
    *saved = (struct saved){0};
    uint8_t version = record_get_u8(&reader);
    uint8_t state = record_get_u8(&reader);
    if (version != SAVED_VERSION || state > MC_SESSION_WATCH) {
        return false;
    }
    saved->session.state = (enum mc_session_state)state;
    client_read(&reader, &saved->session);
    state_read(&reader, saved);
    return record_ended(&reader);
}

bool saved_check(struct bytes saved) {
    struct saved read;
    return saved_read(saved, &read);
}

/* Makes what the session owns. False when memory ends. */
static bool session_own(struct mc_session *session, const struct saved *saved,
                        struct memcached_worker *worker, struct protocol_loaded *loaded) {
    if (session->state == MC_SESSION_WATCH) {
        return watch_restore(&worker->service->watch, saved->watch_kinds, session->fd, saved->watch_waiting,
                             saved->watch_skipped, &session->watcher) == WATCH_ADDED;
    }
    if (session->state == MC_SESSION_VALUE) {
        session->upload = cmd_store_load(&saved->upload, worker->store,
                                         saved->is_meta ? cmd_meta_set_answer : cmd_store_answer);
        loaded->memory_size = session->upload == NULL ? 0 : cmd_store_memory_size(session->upload);
        return session->upload != NULL;
    }
    return true;
}

/* It has not authenticated, and this process demands it, whatever the one that it comes from did. */
static bool saved_needs_auth(const struct mc_session *session, const struct memcached_worker *worker) {
    return service_authenticates(worker->service) && !session->authenticated;
}

/* In other states it is in the middle of something that only a connection that has authenticated may do. */
static bool saved_may_authenticate(const struct mc_session *session) {
    return session->state == MC_SESSION_LINE || session->state == MC_SESSION_SWALLOW;
}

bool saved_load(void *session, const struct protocol_peer *peer, struct bytes saved,
                struct protocol_loaded *loaded, void *context) {
    struct mc_session *own = session;
    struct memcached_worker *worker = context;
    struct saved read;
    if (!saved_read(saved, &read)) {
        return false;
    }
    if (saved_needs_auth(&read.session, worker)) {
        if (!saved_may_authenticate(&read.session)) {
            return false;
        }
        /* Its time runs from now on, though it says nothing (auth_expire). */
        loaded->next = loaded->next == PROTOCOL_NEXT_INPUT ? PROTOCOL_NEXT_REST : loaded->next;
    }
    *own = read.session;
    own->fd = peer->fd;
    own->touch_expires_tick = store_expiry(worker->store, read.touch_exptime);
    return session_own(own, &read, worker, loaded);
}
