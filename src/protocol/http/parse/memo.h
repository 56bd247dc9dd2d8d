/* SPDX-License-Identifier: MIT
 *
 * memo: the head that a worker has read last, and what was made of it: clients send one like it, for another target,
 * again and again.
 *
 *      GET /cache/a HTTP/1.1 CRLF Host: localhost CRLF CRLF
 *      \--- start --/\------------- rest -----------------/
 *
 * A head whose rest is that of the one before, byte for byte, is read as far as its target only. What the rest means
 * is a function of its bytes alone (http_head_parse, http_message_read and http_host_check keep no state that could
 * change a verdict), so what was found the first time stands, whichever connection it came on. A rest that is not all there, that
 * differs in any byte, or that makes the head too large is none of the one before, and goes to the parser.
 *
 * Pure but for the memo; allocates nothing. Only rests that were found good are remembered.
 */
#ifndef HTTP_MEMO_H
#define HTTP_MEMO_H

#include "host.h"
#include "message.h"

enum { HTTP_MEMO_REST_SIZE_MAX = 1024 /* bytes; larger ones are read each time */ };

/* All zero is the beginning. The fields of its head are slices of the input, or of `rest`. */
struct http_memo {
    struct http_head head;       /* of http_memo_read's OK, but `status`; of BAD that alone */
    struct http_message message; /* of OK, as http_message_read has filled it */
    bool message_is_good;        /* of OK: what http_message_read said */
    bool host_is_loopback;       /* of a good message with a Host: as http_host_check says */
    struct http_host_memo host;
    size_t rest_size; /* bytes of `rest`; 0: there is none */
    char rest[HTTP_MEMO_REST_SIZE_MAX];
};

/* As http_head_parse and, of OK, http_message_read. What it has read is good until the next call, or the end of `input`. */
enum http_parse http_memo_read(struct http_memo *memo, struct bytes input);

#endif
