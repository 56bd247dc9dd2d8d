/* SPDX-License-Identifier: MIT
 *
 * stat: writes the lines that all statistics are made of.
 */
#include "stat.h"

#include "riposte/check.h"

enum { STAT_SHORT_SIZE_MAX = 512 }; /* bytes of a name and a value, as nearly all are */

/* "STAT <name> <value>\r\n" at once: a statistic is hundreds of lines, and clients ask for it over and over. */
static void short_line(struct reply *reply, struct bytes name, struct bytes value) {
    char *line = reply_reserve(reply, 5 + name.size + 1 + value.size + 2);
    memcpy(line, "STAT ", 5);
    char *at = bytes_copy(line + 5, name);
    *at++ = ' ';
    at = bytes_copy(at, value);
    memcpy(at, "\r\n", 2);
    reply_commit(reply, (size_t)(at + 2 - line));
}

void stat_line(struct reply *reply, const char *name_text, struct bytes value) {
    struct bytes name = bytes_from_string(name_text);
    if (likely(name.size + value.size <= STAT_SHORT_SIZE_MAX)) {
        short_line(reply, name, value);
        return;
    }
    reply_copy_string(reply, "STAT ");
    reply_copy(reply, name);
    reply_copy_string(reply, " ");
    reply_copy(reply, value);
    reply_copy_string(reply, "\r\n");
}

void stat_word(struct reply *reply, const char *name, const char *value) {
    stat_line(reply, name, bytes_from_string(value));
}

/* Half of all numbers are 0. Written in place. */
void stat_number_line(struct reply *reply, struct bytes name, uint64_t value) {
    assert(name.size <= STAT_NAME_SIZE_MAX);
    char *line = reply_reserve(reply, 5 + STAT_NAME_SIZE_MAX + 1 + BYTES_U64_DIGITS_MAX + 2);
    memcpy(line, "STAT ", 5);
    char *at = bytes_copy(line + 5, name);
    *at++ = ' ';
    if (value < 10) {
        *at++ = (char)('0' + value);
    } else {
        at += bytes_format_u64(at, value);
    }
    memcpy(at, "\r\n", 2);
    reply_commit(reply, (size_t)(at + 2 - line));
}

void stat_zeros(struct reply *reply, const char *const *names, size_t names_count) {
    for (size_t i = 0; i < names_count; i++) {
        stat_number(reply, names[i], 0);
    }
}

void stats_end(struct reply *reply) {
    reply_copy_string(reply, "END\r\n");
}
