/* SPDX-License-Identifier: MIT
 *
 * file_shard: entries, and which of them goes.
 */
#include "file_shard.h"

#include <stdlib.h>
#include <string.h>

#include "file_cache.h"
#include "riposte/clock.h"

static bool entry_has_descriptor(const struct http_file_entry *entry) {
    return entry->file != NULL && entry->file->sent.fd >= 0;
}

/* The caller has the lock. */
static void entry_clear(struct http_file_entry *entry) {
    if (entry_has_descriptor(entry)) {
        atomic_fetch_sub(&entry->file->cache->descriptors_count, 1);
    }
    http_file_return(entry->file);
    free(entry->path);
    *entry = (struct http_file_entry){.file = NULL};
}

/*
 * The file that was not asked for longest, of all or of those that have a descriptor; NULL when there is none. The caller
 * has the lock.
 */
static struct http_file_entry *shard_oldest(struct http_file_shard *shard, bool with_descriptor) {
    struct http_file_entry *oldest = NULL;
    for (unsigned i = 0; i < HTTP_FILE_SHARD_ENTRIES_MAX; i++) {
        struct http_file_entry *entry = &shard->entries[i];
        bool counts = with_descriptor ? entry_has_descriptor(entry) : entry->file != NULL;
        if (counts && (oldest == NULL || entry->used_ns < oldest->used_ns)) {
            oldest = entry;
        }
    }
    return oldest;
}

/* An entry for a new file: a free one, or the oldest, cleared. The caller has the lock. */
static struct http_file_entry *shard_free(struct http_file_shard *shard) {
    for (unsigned i = 0; i < HTTP_FILE_SHARD_ENTRIES_MAX; i++) {
        if (shard->entries[i].file == NULL) {
            return &shard->entries[i];
        }
    }
    struct http_file_entry *oldest = shard_oldest(shard, false);
    entry_clear(oldest);
    return oldest;
}

/* The oldest file of the shard goes. False when it has none. */
bool http_file_shard_evict(struct http_file_shard *shard) {
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *oldest = shard_oldest(shard, false);
    if (oldest != NULL) {
        entry_clear(oldest);
    }
    pthread_mutex_unlock(&shard->lock);
    return oldest != NULL;
}

/* NULL when it is not there. The caller has the lock. */
static struct http_file_entry *shard_find(struct http_file_shard *shard, struct http_file_name name) {
    for (unsigned i = 0; i < HTTP_FILE_SHARD_ENTRIES_MAX; i++) {
        struct http_file_entry *entry = &shard->entries[i];
        if (entry->hash == name.hash && entry->file != NULL &&
            bytes_equal(bytes_of(entry->path, entry->path_size), name.path)) {
            return entry;
        }
    }
    return NULL;
}

struct http_file *http_file_shard_take(struct http_file_shard *shard, struct http_file_name name,
                                       uint64_t now_ns, const struct http_file_identity *identity,
                                       enum http_file_age age) {
    struct http_file *file = NULL;
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *entry = shard_find(shard, name);
    if (entry != NULL && identity != NULL && http_file_is_same(entry->file, identity)) {
        entry->looked_ns = now_ns;
    }
    if (entry != NULL && (age == HTTP_FILE_ANY_AGE || now_ns - entry->looked_ns < HTTP_FILE_LOOK_PERIOD_NS)) {
        entry->used_ns = now_ns;
        file = http_file_reference(entry->file);
    }
    pthread_mutex_unlock(&shard->lock);
    return file;
}

/*
 * Counts one more entry with a descriptor, in the place of the shard's oldest where all are taken. False when the shard has
 * none. The caller has the lock.
 */
static bool shard_take_descriptor(struct http_file_cache *cache, struct http_file_shard *shard) {
    if (atomic_fetch_add(&cache->descriptors_count, 1) < HTTP_FILE_DESCRIPTORS_MAX) {
        return true;
    }
    struct http_file_entry *oldest = shard_oldest(shard, true);
    if (oldest == NULL) {
        atomic_fetch_sub(&cache->descriptors_count, 1);
        return false;
    }
    entry_clear(oldest);
    return true;
}

bool http_file_shard_put(struct http_file_shard *shard, struct http_file_name name, uint64_t now_ns,
                         struct http_file *file) {
    char *copy = malloc(name.path.size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, name.path.data, name.path.size);
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *entry = shard_find(shard, name);
    if (entry != NULL) {
        entry_clear(entry);
    }
    if (file->sent.fd >= 0 && !shard_take_descriptor(file->cache, shard)) {
        pthread_mutex_unlock(&shard->lock);
        free(copy);
        return false;
    }
    entry = shard_free(shard);
    *entry = (struct http_file_entry){.hash = name.hash,
                                      .looked_ns = now_ns,
                                      .used_ns = now_ns,
                                      .file = http_file_reference(file),
                                      .path = copy,
                                      .path_size = name.path.size};
    pthread_mutex_unlock(&shard->lock);
    return true;
}

void http_file_shard_forget(struct http_file_shard *shard, struct http_file_name name) {
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *entry = shard_find(shard, name);
    if (entry != NULL) {
        entry_clear(entry);
    }
    pthread_mutex_unlock(&shard->lock);
}

void http_file_shard_init(struct http_file_shard *shard) {
    pthread_mutex_init(&shard->lock, NULL);
}

void http_file_shard_deinit(struct http_file_shard *shard) {
    for (unsigned i = 0; i < HTTP_FILE_SHARD_ENTRIES_MAX; i++) {
        if (shard->entries[i].file != NULL) {
            entry_clear(&shard->entries[i]);
        }
    }
    pthread_mutex_destroy(&shard->lock);
}
