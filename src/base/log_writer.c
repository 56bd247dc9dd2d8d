/* SPDX-License-Identifier: MIT
 *
 * log_writer: two buffers, a lock that is never held while one of them is written, and the thread. See log_writer.h.
 */
#include "log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "riposte/log.h"
#include "stack.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled, written;
    char *filling, *writing; /* LOG_WRITER_SIZE_MAX bytes each, owned */
    size_t filling_size;
    unsigned lost; /* lines, since the last time that it was said */
    bool is_writing;
    bool stopping;
    int fd;
    size_t (*say_lost)(char *line, unsigned count);
    pthread_t thread;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .filled = PTHREAD_COND_INITIALIZER,
            .written = PTHREAD_COND_INITIALIZER};

/* Changes under the lock; what is read without it is only a hint, which saves the lock where no writer runs. */
static atomic_bool writer_runs;

static bool file_write(const char *data, size_t size) {
    while (size > 0) {
        ssize_t taken = write(writer.fd, data, size);
        if (taken < 0 && errno != EINTR) {
            return false;
        }
        data += taken > 0 ? taken : 0;
        size -= taken > 0 ? (size_t)taken : 0;
    }
    return true;
}

static unsigned lines_count(const char *data, size_t size) {
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        count += data[i] == '\n';
    }
    return count;
}

/* Writes what has come, and how much did not find room behind it. With the lock held, which is given away meanwhile. */
static void writer_turn(void) {
    char line[LOG_LINE_SIZE_MAX];
    char *data = writer.filling;
    size_t size = writer.filling_size;
    unsigned lost = writer.lost;
    writer.filling = writer.writing;
    writer.writing = data;
    writer.filling_size = 0;
    writer.lost = 0;
    writer.is_writing = true;
    pthread_mutex_unlock(&writer.lock);
    lost += file_write(data, size) ? 0 : lines_count(data, size);
    bool said = lost == 0 || file_write(line, writer.say_lost(line, lost));
    pthread_mutex_lock(&writer.lock);
    writer.lost += said ? 0 : lost;
    writer.is_writing = false;
    pthread_cond_broadcast(&writer.written);
}

static void *writer_main(void *unused) {
    (void)unused;
    pthread_mutex_lock(&writer.lock);
    for (;;) {
        if (writer.filling_size > 0) {
            writer_turn();
        } else if (writer.stopping) {
            atomic_store(&writer_runs, false); /* from here on who logs writes again */
            break;
        } else {
            pthread_cond_wait(&writer.filled, &writer.lock);
        }
    }
    pthread_mutex_unlock(&writer.lock);
    return NULL;
}

/* No signal is for this thread. */
static int thread_start(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = stack_create_thread(&writer.thread, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void buffers_free(void) {
    free(writer.filling);
    free(writer.writing);
    writer.filling = writer.writing = NULL;
}

int log_writer_start(int fd, size_t (*say_lost)(char *line, unsigned count)) {
    writer.filling = malloc(LOG_WRITER_SIZE_MAX);
    writer.writing = malloc(LOG_WRITER_SIZE_MAX);
    writer.fd = fd;
    writer.say_lost = say_lost;
    writer.stopping = false;
    int error = writer.filling == NULL || writer.writing == NULL ? -ENOMEM : thread_start();
    if (error < 0) {
        buffers_free();
        return error;
    }
    atomic_store(&writer_runs, true);
    return 0;
}

/* With the lock held. */
static void line_add(const char *line, size_t size) {
    if (size <= LOG_WRITER_SIZE_MAX - writer.filling_size) {
        memcpy(writer.filling + writer.filling_size, line, size);
        writer.filling_size += size;
        if (writer.filling_size == size) { /* it may sleep */
            pthread_cond_signal(&writer.filled);
        }
    } else {
        writer.lost++;
    }
}

bool log_writer_put(const char *line, size_t size) {
    if (!atomic_load(&writer_runs)) {
        return false;
    }
    pthread_mutex_lock(&writer.lock);
    bool runs = atomic_load(&writer_runs); /* it may just have ended */
    if (runs) {
        line_add(line, size);
    }
    pthread_mutex_unlock(&writer.lock);
    return runs;
}

void log_writer_flush(void) {
    pthread_mutex_lock(&writer.lock);
    while (atomic_load(&writer_runs) && (writer.filling_size > 0 || writer.is_writing)) {
        pthread_cond_wait(&writer.written, &writer.lock);
    }
    pthread_mutex_unlock(&writer.lock);
}

void log_writer_stop(void) {
    if (!atomic_load(&writer_runs)) {
        return;
    }
    pthread_mutex_lock(&writer.lock);
    writer.stopping = true;
    pthread_cond_signal(&writer.filled);
    pthread_mutex_unlock(&writer.lock);
    pthread_join(writer.thread, NULL);
    buffers_free();
}
