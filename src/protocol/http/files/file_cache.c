/* SPDX-License-Identifier: MIT
 *
 * file_cache: looks at the file system, by workers without waiting and by the threads of file_jobs.h.
 */
#include "file_cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "riposte/clock.h"
#include "riposte/random.h"

static void cache_run(void *context, struct http_file_job *job);
static bool file_sent_ready(struct reply_file *sent, uint64_t offset, size_t size);

int http_file_cache_create(const char *root, size_t size_max, struct http_file_cache **cache) {
    struct http_file_cache *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    /* PATH: names are looked up from it, which takes no right to list it. DIRECTORY: anything else is refused at the start. */
    made->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (made->root_fd < 0) {
        int error = errno;
        free(made);
        return -error;
    }
    made->size_max = size_max;
    made->file_size_max = size_max / 2 < HTTP_FILE_KEPT_SIZE_MAX ? size_max / 2 : HTTP_FILE_KEPT_SIZE_MAX;
    made->hash_seed = random_seed();
    made->io = &http_file_io_kernel;
    const struct http_file_jobs_calls calls = {.run = cache_run, .drop = http_file_return};
    http_file_jobs_init(&made->jobs, &calls, made);
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
        http_file_shard_init(&made->shards[i]);
    }
    *cache = made;
    return 0;
}

int http_file_cache_start(struct http_file_cache *cache) {
    return http_file_jobs_start(&cache->jobs);
}

/* --- room ----------------------------------------------------------------------------------------------------- */

/* The oldest file of each shard in turn goes until `size` more bytes fit. False when readers hold too much. */
static bool cache_make_room(struct http_file_cache *cache, size_t size) {
    bool evicted = true;
    while (evicted && atomic_load(&cache->size) + size > cache->size_max) {
        evicted = false;
        for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
            if (atomic_load(&cache->size) + size <= cache->size_max) {
                return true;
            }
            evicted |= http_file_shard_evict(&cache->shards[i]);
        }
    }
    return atomic_load(&cache->size) + size <= cache->size_max;
}

static enum http_file_outcome outcome_of(int error) {
    switch (-error) {
    case EAGAIN:
    case EOPNOTSUPP: /* it cannot say whether it would wait */
    case ENODATA: /* it has shrunk since its size was asked for: somebody writes it over, and it is there all the time */
        return HTTP_FILE_WAIT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return HTTP_FILE_NO_MEMORY;
    default:
        return HTTP_FILE_MISSING;
    }
}

/* Reads the contents where they are small and there is room; else the file stays open, to be sent from. */
static enum http_file_outcome file_load(struct http_file *file, bool may_wait) {
    size_t size = file->identity.size;
    if (size > file->cache->file_size_max || !cache_make_room(file->cache, size)) {
        return HTTP_FILE_OK;
    }
    int error = http_file_load(file, may_wait);
    return error == 0 ? HTTP_FILE_OK : outcome_of(error);
}

/* --- one look at the file system ---------------------------------------------------------------------------------- */

/* A path that is looked at. */
struct look {
    struct http_file_cache *cache;
    struct http_file_shard *shard;
    struct http_file_name name;
    uint64_t now_ns;
    bool keep_missing;
    bool may_wait; /* for a disk; else the outcome may be WAIT */
};

static struct look look_of(struct http_file_cache *cache, struct bytes path, uint64_t now_ns,
                           bool keep_missing) {
    uint64_t hash = XXH3_64bits_withSeed(path.data, path.size, cache->hash_seed);
    return (struct look){
        .cache = cache,
        .shard = &cache->shards[hash % HTTP_FILE_SHARDS_COUNT],
        .name = {.hash = hash, .path = path},
        .now_ns = now_ns,
        .keep_missing = keep_missing,
    };
}

/* Opens the path; a plain file is OK, with its descriptor. */
static enum http_file_outcome look_open(const struct look *look, int *fd, struct stat *stat) {
    char text[HTTP_FILE_PATH_SIZE_MAX + 1];
    if (look->name.path.size == 0 || look->name.path.size > HTTP_FILE_PATH_SIZE_MAX) {
        return HTTP_FILE_MISSING;
    }
    memcpy(text, look->name.path.data, look->name.path.size);
    text[look->name.path.size] = '\0';
    *fd = look->cache->io->open(look->cache->root_fd, text, !look->may_wait);
    if (*fd < 0) {
        return outcome_of(*fd);
    }
    if (fstat(*fd, stat) == 0 && S_ISREG(stat->st_mode)) {
        return HTTP_FILE_OK;
    }
    close(*fd);
    return S_ISDIR(stat->st_mode) ? HTTP_FILE_DIRECTORY : HTTP_FILE_MISSING;
}

/* There is no such file: what was known of it is wrong. True when the cache knows that now. */
static bool look_note_missing(const struct look *look, bool keep) {
    const struct stat nothing = {0};
    struct http_file *file =
        keep ? http_file_create(look->cache, look->name.path, &nothing, -1, file_sent_ready) : NULL;
    if (file == NULL) {
        http_file_shard_forget(look->shard, look->name);
        return false;
    }
    bool kept = http_file_shard_put(look->shard, look->name, look->now_ns, file);
    http_file_return(file);
    return kept;
}

/* A file that was opened and is another than the one known, if any. */
static enum http_file_outcome look_take_opened(const struct look *look, struct http_file *file, bool *kept) {
    if (file == NULL) {
        return HTTP_FILE_NO_MEMORY;
    }
    enum http_file_outcome outcome = file_load(file, look->may_wait);
    if (outcome != HTTP_FILE_OK) {
        http_file_return(file);
    } else {
        *kept = http_file_shard_put(look->shard, look->name, look->now_ns, file);
    }
    return outcome;
}

/* Asks the file system. OK: *file. *kept: the cache knows the outcome, too. */
static enum http_file_outcome look_do(const struct look *look, struct http_file **file, bool *kept) {
    struct stat stat = {0};
    int fd;
    *kept = false;
    enum http_file_outcome outcome = look_open(look, &fd, &stat);
    if (outcome == HTTP_FILE_MISSING || outcome == HTTP_FILE_DIRECTORY) {
        *kept = look_note_missing(look, outcome == HTTP_FILE_MISSING && look->keep_missing);
    }
    if (outcome != HTTP_FILE_OK) {
        return outcome;
    }
    const struct http_file_identity identity = http_file_identity_of(&stat);
    *file = http_file_shard_take(look->shard, look->name, look->now_ns, &identity, HTTP_FILE_LOOKED_AT);
    if (*file != NULL) {
        close(fd);
        *kept = true;
        return HTTP_FILE_OK;
    }
    *file = http_file_create(look->cache, look->name.path, &stat, fd, file_sent_ready);
    return look_take_opened(look, *file, kept);
}

/* --- on the threads of file_jobs.h -------------------------------------------------------------------------------- */

static struct http_page_block block_of(const struct http_file *file, uint64_t number) {
    uint64_t offset = number * HTTP_PAGE_CACHE_BLOCK_SIZE;
    uint64_t end = offset + HTTP_PAGE_CACHE_BLOCK_SIZE;
    const uint64_t hashed[] = {file->etag, number};
    return (struct http_page_block){
        .fd = file->sent.fd,
        .hash = XXH3_64bits_withSeed(hashed, sizeof(hashed), file->cache->hash_seed),
        .offset = offset,
        .end = end < file->identity.size ? end : file->identity.size,
    };
}

static void run_look(struct http_file_cache *cache, struct http_file_job *job) {
    struct look look = look_of(cache, bytes_of(job->path, job->path_size), job->asked_ns, job->keep_missing);
    look.may_wait = true;
    struct http_file *file;
    enum http_file_outcome outcome = look_do(&look, &file, &job->kept);
    if (outcome == HTTP_FILE_OK && job->kept) {
        http_file_return(file);
    } else if (outcome == HTTP_FILE_OK) {
        job->file = file;
    }
    /* WAIT: the file system says so although it was allowed to wait. */
    job->outcome = outcome == HTTP_FILE_WAIT ? HTTP_FILE_MISSING : outcome;
}

static void cache_run(void *context, struct http_file_job *job) {
    struct http_file_cache *cache = context;
    if (job->path_size > 0) {
        run_look(cache, job);
        return;
    }
    const struct http_page_block block = block_of(job->file, job->block);
    http_page_cache_fill(&cache->page_cache, cache->io, &block, clock_monotonic_ns());
    http_file_return(job->file);
    job->file = NULL;
}

/* --- on workers --------------------------------------------------------------------------------------------------- */

/* The block is there, or somebody brings it. */
static bool file_has_block(struct http_file *file, uint64_t number) {
    struct http_file_cache *cache = file->cache;
    const struct http_page_block block = block_of(file, number);
    if (http_page_cache_has(&cache->page_cache, cache->io, &block, clock_monotonic_ns())) {
        return true;
    }
    struct http_file_job job = {.hash = block.hash, .file = http_file_reference(file), .block = number};
    if (!http_file_jobs_add(&cache->jobs, &job)) {
        http_file_return(file);
    }
    return false;
}

static bool file_sent_ready(struct reply_file *sent, uint64_t offset, size_t size) {
    struct http_file *file = http_file_of_sent(sent);
    uint64_t last = (offset + size - 1) / HTTP_PAGE_CACHE_BLOCK_SIZE;
    for (uint64_t number = offset / HTTP_PAGE_CACHE_BLOCK_SIZE; number <= last; number++) {
        if (!file_has_block(file, number)) {
            return false;
        }
    }
    return true;
}

/* A file that was taken from the cache. */
static enum http_file_outcome outcome_of_known(struct http_file **file) {
    if (!(*file)->missing) {
        return HTTP_FILE_OK;
    }
    http_file_return(*file);
    *file = NULL;
    return HTTP_FILE_MISSING;
}

/* A disk is to be asked. What is known of the path is true until it answers. */
static enum http_file_outcome look_wait(const struct look *look, struct http_file **file) {
    *file = http_file_shard_take(look->shard, look->name, look->now_ns, NULL, HTTP_FILE_ANY_AGE);
    return *file == NULL ? HTTP_FILE_WAIT : outcome_of_known(file);
}

static void look_ask(const struct look *look) {
    struct http_file_job job = {
        .hash = look->name.hash,
        .path_size = look->name.path.size,
        .keep_missing = look->keep_missing,
        .asked_ns = look->now_ns,
    };
    memcpy(job.path, look->name.path.data, look->name.path.size);
    http_file_jobs_add(&look->cache->jobs, &job); /* without a place: at the next call */
}

/* Nothing is known of the path, or not lately. */
static enum http_file_outcome take_looked(const struct look *look, struct http_file **file) {
    enum http_file_outcome outcome;
    bool kept;
    if (http_file_jobs_find(&look->cache->jobs, look->name.hash, look->name.path, &outcome, file)) {
        return outcome == HTTP_FILE_WAIT ? look_wait(look, file) : outcome;
    }
    outcome = look_do(look, file, &kept);
    if (outcome == HTTP_FILE_WAIT) {
        look_ask(look);
        outcome = look_wait(look, file);
    }
    return outcome;
}

enum http_file_outcome http_file_take(struct http_file_cache *cache, struct bytes path, uint64_t now_ns,
                                      bool keep_missing, struct http_file **file) {
    struct look look = look_of(cache, path, now_ns, keep_missing);
    *file = http_file_shard_take(look.shard, look.name, now_ns, NULL, HTTP_FILE_LOOKED_AT);
    return *file != NULL ? outcome_of_known(file) : take_looked(&look, file);
}

void http_file_cache_destroy(struct http_file_cache *cache) {
    if (cache == NULL) {
        return;
    }
    http_file_jobs_deinit(&cache->jobs);
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
        http_file_shard_deinit(&cache->shards[i]);
    }
    assert(atomic_load(&cache->size) == 0 && atomic_load(&cache->descriptors_count) == 0);
    close(cache->root_fd);
    free(cache);
}
