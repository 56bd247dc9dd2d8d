/* SPDX-License-Identifier: MIT
 *
 * file_jobs: each thing once, so many at most, and what becomes of answers. Who asks is the test's own thread.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "file_jobs.h"

static struct http_file_jobs jobs;
static _Atomic unsigned done;
static _Atomic unsigned dropped;
static char file_of_nobody; /* stands for a file */

static void run(void *context, struct http_file_job *job) {
    cr_assert_eq(context, &jobs);
    job->kept = job->path[0] == 'k';
    job->outcome = job->path[0] == 'f' || job->kept ? HTTP_FILE_OK : HTTP_FILE_MISSING;
    job->file = job->path[0] == 'f' ? (struct http_file *)(void *)&file_of_nobody : NULL;
    atomic_fetch_add(&done, 1);
}

static void drop(void *file) {
    cr_assert_eq(file, &file_of_nobody);
    atomic_fetch_add(&dropped, 1);
}

static void init(void) {
    const struct http_file_jobs_calls calls = {.run = run, .drop = drop};
    http_file_jobs_init(&jobs, &calls, &jobs);
}

TestSuite(file_jobs, .init = init, .timeout = 60);

static uint64_t hash_of(const char *path) {
    return (uint64_t)path[0] << 8 | (uint64_t)path[strlen(path) - 1];
}

static bool add(const char *path) {
    struct http_file_job job = {.hash = hash_of(path), .path_size = strlen(path)};
    memcpy(job.path, path, job.path_size);
    return http_file_jobs_add(&jobs, &job);
}

static bool find(const char *path, enum http_file_outcome *outcome, struct http_file **file) {
    return http_file_jobs_find(&jobs, hash_of(path), bytes_from_string(path), outcome, file);
}

static void start_and_wait(unsigned count) {
    struct deadline deadline = deadline_of("the jobs");
    cr_assert_eq(http_file_jobs_start(&jobs), 0);
    cr_assert_eq(http_file_jobs_start(&jobs), 0);
    while (atomic_load(&done) < count) {
        deadline_wait(&deadline);
    }
}

/* Until a thread has told what its job has come to. */
static bool find_done(const char *path, enum http_file_outcome *outcome, struct http_file **file) {
    struct deadline deadline = deadline_of("an answer");
    bool found;
    while ((found = find(path, outcome, file)) && *outcome == HTTP_FILE_WAIT) {
        deadline_wait(&deadline);
    }
    return found;
}

Test(file_jobs, does_each_thing_once_and_tells_one_who_asks) {
    enum http_file_outcome outcome;
    struct http_file *file;
    cr_assert_not(find("missing", &outcome, &file));
    cr_assert(add("missing"));
    cr_assert_not(add("missing"));
    cr_assert(find("missing", &outcome, &file));
    cr_assert_eq(outcome, HTTP_FILE_WAIT);
    start_and_wait(1);
    cr_assert(find_done("missing", &outcome, &file));
    cr_assert_eq(outcome, HTTP_FILE_MISSING);
    cr_assert_not(find("missing", &outcome, &file));
    cr_assert(add("missing"));
    http_file_jobs_deinit(&jobs);
}

Test(file_jobs, hands_a_file_over_or_gives_it_up) {
    enum http_file_outcome outcome;
    struct http_file *file;
    cr_assert(add("f1"));
    cr_assert(add("f2"));
    start_and_wait(2);
    cr_assert(find_done("f1", &outcome, &file));
    cr_assert_eq(outcome, HTTP_FILE_OK);
    cr_assert_eq((void *)file, &file_of_nobody);
    http_file_jobs_deinit(&jobs);
    cr_assert_eq(atomic_load(&dropped), 1);
}

Test(file_jobs, tells_nothing_of_what_the_cache_knows) {
    enum http_file_outcome outcome;
    struct http_file *file;
    cr_assert(add("kept"));
    start_and_wait(1);
    cr_assert_not(find_done("kept", &outcome, &file));
    http_file_jobs_deinit(&jobs);
}

Test(file_jobs, takes_no_more_than_its_bound_and_an_answers_place_before_that) {
    char path[8];
    for (unsigned i = 0; i < HTTP_FILE_JOBS_MAX; i++) {
        snprintf(path, sizeof(path), "f%02u", i);
        cr_assert(add(path), "%s", path);
    }
    cr_assert_not(add("x"));
    start_and_wait(HTTP_FILE_JOBS_MAX);
    struct deadline deadline = deadline_of("a place");
    while (!add("x")) {
        deadline_wait(&deadline);
    }
    cr_assert_geq(atomic_load(&dropped), 1);
    http_file_jobs_deinit(&jobs);
    cr_assert_eq(atomic_load(&dropped), HTTP_FILE_JOBS_MAX);
}
