/* SPDX-License-Identifier: MIT
 *
 * line: lines and words of replies, for the parsers of heads. Bounded: nothing is read past the end. Pure; any thread.
 */
#ifndef LOAD_LINE_H
#define LOAD_LINE_H

#include "protocol.h"

/*
 * The first line of `input`, without "\r\n": REPLY_READ and *line; REPLY_MORE when it has no end yet;
 * REPLY_BAD when it is longer than REPLY_HEAD_SIZE_MAX or ends in a bare line feed.
 */
enum reply_status line_take(struct bytes input, struct reply_head *head, struct bytes *line);

/*
 * The same for a reply whose head is one line: *head has nothing but the line, its size, and `reason`, in case it is none of
 * the protocol's. REPLY_BAD at once unless it begins with one of `first_bytes`, so that something else altogether is
 * noticed although it has no line end.
 */
enum reply_status line_take_head(struct bytes input, const char *first_bytes, const char *reason,
                                 struct reply_head *head, struct bytes *line);

/* The next word of *line, up to a space or its end; moves *line behind it and one space. Empty at the end. */
struct bytes line_take_word(struct bytes *line);

bool line_begins(struct bytes line, const char *text);

/* A refusal in memcached's words, in all of its dialects. */
bool line_is_memcached_error(struct bytes line);

#endif
