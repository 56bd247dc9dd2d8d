/* SPDX-License-Identifier: MIT
 *
 * note: what the access log will want to know of a request, when its answer has to wait for its body or its end.
 */
#ifndef HTTP_NOTE_H
#define HTTP_NOTE_H

#include "access_log.h"
#include "call.h"
#include "riposte/record.h"

/* The descriptor says who the client is, for the lines of its requests. */
void http_note_peer(struct http_session *session, int fd);

/* The request of this call will be answered later: what is needed of it is copied. Nothing without a log. */
void http_note_keep(struct http_call *call);

/* Writes the session's note down, or that there is none. */
void http_note_save(const struct http_session *session, struct record_writer *writer);

/* What a note in a record says; borrowed from it, bad where it cannot be. False: there is none. */
bool http_note_read(struct record_reader *reader, struct http_access *access);

/* The session has this note again; without memory for it its line will say less. */
void http_note_load(struct http_session *session, const struct http_access *access);

/* Frees the session's note. */
void http_note_drop(struct http_session *session);

/* The line of an answer that is complete: of this call's request, or of the one that was kept. */
void http_note_write(struct http_call *call, enum http_status status);

/* An answer is complete: writes its request into the slow log if it took long. There is one. */
void http_note_slow(struct http_call *call);

#endif
