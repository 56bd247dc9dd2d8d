/* SPDX-License-Identifier: MIT
 *
 * file_shard: a part of the files that are known, by path, under a lock of its own. Any thread may call.
 */
#ifndef HTTP_FILE_SHARD_H
#define HTTP_FILE_SHARD_H

#include <pthread.h>
#include <stdint.h>

#include "file.h"
#include "riposte/bytes.h"

enum { HTTP_FILE_SHARD_ENTRIES_MAX = 64 /* so many files at most */ };

/* A file is looked at again when that long has passed. */
#define HTTP_FILE_LOOK_PERIOD_NS CLOCK_NS_PER_S

struct http_file_entry {
    uint64_t hash; /* of the path */
    uint64_t looked_ns;
    uint64_t used_ns;
    struct http_file *file; /* NULL: free */
    char *path;             /* owned; path_size bytes */
    size_t path_size;
};

struct http_file_shard {
    pthread_mutex_t lock; /* of the entries */
    struct http_file_entry entries[HTTP_FILE_SHARD_ENTRIES_MAX];
};

/* A path with its hash. */
struct http_file_name {
    uint64_t hash;
    struct bytes path;
};

/* How old what is known may be. */
enum http_file_age { HTTP_FILE_LOOKED_AT, HTTP_FILE_ANY_AGE };

/*
 * What is known of the path; a reference to it, when it was looked at lately, is still `identity` (NULL: not asked), or
 * may be of any age. NULL when there is nothing.
 */
struct http_file *http_file_shard_take(struct http_file_shard *shard, struct http_file_name name,
                                       uint64_t now_ns, const struct http_file_identity *identity,
                                       enum http_file_age age);

/* False where memory for the path, or descriptors, end: the file is served all the same, and not kept. */
bool http_file_shard_put(struct http_file_shard *shard, struct http_file_name name, uint64_t now_ns,
                         struct http_file *file);

/* The file is not there any more, or is none. */
void http_file_shard_forget(struct http_file_shard *shard, struct http_file_name name);

/* The file that was not asked for longest goes; false when there is none. */
bool http_file_shard_evict(struct http_file_shard *shard);

void http_file_shard_init(struct http_file_shard *shard);
void http_file_shard_deinit(struct http_file_shard *shard);

#endif
