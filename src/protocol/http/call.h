/* SPDX-License-Identifier: MIT
 *
 * call: one call of on_input, the request that it is at, and the session, which is what the connection is in the
 * middle of.
 */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "parse/message.h"
#include "riposte/reply.h"
#include "service.h"
#include "parse/target.h"

struct http_change;
struct http_note;

/*
 * session: what one connection is in the middle of.
 *
 *      HEAD --head, body not all there--> BODY --last byte--> HEAD
 *        \--file on a disk that is asked, no memory but some on its way--> HEAD, with the same head again
 *
 * Lives in the engine's slot, zeroed at accept; all zero is the beginning of HEAD. Small, because most
 * connections are idle: what a body needs is allocated for those that wait for one.
 */
struct http_session {
    struct http_change *change; /* BODY: what the body is for, owned; NULL: HEAD */
    struct http_note *note; /* owned: of a request whose answer waits, for the access log; NULL without one */
    uint64_t began_ns;      /* when the unfinished request began to come; 0 while nothing is unfinished */
    uint64_t waits_ns;      /* since when the next request waits for a disk or memory; 0 while it does not */
    int fd;                 /* the connection's descriptor: its number in lists and logs */
    uint8_t peer_family;    /* AF_INET, AF_INET6, or 0: a Unix socket, or no access log */
    uint8_t peer[16];       /* the client's address, 4 or 16 bytes of it */
};

/* What an answer needs to know of its request; kept while a body comes. */
struct http_exchange {
    bool keep_alive; /* the connection goes on after the answer */
    bool is_old;     /* HTTP/1.0: keep-alive must be said */
    bool head_only;  /* HEAD: no body in the answer */
    bool cors;       /* a page of the allowed origin asks */
    uint8_t latency; /* enum latency_command */
};

struct http_call {
    struct http_worker *worker;
    struct http_session *session;
    struct reply *reply;
    const struct http_endpoint *endpoint;
    const char *at; /* first unread byte */
    const char *end;
    uint64_t now_ns; /* as the input's, both */
    uint64_t received_ns;
    uint64_t since_ns;         /* with a slow log: when the answer before was complete, or the call began */
    size_t memory_size_max;    /* bytes that the session may hold after this call */
    size_t memory_wanted_size; /* that it would have needed for what it has refused; 0: nothing */
    unsigned work;             /* as progress.work: when a step has made it costly, the call ends */
    bool waits;                /* the step comes again in a later call, with the same input */
    bool yielded;              /* the step goes on in the next call, without more input */
    const struct http_request
        *request;       /* the one that is being served; NULL when it cannot be read, or waited */
    uint64_t body_size; /* of the answer that was begun last, bytes */
    unsigned requests;  /* completed so far */
    unsigned requests_max;
};

/* So long a request waits for memory that is on its way, before it is refused. */
enum { HTTP_ROOM_WAIT_MS = 5000 };

/* Bytes of a value whose copy, where a small request has made the store copy it, is as much work as another one: 32 KiB are costly. */
enum { HTTP_COPY_SIZE_PER_WORK = 128 };

/* The request has made a new value out of an old one, whose size nobody had to send. */
static inline void http_call_copied(struct http_call *call, size_t value_size) {
    call->work += (unsigned)(value_size / HTTP_COPY_SIZE_PER_WORK);
}

/* A request whose head is there and sound. */
struct http_request {
    const struct http_head *head;
    struct http_message message;
    struct http_target target;
    struct http_exchange exchange;
    bool host_is_loopback; /* of the Host, where there is one */
};

#endif
