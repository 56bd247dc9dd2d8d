/* SPDX-License-Identifier: MIT
 *
 * log: one line, one write(2). See riposte/log.h.
 *
 * The line is built on the stack: no allocation, no stdio buffer. Where it cannot be written without waiting (a pipe that
 * nobody reads), it is lost and counted. Of a file nobody can say that beforehand: while there are clients a thread
 * writes it (log_writer.h). Any thread may call.
 */
#include "riposte/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_text.h"
#include "log_writer.h"
#include "riposte/clock.h"

enum { LOG_PATH_SIZE_MAX = 4096, LOG_FILE_MODE = 0640 };

/* Set before other threads start, only read afterwards: no atomic is needed. */
static enum log_level level_shown = LOG_LEVEL_INFO;
static struct log_layout layout_shown;
static int log_fd = STDERR_FILENO; /* its number stays, whatever file it is */
static char
    log_path[LOG_PATH_SIZE_MAX]; /* absolute: a daemon changes its folder; empty exactly without log_open */
static bool error_is_log = true; /* standard error and log_fd are the same */

/* Lines that were not taken since the last one that was. */
static atomic_uint lost_count;

void log_level_set(enum log_level level) {
    level_shown = level;
}

enum log_level log_level_get(void) {
    return level_shown;
}

/* --- where lines go -------------------------------------------------------------------------------------- */

/* JOURNAL_STREAM is "<device>:<inode>" of the socket that the service manager made standard error. */
static bool error_is_journal(const struct stat *status) {
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status->st_dev, (uintmax_t)status->st_ino);
    return stream != NULL && strcmp(stream, own) == 0;
}

void log_begin(enum log_format format) {
    struct stat status;
    layout_shown = (struct log_layout){.format = format};
    if (fstat(STDERR_FILENO, &status) == 0) {
        layout_shown.stamped = S_ISREG(status.st_mode);
        layout_shown.journal = error_is_journal(&status);
    }
}

/* NONBLOCK: a named pipe without a reader is an error instead of a wait. */
static int file_open(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, LOG_FILE_MODE);
    return fd < 0 ? -errno : fd;
}

/* True when `path` fits, made absolute. */
static bool path_keep(const char *path) {
    char folder[LOG_PATH_SIZE_MAX] = "";
    if (path[0] != '/' && getcwd(folder, sizeof(folder)) == NULL) {
        return false;
    }
    int size = snprintf(log_path, sizeof(log_path), "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
    return size > 0 && (size_t)size < sizeof(log_path);
}

int log_open(const char *path) {
    int fd = file_open(path);
    if (fd < 0) {
        return fd;
    }
    if (!path_keep(path)) {
        log_path[0] = '\0';
        close(fd);
        return -ENAMETOOLONG;
    }
    log_fd = fd;
    error_is_log = false;
    layout_shown.stamped = true;
    layout_shown.journal = false;
    return 0;
}

const char *log_file_path(void) {
    return log_path[0] == '\0' ? NULL : log_path;
}

void log_take_standard_error(void) {
    error_is_log = log_path[0] != '\0' && dup2(log_fd, STDERR_FILENO) == STDERR_FILENO;
}

int log_reopen(void) {
    log_flush();
    int fd = file_open(log_path);
    if (fd < 0) {
        return fd;
    }
    /* The same number: who writes just now has either file (dup(2): atomic). */
    int result = dup3(fd, log_fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    if (result == 0 && error_is_log) {
        dup2(log_fd, STDERR_FILENO);
    }
    return result;
}

/* --- lines ------------------------------------------------------------------------------------------------ */

/*
 * Whether a line can be written without waiting: a pipe is ready while a page of it is free, which is more than
 * a line.
 */
static bool is_ready(int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0;
}

int log_try_line(const char *text) {
    char line[LOG_LINE_SIZE_MAX];
    size_t size = log_text_write(line, &layout_shown, LOG_LEVEL_INFO, clock_real_ns(), text);
    if (!is_ready(log_fd)) {
        return -EAGAIN;
    }
    return write(log_fd, line, size) < 0 ? -errno : 0;
}

/* One attempt. */
static void line_write(enum log_level level, const char *text) {
    char line[LOG_LINE_SIZE_MAX];
    size_t size = log_text_write(line, &layout_shown, level, clock_real_ns(), text);
    if (log_writer_put(line, size)) {
        return;
    }
    if (!is_ready(log_fd) || write(log_fd, line, size) < 0) {
        /* relaxed, here and below: a number, it orders nothing. */
        atomic_fetch_add_explicit(&lost_count, 1, memory_order_relaxed);
    }
}

static void lost_text(char text[LOG_LINE_SIZE_MAX], unsigned count) {
    snprintf(text, LOG_LINE_SIZE_MAX, "%u lines before this one were lost: %s took no more", count,
             log_path[0] == '\0' ? "standard error" : "the file");
}

/* Says how many lines are missing before the next one. */
static void lost_write(void) {
    char text[LOG_LINE_SIZE_MAX];
    if (atomic_load_explicit(&lost_count, memory_order_relaxed) == 0 || !is_ready(log_fd)) {
        return;
    }
    unsigned count = atomic_exchange_explicit(&lost_count, 0, memory_order_relaxed);
    lost_text(text, count);
    line_write(LOG_LEVEL_WARNING, text);
}

/* The same for the thread that writes a file. */
static size_t lost_line(char *line, unsigned count) {
    char text[LOG_LINE_SIZE_MAX];
    lost_text(text, count);
    return log_text_write(line, &layout_shown, LOG_LEVEL_WARNING, clock_real_ns(), text);
}

int log_begin_writing(void) {
    struct stat status;
    bool is_file = fstat(log_fd, &status) == 0 && S_ISREG(status.st_mode);
    return is_file ? log_writer_start(log_fd, lost_line) : 0;
}

void log_flush(void) {
    log_writer_flush();
}

void log_end_writing(void) {
    log_writer_stop();
}

/* An error that ends the start is seen where the start was asked for. */
static void error_write(const char *text) {
    static const struct log_layout plain;
    char line[LOG_LINE_SIZE_MAX];
    size_t size = log_text_write(line, &plain, LOG_LEVEL_ERROR, 0, text);
    ssize_t written = is_ready(STDERR_FILENO) ? write(STDERR_FILENO, line, size) : 0;
    (void)written; /* the line is in the file */
}

static void log_arguments(enum log_level level, const char *format, va_list arguments) {
    char text[LOG_LINE_SIZE_MAX];
    int error_saved = errno;
    vsnprintf(text, sizeof(text), format, arguments);
    lost_write();
    line_write(level, text);
    if (level == LOG_LEVEL_ERROR && !error_is_log) {
        error_write(text);
    }
    errno = error_saved;
}

void log_line(enum log_level level, const char *format, ...) {
    if (level > level_shown) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    log_arguments(level, format, arguments);
    va_end(arguments);
}
