/* SPDX-License-Identifier: MIT
 *
 * file: references, identity, contents.
 */
#include "file.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "file_cache.h"
#include "media.h"
#include "parse/date.h"
#include "riposte/clock.h"

void http_file_return(void *owner) {
    struct http_file *file = owner;
    /* acq_rel: whoever frees it comes after everybody else's reading. */
    if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (file->data != NULL) {
        atomic_fetch_sub(&file->cache->size, file->identity.size);
        free(file->data);
    }
    if (file->sent.fd >= 0) {
        close(file->sent.fd);
    }
    free(file);
}

struct http_file *http_file_of_sent(struct reply_file *sent) {
    return (struct http_file *)(void *)((char *)sent - offsetof(struct http_file, sent));
}

static void file_release_sent(struct reply_file *sent) {
    http_file_return(http_file_of_sent(sent));
}

struct http_file *http_file_reference(struct http_file *file) {
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed); /* relaxed: it is held already */
    return file;
}

static uint64_t wrapped_ns(const struct timespec *time) {
    return (uint64_t)time->tv_sec * CLOCK_NS_PER_S + (uint64_t)time->tv_nsec;
}

struct http_file_identity http_file_identity_of(const struct stat *stat) {
    return (struct http_file_identity){
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = (uint64_t)stat->st_size,
        .modified_ns = wrapped_ns(&stat->st_mtim),
        .changed_ns = wrapped_ns(&stat->st_ctim),
    };
}

bool http_file_is_same(const struct http_file *file, const struct http_file_identity *identity) {
    const struct http_file_identity *known = &file->identity;
    return known->device == identity->device && known->inode == identity->inode &&
           known->size == identity->size && known->modified_ns == identity->modified_ns &&
           known->changed_ns == identity->changed_ns;
}

/* ETag, Last-Modified where the file is not older than dates, and that its type is meant. */
static void file_write_fields(struct http_file *file) {
    char date[HTTP_DATE_SIZE + 1] = "";
    bool has_date = file->modified_s >= 0;
    if (has_date) {
        http_date_write(date, (uint64_t)file->modified_s);
    }
    int tag_at = (int)strlen("ETag: ");
    int tag_end =
        snprintf(file->fields, sizeof(file->fields), "ETag: \"%llu\"", (unsigned long long)file->etag);
    const char *before = has_date ? "\r\nLast-Modified: " : "";
    int rest = snprintf(file->fields + tag_end, sizeof(file->fields) - (size_t)tag_end,
                        "%s%s\r\nX-Content-Type-Options: nosniff\r\n", before, date);
    file->date_at = has_date ? (size_t)tag_end + strlen(before) : 0;
    file->tag = bytes_of(file->fields + tag_at, (size_t)(tag_end - tag_at));
    file->fields_size = (size_t)tag_end + (size_t)rest;
    assert(file->fields_size < sizeof(file->fields));
}

struct http_file *http_file_create(struct http_file_cache *cache, struct bytes path, const struct stat *stat,
                                   int fd,
                                   bool (*ready)(struct reply_file *sent, uint64_t offset, size_t size)) {
    struct http_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    atomic_init(&file->references, 1);
    file->cache = cache;
    file->identity = http_file_identity_of(stat);
    file->modified_s = stat->st_mtim.tv_sec;
    file->missing = fd < 0;
    file->etag = XXH3_64bits(&file->identity, sizeof(file->identity)) | 1;
    file->type = http_media_type(path);
    file_write_fields(file);
    file->sent = (struct reply_file){.fd = fd, .ready = ready, .release = file_release_sent};
    return file;
}

/* 0, -EAGAIN or -EOPNOTSUPP where a disk would have to be waited for, or another negative errno. */
static int file_read(const struct http_file *file, char *data, bool may_wait) {
    size_t size = file->identity.size;
    size_t at = 0;
    while (at < size) {
        ssize_t got = file->cache->io->read(file->sent.fd, data + at, size - at, at, !may_wait);
        if (got < 0) {
            return (int)got;
        }
        if (got == 0) {
            return -ENODATA; /* it has shrunk meanwhile */
        }
        at += (size_t)got;
    }
    return 0;
}

int http_file_load(struct http_file *file, bool may_wait) {
    size_t size = file->identity.size;
    char *data = malloc(size + (size == 0));
    if (data == NULL) {
        return -ENOMEM;
    }
    int error = file_read(file, data, may_wait);
    if (error < 0) {
        free(data);
        return error;
    }
    close(file->sent.fd);
    file->sent.fd = -1;
    file->data = data;
    atomic_fetch_add(&file->cache->size, size);
    return 0;
}
