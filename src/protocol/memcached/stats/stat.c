/* SPDX-License-Identifier: MIT
 *
 * stat: writes the lines that all statistics are made of.
 */
#include "stat.h"

void stat_line(struct reply *reply, const char *name, struct bytes value) {
    reply_copy_string(reply, "STAT ");
    reply_copy_string(reply, name);
    reply_copy_string(reply, " ");
    reply_copy(reply, value);
    reply_copy_string(reply, "\r\n");
}

void stat_word(struct reply *reply, const char *name, const char *value) {
    stat_line(reply, name, bytes_from_string(value));
}

void stat_number(struct reply *reply, const char *name, uint64_t value) {
    char digits[BYTES_U64_DIGITS_MAX];
    stat_line(reply, name, bytes_of(digits, bytes_format_u64(digits, value)));
}

void stat_zeros(struct reply *reply, const char *const *names, size_t names_count) {
    for (size_t i = 0; i < names_count; i++) {
        stat_number(reply, names[i], 0);
    }
}

void stats_end(struct reply *reply) {
    reply_copy_string(reply, "END\r\n");
}
