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
struct http_stream;

struct http_session {
    struct http_stream *stream; /* STREAM: the file that is being sent, owned; NULL in all other states */
    struct http_change *change; /* BODY: what the body is for, owned; NULL: HEAD */
    uint64_t began_ns;          /* when the unfinished request began to come; 0 while nothing is unfinished */
};

#endif
