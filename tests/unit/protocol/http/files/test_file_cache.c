/* SPDX-License-Identifier: MIT
 *
 * file_cache: what is kept, when it is looked at again, its bounds, and what cannot be reached.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "deadline.h"
#include "file_cache.h"
#include "riposte/clock.h"

enum { SIZE_MAX_KEPT = HTTP_FILE_KEPT_SIZE_MAX };

static char root[64];
static struct http_file_cache *cache;

static void path_in(char path[256], const char *name) {
    snprintf(path, 256, "%s/%s", root, name);
}

static void file_write(const char *name, const char *text, size_t size) {
    char path[256];
    path_in(path, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void init(void) {
    snprintf(root, sizeof(root), "/tmp/riposte-files-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(http_file_cache_create(root, SIZE_MAX_KEPT, &cache), 0);
    cr_assert_eq(http_file_cache_start(cache), 0);
}

static void deinit(void) {
    char command[128];
    http_file_cache_destroy(cache);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(http_file_cache, .init = init, .fini = deinit);

/* Until no disk has to be waited for. */
static enum http_file_outcome take_keeping(const char *path, uint64_t seconds, bool keep_missing,
                                           struct http_file **file) {
    struct deadline deadline = deadline_of("an answer of the disk");
    enum http_file_outcome outcome;
    while ((outcome = http_file_take(cache, bytes_from_string(path), (1 + seconds) * CLOCK_NS_PER_S,
                                     keep_missing, file)) == HTTP_FILE_WAIT) {
        deadline_wait(&deadline);
    }
    return outcome;
}

static enum http_file_outcome take(const char *path, uint64_t seconds, struct http_file **file) {
    return take_keeping(path, seconds, false, file);
}

static void check_content(const char *path, uint64_t seconds, const char *text) {
    struct http_file *file;
    cr_assert_eq(take(path, seconds, &file), HTTP_FILE_OK, "%s", path);
    cr_assert(bytes_equal_string(bytes_of(file->data, file->identity.size), text), "%s", path);
    http_file_return(file);
}

Test(http_file_cache, looks_at_a_file_again_after_a_second) {
    file_write("a", "first", 5);
    check_content("a", 0, "first");
    file_write("a", "second", 6);
    check_content("a", 0, "first");
    check_content("a", 1, "second");
}

Test(http_file_cache, reads_an_unchanged_file_once) {
    struct http_file *first;
    struct http_file *second;
    file_write("a", "text", 4);
    cr_assert_eq(take("a", 0, &first), HTTP_FILE_OK);
    cr_assert_eq(take("a", 5, &second), HTTP_FILE_OK);
    cr_assert_eq(first, second);
    http_file_return(first);
    http_file_return(second);
}

Test(http_file_cache, keeps_what_was_taken_although_the_file_changes) {
    struct http_file *file;
    file_write("a", "first", 5);
    cr_assert_eq(take("a", 0, &file), HTTP_FILE_OK);
    file_write("a", "others", 6);
    check_content("a", 2, "others");
    cr_assert_eq(memcmp(file->data, "first", 5), 0);
    http_file_return(file);
}

/* How many reads still find a file that has just been cut short. */
static unsigned cuts_left;

static ssize_t read_cut(int fd, char *data, size_t size, uint64_t offset, bool cached) {
    if (cuts_left > 0) {
        cuts_left--;
        return 0;
    }
    return http_file_io_kernel.read(fd, data, size, offset, cached);
}

/* As a program does that opens it with O_TRUNC and writes then. */
Test(http_file_cache, looks_once_more_at_a_file_that_is_written_over) {
    const struct http_file_io io = {.open = http_file_io_kernel.open, .read = read_cut};
    struct http_file *file;
    cache->io = &io;
    cuts_left = 1;
    file_write("a", "text", 4);
    check_content("a", 0, "text");
    cuts_left = UINT_MAX; /* it says a size that it does not have, whenever it is asked */
    file_write("b", "text", 4);
    cr_assert_eq(take("b", 0, &file), HTTP_FILE_MISSING);
    cuts_left = 0;
}

Test(http_file_cache, gives_another_tag_to_another_state) {
    /* The kernel's clock for files moves in steps of some milliseconds: the second state gets a time of its own. */
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char path[256];
    struct http_file *first;
    struct http_file *second;
    file_write("a", "first", 5);
    cr_assert_eq(take("a", 0, &first), HTTP_FILE_OK);
    file_write("a", "other", 5);
    path_in(path, "a");
    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    cr_assert_eq(take("a", 2, &second), HTTP_FILE_OK);
    cr_assert_neq(first->etag, second->etag);
    http_file_return(first);
    http_file_return(second);
}

Test(http_file_cache, reaches_nothing_outside_its_folder) {
    char path[256];
    struct http_file *file;
    path_in(path, "link");
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    path_in(path, "up");
    cr_assert_eq(symlink("../../etc/passwd", path), 0);
    path_in(path, "folder");
    cr_assert_eq(mkdir(path, 0700), 0);
    path_in(path, "outside");
    cr_assert_eq(symlink("/etc", path), 0);
    static const char *const paths[] = {
        "link",           "up", "../etc/passwd", "/etc/passwd", "folder/../../etc/passwd",
        "outside/passwd", "..", "none",          "folder/none", ""};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cr_assert_eq(take(paths[i], 0, &file), HTTP_FILE_MISSING, "%s", paths[i]);
    }
    cr_assert_eq(take("folder", 0, &file), HTTP_FILE_DIRECTORY);
}

Test(http_file_cache, follows_links_that_stay_inside) {
    char path[256];
    file_write("a", "text", 4);
    path_in(path, "inner");
    cr_assert_eq(symlink("a", path), 0);
    check_content("inner", 0, "text");
}

Test(http_file_cache, is_not_held_up_by_a_pipe) {
    char path[256];
    struct http_file *file;
    path_in(path, "pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(take("pipe", 0, &file), HTTP_FILE_MISSING);
}

Test(http_file_cache, keeps_a_file_of_half_its_memory_and_opens_a_larger_one) {
    static char text[SIZE_MAX_KEPT];
    struct http_file *file;
    file_write("half", text, SIZE_MAX_KEPT / 2);
    file_write("more", text, SIZE_MAX_KEPT / 2 + 1);
    cr_assert_eq(take("half", 0, &file), HTTP_FILE_OK);
    cr_assert(file->data != NULL && file->sent.fd == -1);
    http_file_return(file);
    cr_assert_eq(take("more", 0, &file), HTTP_FILE_OK);
    cr_assert(file->data == NULL && file->sent.fd >= 0);
    http_file_return(file);
}

Test(http_file_cache, never_passes_its_bound_of_bytes) {
    static char text[SIZE_MAX_KEPT / 8];
    char name[16];
    for (unsigned i = 0; i < 100; i++) {
        struct http_file *file;
        snprintf(name, sizeof(name), "f%u", i);
        file_write(name, text, sizeof(text));
        cr_assert_eq(take(name, 0, &file), HTTP_FILE_OK);
        cr_assert_not_null(file->data);
        http_file_return(file);
        cr_assert_leq(atomic_load(&cache->size), SIZE_MAX_KEPT);
    }
    cr_assert_geq(atomic_load(&cache->size), SIZE_MAX_KEPT / 2);
}

Test(http_file_cache, opens_what_readers_leave_no_room_for) {
    static char text[SIZE_MAX_KEPT / 2];
    struct http_file *held[2];
    struct http_file *file;
    file_write("a", text, sizeof(text));
    file_write("b", text, sizeof(text));
    file_write("c", text, sizeof(text));
    cr_assert_eq(take("a", 0, &held[0]), HTTP_FILE_OK);
    cr_assert_eq(take("b", 0, &held[1]), HTTP_FILE_OK);
    cr_assert_eq(take("c", 0, &file), HTTP_FILE_OK);
    cr_assert(file->data == NULL && file->sent.fd >= 0);
    http_file_return(file);
    http_file_return(held[0]);
    http_file_return(held[1]);
}

Test(http_file_cache, never_passes_its_bound_of_files) {
    char name[16];
    unsigned known = 0;
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT * HTTP_FILE_SHARD_ENTRIES_MAX + 1000; i++) {
        struct http_file *file;
        snprintf(name, sizeof(name), "m%u", i);
        cr_assert_eq(take_keeping(name, 0, true, &file), HTTP_FILE_MISSING);
    }
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
        for (unsigned j = 0; j < HTTP_FILE_SHARD_ENTRIES_MAX; j++) {
            known += cache->shards[i].entries[j].file != NULL;
        }
    }
    cr_assert_gt(known, HTTP_FILE_SHARDS_COUNT * HTTP_FILE_SHARD_ENTRIES_MAX / 2);
}

Test(http_file_cache, forgets_within_a_second_that_a_file_was_missing) {
    struct http_file *file;
    cr_assert_eq(take_keeping("late", 0, true, &file), HTTP_FILE_MISSING);
    file_write("late", "here", 4);
    cr_assert_eq(take_keeping("late", 0, true, &file), HTTP_FILE_MISSING);
    check_content("late", 1, "here");
}

Test(http_file_cache, says_why_a_folder_cannot_be_served) {
    struct http_file_cache *other;
    char path[256];
    file_write("a", "", 0);
    path_in(path, "a");
    cr_assert_eq(http_file_cache_create(path, SIZE_MAX_KEPT, &other), -ENOTDIR);
    path_in(path, "none");
    cr_assert_eq(http_file_cache_create(path, SIZE_MAX_KEPT, &other), -ENOENT);
}

Test(http_file_cache, never_keeps_more_descriptors_than_its_bound) {
    enum { FILES = HTTP_FILE_DESCRIPTORS_MAX + 1 };
    static char text[SIZE_MAX_KEPT / 2 + 1];
    char name[16];
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "d%u", i);
        file_write(name, text, sizeof(text));
    }
    for (unsigned i = 0; i < FILES; i++) {
        struct http_file *file;
        snprintf(name, sizeof(name), "d%u", i);
        cr_assert_eq(take(name, 0, &file), HTTP_FILE_OK);
        cr_assert_geq(file->sent.fd, 0);
        unsigned expected = i < HTTP_FILE_DESCRIPTORS_MAX ? i + 1 : HTTP_FILE_DESCRIPTORS_MAX;
        /* One whose shard has none to put out is served, and not kept. */
        cr_assert_leq(atomic_load(&cache->descriptors_count), expected);
        http_file_return(file);
    }
    cr_assert_eq(atomic_load(&cache->descriptors_count), HTTP_FILE_DESCRIPTORS_MAX);
}

/* --- a disk that takes its time ----------------------------------------------------------------------------------- */

/* Nothing is in the kernel's memory; whoever may wait waits until disk.answers. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    pthread_t worker;
    unsigned answers;      /* calls that may still be answered */
    unsigned waiting;      /* threads in a call that waits */
    unsigned worker_calls; /* of the worker's thread that would have waited */
    bool blind;            /* the file system cannot say what is in memory */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static void disk_wait(void) {
    pthread_mutex_lock(&disk.lock);
    disk.worker_calls += pthread_equal(pthread_self(), disk.worker) != 0;
    disk.waiting++;
    while (disk.answers == 0) {
        pthread_cond_wait(&disk.moved, &disk.lock);
    }
    disk.answers--;
    disk.waiting--;
    pthread_mutex_unlock(&disk.lock);
}

static void disk_answer(unsigned calls) {
    pthread_mutex_lock(&disk.lock);
    disk.answers = calls;
    pthread_cond_broadcast(&disk.moved);
    pthread_mutex_unlock(&disk.lock);
}

static void disk_expect_waiting(unsigned count) {
    struct deadline deadline = deadline_of("threads that wait for the disk");
    unsigned waiting = 0;
    while (waiting != count) {
        pthread_mutex_lock(&disk.lock);
        waiting = disk.waiting;
        pthread_mutex_unlock(&disk.lock);
        if (waiting != count) {
            deadline_wait(&deadline);
        }
    }
}

static int disk_open(int root_fd, const char *path, bool cached) {
    if (cached) {
        return -EAGAIN;
    }
    disk_wait();
    return http_file_io_kernel.open(root_fd, path, false);
}

static ssize_t disk_read(int fd, char *data, size_t size, uint64_t offset, bool cached) {
    if (cached) {
        return disk.blind ? -EOPNOTSUPP : -EAGAIN;
    }
    disk_wait();
    return http_file_io_kernel.read(fd, data, size, offset, false);
}

static const struct http_file_io disk_io = {.open = disk_open, .read = disk_read};

static void init_slow(void) {
    init();
    disk.worker = pthread_self();
    cache->io = &disk_io;
}

static void deinit_slow(void) {
    cr_assert_eq(disk.worker_calls, 0, "the worker has waited for the disk");
    disk_answer(UINT32_MAX);
    deinit();
}

TestSuite(http_file_cache_slow, .init = init_slow, .fini = deinit_slow, .timeout = 60);

/* Does not wait. */
static enum http_file_outcome try(const char *path, uint64_t seconds, struct http_file **file) {
    return http_file_take(cache, bytes_from_string(path), (1 + seconds) * CLOCK_NS_PER_S, false, file);
}

Test(http_file_cache_slow, asks_a_thread_and_serves_what_it_brings) {
    struct http_file *file;
    file_write("a", "text", 4);
    cr_assert_eq(try("a", 0, &file), HTTP_FILE_WAIT);
    disk_expect_waiting(1);
    cr_assert_eq(try("a", 0, &file), HTTP_FILE_WAIT);
    disk_answer(UINT32_MAX);
    check_content("a", 0, "text");
}

Test(http_file_cache_slow, serves_what_is_known_while_others_wait) {
    struct http_file *file;
    file_write("known", "text", 4);
    file_write("cold", "cold", 4);
    disk_answer(2);
    check_content("known", 0, "text");
    for (unsigned i = 0; i < 4 * HTTP_FILE_JOBS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "no%u", i);
        cr_assert_eq(try(name, 0, &file), HTTP_FILE_WAIT);
    }
    disk_expect_waiting(HTTP_FILE_JOBS_THREADS);
    cr_assert_eq(try("known", 0, &file), HTTP_FILE_OK);
    http_file_return(file);
    cr_assert_eq(try("known", 5, &file), HTTP_FILE_OK); /* nobody can ask whether it has changed */
    http_file_return(file);
    disk_answer(UINT32_MAX);
    check_content("cold", 0, "cold");
}

Test(http_file_cache_slow, learns_from_the_disk_that_a_file_has_changed_or_gone) {
    char path[256];
    struct deadline deadline = deadline_of("the new state");
    struct http_file *file;
    file_write("a", "first", 5);
    disk_answer(UINT32_MAX);
    check_content("a", 0, "first");
    file_write("a", "second", 6);
    while (try("a", 2, &file) == HTTP_FILE_OK && file->identity.size == 5) {
        http_file_return(file);
        deadline_wait(&deadline);
    }
    http_file_return(file);
    check_content("a", 2, "second");
    path_in(path, "a");
    cr_assert_eq(unlink(path), 0);
    while (try("a", 4, &file) == HTTP_FILE_OK) {
        http_file_return(file);
        deadline_wait(&deadline);
    }
    cr_assert_eq(take("a", 4, &file), HTTP_FILE_MISSING);
}

/* Whether the bytes may be sent, once the threads had their time. */
static void expect_ready(struct http_file *file, uint64_t offset, size_t size) {
    struct deadline deadline = deadline_of("bytes of a file");
    while (!file->sent.ready(&file->sent, offset, size)) {
        deadline_wait(&deadline);
    }
}

Test(http_file_cache_slow, brings_the_bytes_of_a_large_file_before_they_are_sent) {
    enum { SIZE = HTTP_PAGE_CACHE_BLOCK_SIZE + 5000 };
    static char text[SIZE];
    struct http_file *file;
    disk.blind = true;
    file_write("large", text, SIZE);
    disk_answer(1);
    cr_assert_eq(take("large", 0, &file), HTTP_FILE_OK);
    cr_assert_not(file->sent.ready(&file->sent, 0, 1));
    disk_expect_waiting(1);
    cr_assert_not(file->sent.ready(&file->sent, 0, SIZE));
    cr_assert_not(file->sent.ready(&file->sent, 0, SIZE));
    disk_expect_waiting(1);
    disk_answer(UINT32_MAX);
    expect_ready(file, 0, HTTP_PAGE_CACHE_BLOCK_SIZE);
    expect_ready(file, HTTP_PAGE_CACHE_BLOCK_SIZE - 1, 5001);
    disk_answer(0);
    cr_assert(file->sent.ready(&file->sent, 0, SIZE)); /* remembered */
    http_file_return(file);
}
