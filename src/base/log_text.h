/* SPDX-License-Identifier: MIT
 *
 * log_text: how a line of the log is laid out (riposte/log.h). Pure; any thread.
 */
#ifndef BASE_LOG_TEXT_H
#define BASE_LOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/log.h"

struct log_layout {
    bool stamped; /* time and level before the text; JSON always has both */
    bool journal; /* <N> before all: sd-daemon(3) */
    enum log_format format;
};

/*
 * Writes the line with its end into `line`, at most LOG_LINE_SIZE_MAX bytes; returns its size. `text` is cut where it does
 * not fit. real_ns is since 1970.
 */
size_t log_text_write(char line[LOG_LINE_SIZE_MAX], const struct log_layout *layout, enum log_level level,
                      uint64_t real_ns, const char *text);

#endif
