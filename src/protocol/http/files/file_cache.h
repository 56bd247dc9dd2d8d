/* SPDX-License-Identifier: MIT
 *
 * file_cache: the files beneath one folder: small ones are read once into memory that all workers share, larger ones
 * are kept open and sent by the kernel from its page cache, where they are held once.
 *
 *      http_file_take --> | known, looked at within a second          --> from memory
 *                         | known, the file is still the same         --> from memory
 *                         | else opened; read where it is small       --> kept
 *                         | a disk would have to be waited for        --> a thread of file_jobs.h does that; meanwhile
 *                                                                         what is known, or WAIT
 *
 * All contents together have a bound, and so has the number of descriptors; what was not asked for longest goes first.
 * Workers never wait for a disk: they take what the kernel has in memory (file_io.h, page_cache.h). Opening a file of a
 * network file system may ask its server all the same. Any thread may call.
 */
#ifndef HTTP_FILE_CACHE_H
#define HTTP_FILE_CACHE_H

#include <stdatomic.h>
#include <stdint.h>

#include "file.h"
#include "file_jobs.h"
#include "file_shard.h"
#include "page_cache.h"
#include "riposte/bytes.h"
#include "riposte/http.h"

enum {
    /*
     * Bytes of a file that is kept in memory. From there its answer is one send with head and body, which copies both;
     * a larger one is a send and a sendfile, which copies nothing on this side.
     */
    HTTP_FILE_KEPT_SIZE_MAX = 16 * 1024,
    HTTP_FILE_SHARDS_COUNT = 64,
};

struct http_file_cache {
    int root_fd;          /* owned */
    size_t size_max;      /* bytes of all contents */
    size_t file_size_max; /* bytes of one that is kept */
    _Atomic size_t size;  /* bytes of contents now, those that only readers still hold included */
    _Atomic unsigned descriptors_count; /* of entries */
    uint64_t hash_seed;
    const struct http_file_io *io; /* the kernel's; a test sets its own before the first file is taken */
    struct http_page_cache page_cache;
    struct http_file_jobs jobs;
    struct http_file_shard shards[HTTP_FILE_SHARDS_COUNT];
};

/* 0, or a negative errno: -ENOTDIR for what is no folder. size_max: bytes. */
int http_file_cache_create(const char *root, size_t size_max, struct http_file_cache **cache);

/*
 * Starts the threads that wait for disks, once, with the rights of the caller. 0, or a negative errno. Without them
 * nothing ends a WAIT.
 */
int http_file_cache_start(struct http_file_cache *cache);

/* Nothing that was taken is still held. NULL is allowed. */
void http_file_cache_destroy(struct http_file_cache *cache);

/*
 * `path` is relative to the folder, without NUL. OK: *file, to be given back by http_file_return. That there is
 * no such file is remembered when `keep_missing`: not for names that clients make up. What is known is given while a disk
 * is asked whether it has changed.
 */
enum http_file_outcome http_file_take(struct http_file_cache *cache, struct bytes path, uint64_t now_ns,
                                      bool keep_missing, struct http_file **file);

#endif
