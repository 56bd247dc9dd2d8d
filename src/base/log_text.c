/* SPDX-License-Identifier: MIT
 *
 * log_text: what stands before the text, and the text without what could be taken for another line.
 */
#include "log_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "riposte/clock.h"

enum { STAMP_SIZE_MAX = 32, HEAD_SIZE_MAX = 128, JSON_ESCAPE_SIZE_MAX = 6 };

static const char *level_word(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    case LOG_LEVEL_TRACE:
        return "trace";
    }
    return "error";
}

/* As syslog(3) numbers them. */
static int level_number(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return 3;
    case LOG_LEVEL_WARNING:
        return 4;
    case LOG_LEVEL_INFO:
        return 6;
    case LOG_LEVEL_DEBUG:
    case LOG_LEVEL_TRACE:
        break;
    }
    return 7;
}

/* RFC 3339, in UTC. */
static void stamp_write(char stamp[STAMP_SIZE_MAX], uint64_t real_ns) {
    time_t seconds = (time_t)(real_ns / CLOCK_NS_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t size = strftime(stamp, STAMP_SIZE_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + size, STAMP_SIZE_MAX - size, ".%06uZ",
             (unsigned)(real_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_US));
}

/* What stands before the text. */
static size_t head_write(char head[HEAD_SIZE_MAX], const struct log_layout *layout, enum log_level level,
                         uint64_t real_ns) {
    char stamp[STAMP_SIZE_MAX];
    char number[8] = "";
    int size = 0;
    if (layout->stamped || layout->format == LOG_FORMAT_JSON) {
        stamp_write(stamp, real_ns);
    }
    if (layout->journal) {
        snprintf(number, sizeof(number), "<%d>", level_number(level));
    }
    if (layout->format == LOG_FORMAT_JSON) {
        size = snprintf(head, HEAD_SIZE_MAX, "%s{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", number,
                        stamp, level_word(level));
    } else if (layout->stamped) {
        size = snprintf(head, HEAD_SIZE_MAX, "%s%s riposte: %s: ", number, stamp, level_word(level));
    } else if (layout->journal || level == LOG_LEVEL_TRACE) {
        /* The journal knows who it is and what level; commands look as they do in memcached. */
        size = snprintf(head, HEAD_SIZE_MAX, "%s", number);
    } else {
        size = snprintf(head, HEAD_SIZE_MAX, "riposte: %s", level == LOG_LEVEL_WARNING ? "warning: " : "");
    }
    return (size_t)size;
}

/* One byte of the text. */
static size_t byte_write(char *at, enum log_format format, unsigned char byte) {
    if (format == LOG_FORMAT_TEXT) {
        *at = (char)(byte < ' ' || byte == 0x7f ? '?' : byte);
        return 1;
    }
    if (byte == '"' || byte == '\\') {
        at[0] = '\\';
        at[1] = (char)byte;
        return 2;
    }
    if (byte < ' ' || byte >= 0x7f) { /* no text of ours; RFC 8259 wants UTF-8 */
        return (size_t)snprintf(at, JSON_ESCAPE_SIZE_MAX + 1, "\\u%04x", byte);
    }
    *at = (char)byte;
    return 1;
}

size_t log_text_write(char line[LOG_LINE_SIZE_MAX], const struct log_layout *layout, enum log_level level,
                      uint64_t real_ns, const char *text) {
    const char *end = layout->format == LOG_FORMAT_JSON ? "\"}\n" : "\n";
    size_t end_size = strlen(end);
    size_t size = head_write(line, layout, level, real_ns);
    while (*text != '\0') {
        char escaped[JSON_ESCAPE_SIZE_MAX + 1];
        size_t escaped_size = byte_write(escaped, layout->format, (unsigned char)*text++);
        if (size + escaped_size > LOG_LINE_SIZE_MAX - end_size) {
            break;
        }
        memcpy(line + size, escaped, escaped_size);
        size += escaped_size;
    }
    memcpy(line + size, end, end_size);
    return size + end_size;
}
