/* SPDX-License-Identifier: MIT
 *
 * log_writer: a thread that writes lines into a file, so that a slow disk holds nobody who logs.
 *
 *      any thread: log_writer_put --> filling, up to LOG_WRITER_SIZE_MAX --swapped--> being written --write(2)--> file
 *
 * Lines keep their order. What finds no room is lost, and a line says how many were. There is at most one writer.
 */
#ifndef RIPOSTE_LOG_WRITER_H
#define RIPOSTE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that wait to be written, and as many that are being written. */
enum { LOG_WRITER_SIZE_MAX = 512 * 1024 };

/*
 * From now on lines go through the thread to fd (borrowed until the stop; another file may be put in its place by dup2(2)). `say_lost`
 * words a line, with its end, of so many lost ones into `line` (LOG_LINE_SIZE_MAX bytes) and returns its size. 0, or a negative
 * errno and nothing started. Before other threads log.
 */
int log_writer_start(int fd, size_t (*say_lost)(char *line, unsigned count));

/*
 * Adds a line with its end. Takes a lock that is held for a copy, never for a write. False: no writer runs. Any thread.
 */
bool log_writer_put(const char *line, size_t size);

/* Waits until all that was put is written. */
void log_writer_flush(void);

/* The same, and ends the thread; nothing where none runs. */
void log_writer_stop(void);

#endif
