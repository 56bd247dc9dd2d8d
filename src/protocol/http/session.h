/* SPDX-License-Identifier: MIT
 *
 * session: what one connection is in the middle of.
 *
 *      HEAD --head, body not all there--> BODY --last byte--> HEAD
 *        \--large file--> STREAM --last byte--> HEAD, or BODY where the request has one
 *
 * Lives in the engine's slot, zeroed at accept; all zero is the beginning of HEAD. Small, because most
 * connections are idle: what a body needs is allocated for those that wait for one.
 */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include <stdint.h>

struct http_change;
struct http_note;
struct http_stream;

struct http_session {
    struct http_stream *stream; /* STREAM: the file that is being sent, owned; NULL in all other states */
    struct http_change *change; /* BODY: what the body is for, owned; NULL: HEAD */
    struct http_note *note; /* owned: of a request whose answer waits, for the access log; NULL without one */
    uint64_t began_ns;      /* when the unfinished request began to come; 0 while nothing is unfinished */
    int fd;                 /* the connection's descriptor: its number in lists and logs */
    uint8_t peer_family;    /* AF_INET, AF_INET6, or 0: a Unix socket, or no access log */
    uint8_t peer[16];       /* the client's address, 4 or 16 bytes of it */
};

#endif
