/* SPDX-License-Identifier: MIT
 *
 * note: copies what it takes from a request into one block, and hands it to the access log at the end.
 */
#include "note.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "access_log.h"
#include "change.h"
#include "riposte/clock.h"
#include "riposte/slow_log.h"

struct http_note {
    struct http_access access; /* its texts are in `text` */
    char text[];
};

void http_note_peer(struct http_session *session, int fd) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0) {
        return;
    }
    if (address.ss_family == AF_INET) {
        session->peer_family = AF_INET;
        memcpy(session->peer, &((const struct sockaddr_in *)(const void *)&address)->sin_addr, 4);
    } else if (address.ss_family == AF_INET6) {
        session->peer_family = AF_INET6;
        memcpy(session->peer, &((const struct sockaddr_in6 *)(const void *)&address)->sin6_addr, 16);
    }
}

static struct bytes cut(struct bytes text) {
    text.size = text.size < HTTP_ACCESS_TEXT_SIZE_MAX ? text.size : HTTP_ACCESS_TEXT_SIZE_MAX;
    return text;
}

static struct http_access access_of(const struct http_request *request) {
    const struct http_head *head = request->head;
    return (struct http_access){
        .method = cut(head->method_text),
        .target = cut(head->target),
        .minor = head->minor,
        .referer = cut(http_head_find(head, HTTP_REFERER)),
        .agent = cut(http_head_find(head, HTTP_USER_AGENT)),
    };
}

/* Copies a text behind those that are there. */
static void text_move(struct bytes *text, char **at) {
    if (text->size > 0) {
        memcpy(*at, text->data, text->size);
        text->data = *at;
        *at += text->size;
    }
}

void http_note_load(struct http_session *session, const struct http_access *access) {
    size_t size = access->method.size + access->target.size + access->referer.size + access->agent.size;
    struct http_note *note = malloc(sizeof(*note) + size);
    if (note == NULL) {
        return; /* its line will say less */
    }
    note->access = *access;
    char *at = note->text;
    text_move(&note->access.method, &at);
    text_move(&note->access.target, &at);
    text_move(&note->access.referer, &at);
    text_move(&note->access.agent, &at);
    session->note = note;
}

void http_note_keep(struct http_call *call) {
    if (call->worker->service->log == NULL || call->request == NULL || call->session->note != NULL) {
        return;
    }
    struct http_access access = access_of(call->request);
    http_note_load(call->session, &access);
}

void http_note_save(const struct http_session *session, struct record_writer *writer) {
    record_put_u8(writer, session->note != NULL);
    if (session->note != NULL) {
        const struct http_access *access = &session->note->access;
        record_put_u32(writer, (uint32_t)access->minor);
        record_put_bytes(writer, access->method);
        record_put_bytes(writer, access->target);
        record_put_bytes(writer, access->referer);
        record_put_bytes(writer, access->agent);
    }
}

bool http_note_read(struct record_reader *reader, struct http_access *access) {
    *access = (struct http_access){0};
    if (!record_get_bool(reader)) {
        return false;
    }
    access->minor = record_get_u32(reader);
    access->method = record_get_bytes(reader, HTTP_ACCESS_TEXT_SIZE_MAX);
    access->target = record_get_bytes(reader, HTTP_ACCESS_TEXT_SIZE_MAX);
    access->referer = record_get_bytes(reader, HTTP_ACCESS_TEXT_SIZE_MAX);
    access->agent = record_get_bytes(reader, HTTP_ACCESS_TEXT_SIZE_MAX);
    return !reader->bad;
}

void http_note_drop(struct http_session *session) {
    free(session->note);
    session->note = NULL;
}

void http_note_write(struct http_call *call, enum http_status status) {
    struct http_session *session = call->session;
    struct http_access_log *log = call->worker->service->log;
    char peer[INET6_ADDRSTRLEN] = "unix";
    struct http_access access = {.minor = 1};
    if (session->note != NULL) {
        access = session->note->access;
    } else if (call->request != NULL) {
        access = access_of(call->request);
    }
    if (session->peer_family != 0) {
        inet_ntop(session->peer_family, session->peer, peer, sizeof(peer));
    }
    access.peer = bytes_from_string(peer);
    access.unix_s = call->worker->unix_s;
    access.status = status;
    access.size = call->body_size;
    http_access_log_line(log, call->worker->index, &access);
    http_note_drop(session);
}

/* Of a body that came in pieces the head is gone; what it is for is there still. */
static void slow_names(const struct http_call *call, struct bytes *command, struct bytes *key) {
    const struct http_change *change = call->session->change;
    *command = *key = bytes_of(NULL, 0);
    if (call->request != NULL) {
        *command = call->request->head->method_text;
        *key = call->request->head->target;
    } else if (change != NULL) {
        *command = bytes_from_string(latency_command_name((enum latency_command)change->exchange.latency));
        *key = bytes_of(change->key, change->key_size);
    }
}

void http_note_slow(struct http_call *call) {
    struct slow_log *log = call->worker->service->config.slow_log;
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - call->received_ns >= slow_log_threshold_ns(log)) {
        struct bytes command, key;
        struct slow_request request = {
            .us = (now_ns - call->received_ns) / CLOCK_NS_PER_US,
            .own_us = (now_ns - call->since_ns) / CLOCK_NS_PER_US,
            .size = (call->request != NULL ? call->request->head->size : 0) + call->body_size,
            .connection = call->session->fd,
        };
        slow_names(call, &command, &key);
        slow_log_add(log, &request, command, key);
    }
    call->since_ns = now_ns;
}
