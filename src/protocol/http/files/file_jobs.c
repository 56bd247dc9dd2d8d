/* SPDX-License-Identifier: MIT
 *
 * file_jobs: the table of jobs under one lock, and the threads.
 */
#include "file_jobs.h"

#include <assert.h>
#include <string.h>

#include "riposte/clock.h"
#include "stack.h"

#define ANSWER_KEPT_NS CLOCK_NS_PER_S

/* --- the table; callers have the lock --------------------------------------------------------------------------- */

static bool job_is_for(const struct http_file_job *job, uint64_t hash, struct bytes path) {
    return job->state != HTTP_FILE_JOB_FREE && job->hash == hash && job->path_size == path.size &&
           (path.size == 0 || memcmp(job->path, path.data, path.size) == 0);
}

/* NULL when there is none. Bytes have no path: their hash says the file and the block. */
static struct http_file_job *jobs_search(struct http_file_jobs *jobs, uint64_t hash, struct bytes path) {
    for (unsigned i = 0; i < HTTP_FILE_JOBS_MAX; i++) {
        if (job_is_for(&jobs->jobs[i], hash, path)) {
            return &jobs->jobs[i];
        }
    }
    return NULL;
}

/* A free place, or that of the oldest answer; NULL when all are still to be done. */
static struct http_file_job *jobs_place(struct http_file_jobs *jobs) {
    struct http_file_job *oldest = NULL;
    for (unsigned i = 0; i < HTTP_FILE_JOBS_MAX; i++) {
        struct http_file_job *job = &jobs->jobs[i];
        if (job->state == HTTP_FILE_JOB_FREE) {
            return job;
        }
        if (job->state == HTTP_FILE_JOB_DONE && (oldest == NULL || job->done_ns < oldest->done_ns)) {
            oldest = job;
        }
    }
    return oldest;
}

/* The one that waits longest; NULL when none does. */
static struct http_file_job *jobs_next(struct http_file_jobs *jobs) {
    struct http_file_job *next = NULL;
    for (unsigned i = 0; i < HTTP_FILE_JOBS_MAX; i++) {
        struct http_file_job *job = &jobs->jobs[i];
        if (job->state == HTTP_FILE_JOB_QUEUED && (next == NULL || job->number < next->number)) {
            next = job;
        }
    }
    return next;
}

/* Its place is free; returns the file that it had, or NULL. */
static struct http_file *job_clear(struct http_file_job *job) {
    struct http_file *file = job->file;
    job->state = HTTP_FILE_JOB_FREE;
    job->file = NULL;
    return file;
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

/* What has come of it is told, or, of a look that is in the cache and of bytes, need not be. The caller has the lock. */
static void job_finish(struct http_file_job *job, const struct http_file_job *done) {
    job->file = done->file;
    job->outcome = done->outcome;
    job->done_ns = clock_monotonic_ns();
    job->state = done->path_size > 0 && !done->kept ? HTTP_FILE_JOB_DONE : HTTP_FILE_JOB_FREE;
    assert(job->state == HTTP_FILE_JOB_DONE || job->file == NULL);
}

/* One job. False: the end. */
static bool jobs_step(struct http_file_jobs *jobs) {
    struct http_file_job own;
    struct http_file_job *job = NULL;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping && (job = jobs_next(jobs)) == NULL) {
        pthread_cond_wait(&jobs->added, &jobs->lock);
    }
    bool goes_on = !jobs->stopping;
    if (goes_on) {
        job->state = HTTP_FILE_JOB_RUNNING;
        own = *job;
        pthread_mutex_unlock(&jobs->lock);
        jobs->calls.run(jobs->context, &own);
        pthread_mutex_lock(&jobs->lock);
        job_finish(job, &own);
    }
    pthread_mutex_unlock(&jobs->lock);
    return goes_on;
}

static void *thread_main(void *user) {
    struct http_file_jobs *jobs = user;
    while (jobs_step(jobs)) {
    }
    return NULL;
}

void http_file_jobs_init(struct http_file_jobs *jobs, const struct http_file_jobs_calls *calls,
                         void *context) {
    memset(jobs, 0, sizeof(*jobs)); /* too large for a literal, which would be on the stack */
    jobs->calls = *calls;
    jobs->context = context;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->added, NULL);
}

int http_file_jobs_start(struct http_file_jobs *jobs) {
    int error = 0;
    pthread_mutex_lock(&jobs->lock);
    while (jobs->threads_count < HTTP_FILE_JOBS_THREADS && error == 0) {
        error = stack_create_thread(&jobs->threads[jobs->threads_count], NULL, thread_main, jobs);
        jobs->threads_count += error == 0;
    }
    bool serves = jobs->threads_count > 0;
    pthread_mutex_unlock(&jobs->lock);
    return serves ? 0 : error;
}

void http_file_jobs_deinit(struct http_file_jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->added);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->threads_count; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    for (unsigned i = 0; i < HTTP_FILE_JOBS_MAX; i++) {
        struct http_file *file = job_clear(&jobs->jobs[i]);
        if (file != NULL) {
            jobs->calls.drop(file);
        }
    }
    pthread_cond_destroy(&jobs->added);
    pthread_mutex_destroy(&jobs->lock);
}

/* --- from workers ------------------------------------------------------------------------------------------------- */

bool http_file_jobs_add(struct http_file_jobs *jobs, const struct http_file_job *job) {
    struct http_file *dropped = NULL;
    pthread_mutex_lock(&jobs->lock);
    bool known = jobs_search(jobs, job->hash, bytes_of(job->path, job->path_size)) != NULL;
    struct http_file_job *place = known ? NULL : jobs_place(jobs);
    if (place != NULL) {
        dropped = job_clear(place);
        *place = *job;
        place->state = HTTP_FILE_JOB_QUEUED;
        place->number = jobs->number_next++;
        pthread_cond_signal(&jobs->added);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (dropped != NULL) {
        jobs->calls.drop(dropped);
    }
    return place != NULL;
}

bool http_file_jobs_find(struct http_file_jobs *jobs, uint64_t hash, struct bytes path,
                         enum http_file_outcome *outcome, struct http_file **file) {
    pthread_mutex_lock(&jobs->lock);
    struct http_file_job *job = jobs_search(jobs, hash, path);
    bool found = job != NULL;
    *outcome = HTTP_FILE_WAIT;
    *file = NULL;
    struct http_file *dropped = NULL;
    if (found && job->state == HTTP_FILE_JOB_DONE) {
        found = clock_monotonic_ns() - job->done_ns < ANSWER_KEPT_NS;
        *outcome = job->outcome;
        *(found ? file : &dropped) = job_clear(job);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (dropped != NULL) {
        jobs->calls.drop(dropped);
    }
    return found;
}
