/* SPDX-License-Identifier: MIT
 *
 * saved: writes what a session is in the middle of, and makes a session of it.
 */
#include "saved.h"

#include "change.h"
#include "log/note.h"

enum { SAVED_VERSION = 1 };

/* What a record says; borrowed from it. */
struct saved {
    struct http_session session; /* but for what it owns */
    bool has_note;
    struct http_access note;
    bool has_change;
    struct http_change_saved change;
};

void http_saved_write(void *session, struct record_writer *writer, void *context) {
    struct http_session *own = session;
    const struct http_endpoint *endpoint = context;
    record_put_u8(writer, SAVED_VERSION);
    record_put_u8(writer, own->peer_family);
    record_put_bytes(writer, bytes_of((const char *)own->peer, sizeof(own->peer)));
    record_put_u64(writer, own->began_ns);
    record_put_u64(writer, own->waits_ns);
    http_note_save(own, writer);
    http_note_drop(own);
    record_put_u8(writer, own->change != NULL);
    if (own->change != NULL) {
        http_change_save(own->change, endpoint->worker->store, writer);
        http_change_drop(own, endpoint->worker);
    }
}

static bool saved_read(struct bytes bytes, struct saved *saved) {
    struct record_reader reader = record_read(bytes);
    struct http_session *session = &saved->session;
    *saved = (struct saved){0};
    uint8_t version = record_get_u8(&reader);
    session->peer_family = record_get_u8(&reader);
    struct bytes peer = record_get_bytes(&reader, sizeof(session->peer));
    session->began_ns = record_get_u64(&reader);
    session->waits_ns = record_get_u64(&reader);
    saved->has_note = http_note_read(&reader, &saved->note);
    saved->has_change = record_get_bool(&reader);
    if (saved->has_change) {
        saved->change = http_change_saved_read(&reader);
    }
    if (version != SAVED_VERSION || !record_ended(&reader) || peer.size != sizeof(session->peer)) {
        return false;
    }
    memcpy(session->peer, peer.data, peer.size);
    return true;
}

bool http_saved_check(struct bytes saved) {
    struct saved read;
    return saved_read(saved, &read);
}

bool http_saved_load(void *session, const struct protocol_peer *peer, struct bytes saved,
                     struct protocol_loaded *loaded, void *context) {
    struct http_session *own = session;
    const struct http_endpoint *endpoint = context;
    struct saved read;
    if (!saved_read(saved, &read)) {
        return false;
    }
    *own = read.session;
    own->fd = peer->fd;
    if (read.has_change) {
        own->change = http_change_load(&read.change, endpoint->worker->store);
        if (own->change == NULL) {
            return false;
        }
        loaded->memory_size = http_change_memory_size(own->change);
    }
    if (read.has_note && endpoint->worker->service->log != NULL) {
        http_note_load(own, &read.note);
    }
    return true;
}
