/* SPDX-License-Identifier: MIT
 *
 * file_cache: shards of entries by the hash of their path, and reading beneath one folder.
 */
#include "file_cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "riposte/clock.h"
#include "riposte/random.h"

/* A file is looked at again when that long has passed. */
#define LOOK_PERIOD_NS CLOCK_NS_PER_S

int http_file_cache_create(const char *root, size_t size_max, struct http_file_cache **cache) {
    struct http_file_cache *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (made->root_fd < 0) {
        int error = errno;
        free(made);
        return -error;
    }
    made->size_max = size_max;
    made->file_size_max = size_max / 2 < HTTP_FILE_KEPT_SIZE_MAX ? size_max / 2 : HTTP_FILE_KEPT_SIZE_MAX;
    made->hash_seed = random_seed();
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
        pthread_mutex_init(&made->shards[i].lock, NULL);
    }
    *cache = made;
    return 0;
}

/* --- one file ------------------------------------------------------------------------------------------------- */

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

static void file_release_sent(struct reply_file *sent) {
    http_file_return((char *)sent - offsetof(struct http_file, sent));
}

static struct http_file *file_reference(struct http_file *file) {
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed); /* relaxed: it is held already */
    return file;
}

static struct http_file_identity identity_of(const struct stat *stat) {
    return (struct http_file_identity){
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = (uint64_t)stat->st_size,
        .modified_ns = stat->st_mtim.tv_sec * (int64_t)CLOCK_NS_PER_S + stat->st_mtim.tv_nsec,
        .changed_ns = stat->st_ctim.tv_sec * (int64_t)CLOCK_NS_PER_S + stat->st_ctim.tv_nsec,
    };
}

static bool identity_equal(const struct http_file_identity *left, const struct http_file_identity *right) {
    return left->device == right->device && left->inode == right->inode && left->size == right->size &&
           left->modified_ns == right->modified_ns && left->changed_ns == right->changed_ns;
}

/* Without contents; takes `fd` over, -1 for one that is missing. NULL when memory ends. */
static struct http_file *file_create(struct http_file_cache *cache, const struct stat *stat, int fd) {
    struct http_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    atomic_init(&file->references, 1);
    file->cache = cache;
    file->identity = identity_of(stat);
    file->missing = fd < 0;
    file->etag = XXH3_64bits(&file->identity, sizeof(file->identity)) | 1;
    file->sent = (struct reply_file){.fd = fd, .release = file_release_sent};
    return file;
}

static bool read_whole(int fd, char *data, size_t size) {
    size_t at = 0;
    while (at < size) {
        ssize_t got = pread(fd, data + at, size - at, (off_t)at);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* --- room ----------------------------------------------------------------------------------------------------- */

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
static bool shard_evict(struct http_file_shard *shard) {
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *oldest = shard_oldest(shard, false);
    if (oldest != NULL) {
        entry_clear(oldest);
    }
    pthread_mutex_unlock(&shard->lock);
    return oldest != NULL;
}

/* The oldest file of each shard in turn goes until `size` more bytes fit. False when readers hold too much. */
static bool cache_make_room(struct http_file_cache *cache, size_t size) {
    bool evicted = true;
    while (evicted && atomic_load(&cache->size) + size > cache->size_max) {
        evicted = false;
        for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
            if (atomic_load(&cache->size) + size <= cache->size_max) {
                return true;
            }
            evicted |= shard_evict(&cache->shards[i]);
        }
    }
    return atomic_load(&cache->size) + size <= cache->size_max;
}

/* Reads the contents where they are small and there is room; else the file stays open, to be sent from. */
static enum http_file_outcome file_load(struct http_file *file) {
    struct http_file_cache *cache = file->cache;
    size_t size = file->identity.size;
    if (size > cache->file_size_max || !cache_make_room(cache, size)) {
        return HTTP_FILE_OK;
    }
    char *data = malloc(size + (size == 0));
    if (data == NULL) {
        return HTTP_FILE_NO_MEMORY;
    }
    if (!read_whole(file->sent.fd, data, size)) {
        free(data); /* it shrank meanwhile, or cannot be read */
        return HTTP_FILE_MISSING;
    }
    close(file->sent.fd);
    file->sent.fd = -1;
    file->data = data;
    atomic_fetch_add(&cache->size, size);
    return HTTP_FILE_OK;
}

/* --- look-up -------------------------------------------------------------------------------------------------- */

/* NULL when it is not there. The caller has the lock. */
static struct http_file_entry *shard_find(struct http_file_shard *shard, uint64_t hash, struct bytes path) {
    for (unsigned i = 0; i < HTTP_FILE_SHARD_ENTRIES_MAX; i++) {
        struct http_file_entry *entry = &shard->entries[i];
        if (entry->hash == hash && entry->file != NULL &&
            bytes_equal(bytes_of(entry->path, entry->path_size), path)) {
            return entry;
        }
    }
    return NULL;
}

/* What is known of the path; a reference to it, when it was looked at lately or is still `identity`. */
static struct http_file *shard_take(struct http_file_shard *shard, uint64_t hash, struct bytes path,
                                    uint64_t now_ns, const struct http_file_identity *identity) {
    struct http_file *file = NULL;
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *entry = shard_find(shard, hash, path);
    if (entry != NULL && identity != NULL && identity_equal(&entry->file->identity, identity)) {
        entry->looked_ns = now_ns;
    }
    if (entry != NULL && now_ns - entry->looked_ns < LOOK_PERIOD_NS) {
        entry->used_ns = now_ns;
        file = file_reference(entry->file);
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

/* Where memory for the path, or descriptors, end the file is served all the same, and not kept. */
static void shard_put(struct http_file_shard *shard, uint64_t hash, struct bytes path, uint64_t now_ns,
                      struct http_file *file) {
    char *copy = malloc(path.size);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, path.data, path.size);
    pthread_mutex_lock(&shard->lock);
    struct http_file_entry *entry = shard_find(shard, hash, path);
    if (entry != NULL) {
        entry_clear(entry);
    }
    if (file->sent.fd >= 0 && !shard_take_descriptor(file->cache, shard)) {
        pthread_mutex_unlock(&shard->lock);
        free(copy);
        return;
    }
    entry = shard_free(shard);
    *entry = (struct http_file_entry){.hash = hash,
                                      .looked_ns = now_ns,
                                      .used_ns = now_ns,
                                      .file = file_reference(file),
                                      .path = copy,
                                      .path_size = path.size};
    pthread_mutex_unlock(&shard->lock);
}

/* A descriptor, or a negative errno. */
static int beneath_open(int root_fd, struct bytes path) {
    char text[HTTP_FILE_PATH_SIZE_MAX + 1];
    if (path.size == 0 || path.size > HTTP_FILE_PATH_SIZE_MAX) {
        return -ENOENT;
    }
    memcpy(text, path.data, path.size);
    text[path.size] = '\0';
    const struct open_how how = {
        .flags =
            O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a pipe or a device must not hold the worker up */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, root_fd, text, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

static enum http_file_outcome outcome_of(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM ? HTTP_FILE_NO_MEMORY : HTTP_FILE_MISSING;
}

/* Opens the path; a plain file is OK, with its descriptor. */
static enum http_file_outcome file_open(struct http_file_cache *cache, struct bytes path, int *fd,
                                        struct stat *stat) {
    *fd = beneath_open(cache->root_fd, path);
    if (*fd < 0) {
        return outcome_of(*fd);
    }
    if (fstat(*fd, stat) == 0 && S_ISREG(stat->st_mode)) {
        return HTTP_FILE_OK;
    }
    close(*fd);
    return S_ISDIR(stat->st_mode) ? HTTP_FILE_DIRECTORY : HTTP_FILE_MISSING;
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

static void missing_keep(struct http_file_cache *cache, struct http_file_shard *shard, uint64_t hash,
                         struct bytes path, uint64_t now_ns) {
    const struct stat nothing = {0};
    struct http_file *file = file_create(cache, &nothing, -1);
    if (file != NULL) {
        shard_put(shard, hash, path, now_ns, file);
        http_file_return(file);
    }
}

/* A file that was opened and is another than the one known, if any. */
static enum http_file_outcome opened_take(struct http_file_shard *shard, uint64_t hash, struct bytes path,
                                          uint64_t now_ns, struct http_file *file) {
    if (file == NULL) {
        return HTTP_FILE_NO_MEMORY;
    }
    enum http_file_outcome outcome = file_load(file);
    if (outcome != HTTP_FILE_OK) {
        http_file_return(file);
    } else {
        shard_put(shard, hash, path, now_ns, file);
    }
    return outcome;
}

enum http_file_outcome http_file_take(struct http_file_cache *cache, struct bytes path, uint64_t now_ns,
                                      bool keep_missing, struct http_file **file) {
    uint64_t hash = XXH3_64bits_withSeed(path.data, path.size, cache->hash_seed);
    struct http_file_shard *shard = &cache->shards[hash % HTTP_FILE_SHARDS_COUNT];
    struct stat stat = {0};
    int fd;
    *file = shard_take(shard, hash, path, now_ns, NULL);
    if (*file != NULL) {
        return outcome_of_known(file);
    }
    enum http_file_outcome outcome = file_open(cache, path, &fd, &stat);
    if (outcome == HTTP_FILE_MISSING && keep_missing) {
        missing_keep(cache, shard, hash, path, now_ns);
    }
    if (outcome != HTTP_FILE_OK) {
        return outcome;
    }
    const struct http_file_identity identity = identity_of(&stat);
    *file = shard_take(shard, hash, path, now_ns, &identity);
    if (*file != NULL) {
        close(fd);
        return HTTP_FILE_OK;
    }
    *file = file_create(cache, &stat, fd);
    return opened_take(shard, hash, path, now_ns, *file);
}

void http_file_cache_destroy(struct http_file_cache *cache) {
    if (cache == NULL) {
        return;
    }
    for (unsigned i = 0; i < HTTP_FILE_SHARDS_COUNT; i++) {
        struct http_file_shard *shard = &cache->shards[i];
        for (unsigned j = 0; j < HTTP_FILE_SHARD_ENTRIES_MAX; j++) {
            if (shard->entries[j].file != NULL) {
                entry_clear(&shard->entries[j]);
            }
        }
        pthread_mutex_destroy(&shard->lock);
    }
    assert(atomic_load(&cache->size) == 0 && atomic_load(&cache->descriptors_count) == 0);
    close(cache->root_fd);
    free(cache);
}
