/* SPDX-License-Identifier: MIT
 *
 * parse_text: classic command lines.
 *
 * Pure: reads at most input.size bytes, keeps no state, allocates nothing. Slices in the result live as long
 * as the input.
 */
#ifndef MEMCACHED_PARSE_TEXT_H
#define MEMCACHED_PARSE_TEXT_H

#include "request.h"
#include "scan.h"

/*
 * Reads the command line at the beginning of `input`. The first `searched` bytes were looked at before and
 * hold no line feed: a line that comes byte by byte costs linear time.
 *
 * PARSE_OK         *request is filled as its comments say.
 * PARSE_MORE       no line feed yet. Every prefix of an acceptable line asks for more.
 * PARSE_BAD        request->line_size, noreply, error, swallow_size; key too where a storage line has one of legal size.
 * PARSE_TOO_LARGE  nothing.
 */
enum parse_status mc_parse_text(struct bytes input, size_t searched, struct mc_request *request);

/* The verb and its space as a number: for the two commands that are worth a glance before anything else. */
static inline bool mc_starts_with(struct bytes input, const char word[4]) {
    return input.size >= 4 && memcmp(input.data, word, 4) == 0;
}

/*
 * The commonest request of all, `get <key>\r\n` with one key, one space and nothing else: returns the bytes
 * of its line and sets *key. 0 for everything else, which mc_parse_text then judges.
 */
static inline size_t mc_parse_get(struct bytes input, struct bytes *key) {
    if (!mc_starts_with(input, "get ")) {
        return 0;
    }
    const char *first = input.data + 4;
    const char *end = input.data + input.size;
    const char *stop = scan_word(input.data, first, end);
    if (stop == end || *stop != '\n') {
        return 0;
    }
    size_t size = (size_t)(stop - first) - (stop[-1] == '\r');
    if (size - 1 >= 250) { /* 0, or too long */
        return 0;
    }
    *key = bytes_of(first, size);
    return (size_t)(stop + 1 - input.data);
}

#endif
