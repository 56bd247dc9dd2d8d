/* SPDX-License-Identifier: MIT
 *
 * file: one state of a file, with its contents or open to be sent from; shared by the cache and by those who have taken it.
 * Any thread may call.
 */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "riposte/reply.h"

struct http_file_cache;

enum { HTTP_FILE_FIELDS_SIZE_MAX = 128 };

/* What is one and the same file as before. */
struct http_file_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t modified_ns; /* Unix time modulo 2^64, as all here: a file may say any year */
    uint64_t changed_ns;
};

/* One state of a file; constant but for `references`. */
struct http_file {
    _Atomic unsigned references; /* of the cache and of those who have taken it */
    struct http_file_cache *cache;
    struct http_file_identity identity;
    uint64_t etag;     /* a number that another state of the file does not have; never 0 */
    struct bytes type; /* media type, by the name */
    struct bytes tag;  /* the number as an entity tag with its quotes; in `fields` */
    char fields[HTTP_FILE_FIELDS_SIZE_MAX]; /* lines of every answer with it, written once */
    size_t fields_size;
    size_t date_at;     /* where in `fields` the date of Last-Modified stands; 0: it has none */
    int64_t modified_s; /* Unix time; the date where that is not in the future */
    bool missing;       /* there was no such file: remembered for names that are asked for again and again */
    char *data;         /* owned: identity.size bytes; NULL: not in memory, or missing */
    struct reply_file sent; /* its descriptor, owned, is -1 where the contents are in memory */
};

bool http_file_is_same(const struct http_file *file, const struct http_file_identity *identity);

struct http_file_identity http_file_identity_of(const struct stat *stat);

/*
 * Without contents and with one reference; takes `fd` over, -1 for one that is missing. `ready`: as reply_file has it. NULL
 * when memory ends.
 */
struct http_file *http_file_create(struct http_file_cache *cache, struct bytes path, const struct stat *stat,
                                   int fd,
                                   bool (*ready)(struct reply_file *sent, uint64_t offset, size_t size));

/* One reference more, of a file that is held. */
struct http_file *http_file_reference(struct http_file *file);

/* Gives a reference back. Takes void * so that it can serve as a release function. */
void http_file_return(void *file);

struct http_file *http_file_of_sent(struct reply_file *sent);

/*
 * Reads the contents into memory, for which there is room, and closes the descriptor. 0 or a negative errno; unless
 * `may_wait`, -EAGAIN or -EOPNOTSUPP where a disk would have to be waited for.
 */
int http_file_load(struct http_file *file, bool may_wait);

#endif
