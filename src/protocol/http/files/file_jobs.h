/* SPDX-License-Identifier: MIT
 *
 * file_jobs: threads that wait for a disk, so that workers need not, and what they are to do.
 *
 *      FREE --http_file_jobs_add--> QUEUED --a thread--> RUNNING --> DONE --http_file_jobs_find--> FREE
 *                                                           \--nothing to tell--> FREE
 *
 * A bounded table: where it is full nothing is added, and who asks asks again. An answer that nobody has come for is
 * forgotten after a second, or when its place is needed. Any thread may call.
 */
#ifndef HTTP_FILE_JOBS_H
#define HTTP_FILE_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "file_io.h"
#include "riposte/bytes.h"

struct http_file;

enum {
    HTTP_FILE_JOBS_THREADS = 4, /* one that a disk holds up is not all */
    HTTP_FILE_JOBS_MAX = 64,
};

enum http_file_outcome {
    HTTP_FILE_OK,
    HTTP_FILE_MISSING, /* also: not to be read, not a plain file, outside the folder */
    HTTP_FILE_DIRECTORY,
    HTTP_FILE_NO_MEMORY, /* or no descriptor */
    HTTP_FILE_WAIT,      /* a disk is asked: to be asked again some milliseconds later */
};

enum http_file_job_state {
    HTTP_FILE_JOB_FREE,
    HTTP_FILE_JOB_QUEUED,
    HTTP_FILE_JOB_RUNNING,
    HTTP_FILE_JOB_DONE
};

/* To look at a path, or, with path_size 0, to bring bytes of a file into the kernel's page cache. */
struct http_file_job {
    enum http_file_job_state state;
    uint64_t number; /* jobs begin in this order */
    uint64_t hash;   /* of what it is for */
    char path[HTTP_FILE_PATH_SIZE_MAX];
    size_t path_size;
    bool keep_missing;
    uint64_t asked_ns;
    struct http_file
        *file;      /* a reference: whose bytes; or what a look has found that the cache does not keep */
    uint64_t block; /* of the file */
    bool kept;      /* the cache knows what has come of it: nobody need be told */
    enum http_file_outcome outcome; /* of a look */
    uint64_t done_ns;
};

struct http_file_jobs_calls {
    /* Does it, on a copy that is the thread's own; sets the outcome, and the file where that is to be taken. */
    void (*run)(void *context, struct http_file_job *job);

    /* Gives up a file that nobody has taken. */
    void (*drop)(void *file);
};

struct http_file_jobs {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t added;
    pthread_t threads[HTTP_FILE_JOBS_THREADS];
    unsigned threads_count;
    bool stopping;
    uint64_t number_next;
    struct http_file_job jobs[HTTP_FILE_JOBS_MAX];

    struct http_file_jobs_calls calls; /* constant */
    void *context;                     /* theirs; constant */
};

/* No thread runs yet. */
void http_file_jobs_init(struct http_file_jobs *jobs, const struct http_file_jobs_calls *calls,
                         void *context);

/*
 * Starts the threads, once: they have the rights of whoever calls it first (Landlock is of a thread, and of those that it
 * starts). 0, or a negative errno where there is none.
 */
int http_file_jobs_start(struct http_file_jobs *jobs);

/* Ends the threads; a job that is running is waited for, one that is queued is not done. */
void http_file_jobs_deinit(struct http_file_jobs *jobs);

/* Adds a copy. False: it is there already, or there is no place: the caller keeps job->file. */
bool http_file_jobs_add(struct http_file_jobs *jobs, const struct http_file_job *job);

/*
 * What has come of a look that left nothing in the cache: OK with a file, which the caller takes over, MISSING, DIRECTORY,
 * NO_MEMORY. WAIT: it is under way. False: there is no such job.
 */
bool http_file_jobs_find(struct http_file_jobs *jobs, uint64_t hash, struct bytes path,
                         enum http_file_outcome *outcome, struct http_file **file);

#endif
