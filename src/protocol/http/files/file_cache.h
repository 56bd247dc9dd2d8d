/* SPDX-License-Identifier: MIT
 *
 * file_cache: the files beneath one folder: small ones are read once into memory that all workers share, larger ones
 * are kept open and sent by the kernel from its page cache, where they are held once.
 *
 *      http_file_take --> | known, looked at within a second          --> from memory
 *                         | known, the file is still the same         --> from memory
 *                         | else opened; read where it is small       --> kept
 *
 * Nothing outside the folder can be opened, whatever a path says or a link points to (openat2(2) with
 * RESOLVE_BENEATH, Linux 5.6). All contents together have a bound, and so has the number of descriptors; what was not asked
 * for longest goes first.
 * Opening and reading block the worker that does it. Any thread may call.
 */
#ifndef HTTP_FILE_CACHE_H
#define HTTP_FILE_CACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include "riposte/bytes.h"
#include "riposte/reply.h"

enum {
    /*
     * Bytes of a file that is kept in memory. From there its answer is one send with head and body, which copies both;
     * a larger one is a send and a sendfile, which copies nothing on this side.
     */
    HTTP_FILE_KEPT_SIZE_MAX = 16 * 1024,
    HTTP_FILE_DESCRIPTORS_MAX = 256, /* kept open while nobody sends from them */
    HTTP_FILE_PATH_SIZE_MAX = 1024,  /* bytes of a path; a longer one is missing */
    HTTP_FILE_SHARDS_COUNT = 64,
    HTTP_FILE_SHARD_ENTRIES_MAX = 64, /* so many files at most, for each of the shards */
};

/* What is one and the same file as before. */
struct http_file_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t modified_ns; /* Unix time, as all here */
    int64_t changed_ns;
};

/* One state of a file; constant but for `references`. */
struct http_file {
    _Atomic unsigned references; /* of the cache and of those who have taken it */
    struct http_file_cache *cache;
    struct http_file_identity identity;
    uint64_t etag; /* a number that another state of the file does not have; never 0 */
    bool missing;  /* there was no such file: remembered for names that are asked for again and again */
    char *data;    /* owned: identity.size bytes; NULL: not in memory, or missing */
    struct reply_file sent; /* its descriptor, owned, is -1 where the contents are in memory */
};

struct http_file_entry {
    uint64_t hash; /* of the path */
    uint64_t looked_ns;
    uint64_t used_ns;
    struct http_file *file; /* NULL: free */
    char *path;             /* owned; path_size bytes */
    size_t path_size;
};

struct http_file_cache {
    int root_fd;          /* owned */
    size_t size_max;      /* bytes of all contents */
    size_t file_size_max; /* bytes of one that is kept */
    _Atomic size_t size;  /* bytes of contents now, those that only readers still hold included */
    _Atomic unsigned descriptors_count; /* of entries */
    uint64_t hash_seed;
    struct http_file_shard {
        pthread_mutex_t lock; /* of the entries */
        struct http_file_entry entries[HTTP_FILE_SHARD_ENTRIES_MAX];
    } shards[HTTP_FILE_SHARDS_COUNT];
};

/* 0, or a negative errno: -ENOTDIR for what is no folder. size_max: bytes. */
int http_file_cache_create(const char *root, size_t size_max, struct http_file_cache **cache);

/* Nothing that was taken is still held. NULL is allowed. */
void http_file_cache_destroy(struct http_file_cache *cache);

enum http_file_outcome {
    HTTP_FILE_OK,
    HTTP_FILE_MISSING, /* also: not to be read, not a plain file, outside the folder */
    HTTP_FILE_DIRECTORY,
    HTTP_FILE_NO_MEMORY, /* or no descriptor */
};

/*
 * `path` is relative to the folder, without NUL. OK: *file, to be given back by http_file_return. That there is
 * no such file is remembered when `keep_missing`: not for names that clients make up.
 */
enum http_file_outcome http_file_take(struct http_file_cache *cache, struct bytes path, uint64_t now_ns,
                                      bool keep_missing, struct http_file **file);

/* Takes void * so that it can serve as a release function. */
void http_file_return(void *file);

#endif
