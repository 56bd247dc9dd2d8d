/* SPDX-License-Identifier: MIT
 *
 * log: lines for the operator, on standard error or in a file.
 *
 * One line per call, written with one write(2), so that lines of several threads never mix. Nothing on the
 * path of a request logs, unless every command is asked for (LOG_LEVEL_TRACE). Level, place and layout are set once,
 * before threads start, and only read afterwards. Any thread may call.
 *
 *      a terminal, a pipe    riposte: text                riposte: warning: text
 *      a file                2026-01-31T12:00:00.000000Z riposte: warning: text
 *      systemd's journal     <4>text
 *      JSON, anywhere        {"time":"2026-01-31T12:00:00.000000Z","level":"warning","message":"text"}
 *
 * Control characters of the text are written as `?`, in JSON as they are escaped there: no text makes a second line.
 */
#ifndef RIPOSTE_LOG_H
#define RIPOSTE_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum log_level {
    LOG_LEVEL_ERROR,   /* the process cannot go on, or something it promised did not happen */
    LOG_LEVEL_WARNING, /* it goes on, but not as the operator asked */
    LOG_LEVEL_INFO,    /* start line, stop line */
    LOG_LEVEL_DEBUG,   /* -v: connections, and how they end */
    LOG_LEVEL_TRACE,   /* -vv: every command and its answer */
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Most bytes of one line, line end included; a longer one is cut. */
enum { LOG_LINE_SIZE_MAX = 1024 };

/*
 * Shows lines up to and including `level`. Call before other threads start. The level at program start is
 * LOG_LEVEL_INFO.
 */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);

/*
 * Finds out what standard error is and lays lines out for that: a file (their time is told, too), the journal
 * (JOURNAL_STREAM names it: systemd.exec(5)), anything else. Call before other threads start; without it, lines are those
 * of a terminal.
 */
void log_begin(enum log_format format);

/*
 * From now on lines go to the end of the file at `path`, which is made if need be (mode 0640); errors go to standard error,
 * too. 0, or a negative errno and nothing changed. Before other threads start; log_begin was called. The file stays open
 * until the process ends.
 */
int log_open(const char *path);

/*
 * Writes the line of LOG_LEVEL_INFO at once: 0, or a negative errno where it is not taken, which is not counted as lost. Whether
 * there is room in a file, only a write tells. Before log_begin_writing.
 */
int log_try_line(const char *text);

/* The file that log_open has opened, from the root on; NULL without. Static storage. */
const char *log_file_path(void);

/* log_open was called and standard error shall be that file: what the C library or the kernel say there is kept. */
void log_take_standard_error(void);

/*
 * Opens the file of log_open by its name again (it was moved away): 0, or a negative errno, and the old one stays. One
 * thread; others may write meanwhile.
 */
int log_reopen(void);

/*
 * Before there are clients: where lines go to a file, a thread writes it from now on, and who logs waits for no disk; 1 MiB of
 * memory. Elsewhere nothing happens. 0, or a negative errno and lines are written as before. One thread, no other logs.
 */
int log_begin_writing(void);

/* Waits until every line so far is in the file. */
void log_flush(void);

/* There are no clients any more: what is left is written, and lines as before log_begin_writing. */
void log_end_writing(void);

/*
 * Writes the line. Never fails: what a pipe, a socket or a terminal does not take at once is lost, and the next line that
 * it takes is preceded by one that says how many were. So with a file between log_begin_writing and log_end_writing, where 512 KiB
 * may wait for the disk; before and after, it is written by the caller.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
